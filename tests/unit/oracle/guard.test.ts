import { describe, expect, it } from 'vitest';
import type { OracleRecord } from '../../oracle/ground-truth.ts';
import { guardSnapshot } from '../../oracle/oracle.ts';
import { event, snapshot, truth } from './story.ts';

const keys = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `K${String(index).padStart(3, '0')}`);
const creates = (count: number, fields = {}): OracleRecord[] =>
  keys(count).map((key) => event('c', key, '08:00', fields));
/** The guard's verdict on a snapshot at 10:00 that lists all but the first `missing` of `count` keys. */
const judge = (
  count: number,
  missing: number,
  records = creates(count),
  options = {},
): ReturnType<typeof guardSnapshot> =>
  guardSnapshot(
    truth(records),
    snapshot(
      '10:00',
      keys(count)
        .slice(missing)
        .map((id) => ({ id })),
      options,
    ),
  );

describe('the guard', () => {
  it('refuses when more than a fifth and more than ten keys would go', () => {
    expect(judge(54, 11)).toEqual({ there: 54, turned: 11, refused: true });
    expect(judge(55, 11)).toEqual({ there: 55, turned: 11, refused: false });
    expect(judge(20, 10)).toEqual({ there: 20, turned: 10, refused: false });
  });

  it('refuses when all would go, however few', () => {
    expect(judge(3, 3)).toEqual({ there: 3, turned: 3, refused: true });
    expect(judge(0, 0)).toEqual({ there: 0, turned: 0, refused: false });
  });

  it('counts neither keys that are gone already nor keys in motion', () => {
    const records = [...creates(30), ...keys(15).map((key) => event('d', key, '09:00'))];
    expect(judge(30, 15, records)).toEqual({ there: 15, turned: 0, refused: false });
    const moving = [...creates(30), ...keys(15).map((key) => event('u', key, '09:58'))];
    expect(judge(30, 15, moving)).toEqual({ there: 30, turned: 0, refused: false });
    const deactivated = [...creates(30), ...keys(15).map((key) => event('u', key, '09:00', { status: 'deactivated' }))];
    expect(judge(30, 15, deactivated)).toEqual({ there: 15, turned: 0, refused: false });
  });

  it('lets an incomplete snapshot pass: it has no absences', () => {
    expect(judge(30, 30, creates(30), { reachedLastPage: false })).toEqual({ there: 30, turned: 0, refused: false });
  });
});
