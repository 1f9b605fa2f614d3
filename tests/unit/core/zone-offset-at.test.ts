import { describe, expect, it } from 'vitest';
import { localDay } from '../../../src/core/time.ts';
import { offsetByIntl, offsetByTemporal } from '../../../src/core/zone-offset-at.ts';

const HOUR_MS = 3_600_000;

describe('the offset of a zone', () => {
  it('is the same by Temporal and by Intl, in every zone', () => {
    expect(offsetByTemporal).toBeDefined();
    const differ: string[] = [];
    for (const zone of Intl.supportedValuesOf('timeZone')) {
      for (let at = Date.UTC(2000, 0, 1, 0, 30); at < Date.UTC(2040, 0, 1); at += 83 * 24.7 * HOUR_MS)
        if (offsetByTemporal?.(at, zone) !== offsetByIntl(at, zone))
          differ.push(`${zone} ${new Date(at).toISOString()}`);
    }
    expect(differ).toEqual([]);
  });

  it('changes with daylight saving, to the millisecond', () => {
    const spring = Date.parse('2026-03-29T01:00:00Z');
    for (const offset of [offsetByIntl, offsetByTemporal]) {
      expect(offset?.(spring - 1, 'Europe/Berlin')).toBe(3600);
      expect(offset?.(spring, 'Europe/Berlin')).toBe(7200);
      expect(offset?.(spring + 0.5, 'Asia/Kathmandu')).toBe(20_700);
    }
  });
});

it.each([
  ['2026-03-28T22:59:59.999Z', 'Europe/Berlin', '2026-03-28'],
  ['2026-03-28T23:00:00.000Z', 'Europe/Berlin', '2026-03-29'],
  ['2026-03-29T22:00:00.000Z', 'Europe/Berlin', '2026-03-30'],
  ['2011-12-30T09:59:59.999Z', 'Pacific/Apia', '2011-12-29'],
  ['2011-12-30T10:00:00.000Z', 'Pacific/Apia', '2011-12-31'],
  ['2026-01-01T00:00:00.000Z', 'America/St_Johns', '2025-12-31'],
])('the local day of %s in %s', (instant, zone, day) => {
  expect(localDay(Date.parse(instant), zone)).toBe(day);
});
