import { describe, expect, it } from 'vitest';
import {
  formatLastMicros,
  formatMicros,
  isTimeZone,
  localDay,
  microsOfMillis,
  parseInstant,
} from '../../../src/core/time.ts';

describe('an instant', () => {
  it.each([
    ['2026-03-01T10:15:30.1234567+02:00', '2026-03-01T08:15:30.123456Z'],
    ['9999-12-31T23:59:59.9999999+00:00', '9999-12-31T23:59:59.999999Z'],
    ['2300-06-01T00:00:00.000001-00:30', '2300-06-01T00:30:00.000001Z'],
    ['0001-01-01T00:00:00.5+00:00', '0001-01-01T00:00:00.500000Z'],
  ])('is told exactly, however far away: %s', (text, expected) => {
    expect(parseInstant(text)?.text).toBe(expected);
  });

  it.each(['9999-12-31T23:30:00-01:00', '0001-01-01T00:30:00+01:00'])(
    'outside of the years that warehouses hold is none: %s',
    (text) => {
      expect(parseInstant(text)).toBeUndefined();
    },
  );

  it.each([
    '2026-03-01T00:00:00.123457Z',
    '2255-06-06T00:00:00.000001Z',
    '2300-01-01T00:00:00.000001Z',
    '9999-12-31T23:59:59.999999Z',
  ])('lies between the bounds that its microseconds give: %s', (text) => {
    const micros = parseInstant(text)?.micros ?? Number.NaN;
    expect(formatMicros(micros) <= text).toBe(true);
    expect(formatLastMicros(micros) >= text).toBe(true);
    expect(formatLastMicros(micros).slice(0, 19)).toBe(text.slice(0, 19));
  });

  it('of a broker timestamp is bounded the same way', () => {
    const micros = microsOfMillis(Date.parse('9999-12-31T23:59:59.999Z'));
    expect(formatMicros(micros) <= '9999-12-31T23:59:59.999000Z').toBe(true);
    expect(formatLastMicros(micros) >= '9999-12-31T23:59:59.999000Z').toBe(true);
  });
});

describe('the name of a time zone', () => {
  // Intl takes some names that Temporal does not, and the other way round nobody knows of any.
  const names = [
    'Europe/Berlin',
    'europe/berlin',
    'UTC',
    'ACT',
    'SystemV/AST4',
    'EST',
    'Etc/GMT+5',
    'Mars/Olympus',
    '',
  ];

  it('passes exactly when days can be told in it', () => {
    const tells = (zone: string): boolean => {
      try {
        return localDay(Date.UTC(2026, 2, 1), zone).startsWith('2026-0');
      } catch {
        return false;
      }
    };
    expect(names.map(isTimeZone)).toEqual(names.map(tells));
    expect(names.filter(isTimeZone)).toEqual(expect.arrayContaining(['Europe/Berlin', 'UTC', 'Etc/GMT+5']));
    expect(isTimeZone('Mars/Olympus')).toBe(false);
  });
});
