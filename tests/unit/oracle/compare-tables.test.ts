import { describe, expect, it } from 'vitest';
import { compareTables, recordsOfKey, tellDifferences } from '../../support/compare-tables.ts';
import type { ComparedRow } from '../../support/compare-tables.ts';
import { event, snapshot, tombstone, truth } from './story.ts';

const row = (key: string, cells: Record<string, string | null>, day: string | null = null): ComparedRow => ({
  day,
  key,
  row: cells,
});

describe('compareTables', () => {
  it('finds nothing where the rows are equal, in whatever order, further columns apart', () => {
    const expected = [row('A', { x: '1', y: null }), row('B', { x: '2', y: '' })];
    const actual = [row('B', { x: '2', y: '' }), row('A', { x: '1', y: null, _extra: 'z' })];
    expect(compareTables(expected, actual)).toEqual([]);
  });

  it('tells NULL from an empty text', () => {
    expect(compareTables([row('A', { x: null })], [row('A', { x: '' })])).toEqual([
      { day: null, key: 'A', column: 'x', expected: null, got: '' },
    ]);
  });

  it('finds rows missing, too many, and there twice', () => {
    const days = [row('A', { x: '1' }, '2026-03-01'), row('A', { x: '1' }, '2026-03-02')];
    const came = [
      row('A', { x: '1' }, '2026-03-02'),
      row('A', { x: '1' }, '2026-03-02'),
      row('B', { x: '1' }, '2026-03-02'),
    ];
    expect(compareTables(days, came).map(({ day, key, expected, got }) => [day, key, expected, got])).toEqual([
      ['2026-03-01', 'A', 'one row', 'none'],
      ['2026-03-02', 'A', 'one row', '2 rows'],
      ['2026-03-02', 'B', 'no row', '{"x":"1"}'],
    ]);
  });
});

describe('tellDifferences', () => {
  it('says nothing where there is no difference', () => {
    expect(tellDifferences('t', [], truth([]))).toBe('');
  });

  it("names table, day, key, column and both values, and the key's records in order", () => {
    const records = [tombstone('K', '09:00'), event('c', 'K', '08:00', { status: 'a' }), event('c', 'OTHER', '08:30')];
    const given = truth(records, [snapshot('08:30', [{ id: 'K', status: 'row' }])]);
    const differences = [{ day: '2026-03-10', key: 'K', column: 'status', expected: null, got: 'a' }];
    const told = tellDifferences('history_customer', differences, given);
    expect(told).toContain('2026-03-10 K status: expected NULL, got a');
    expect(told).not.toContain('OTHER');
    expect(recordsOfKey(given, 'K').map((line) => line.slice(11, 16))).toEqual(['08:00', '08:30', '09:00']);
  });
});
