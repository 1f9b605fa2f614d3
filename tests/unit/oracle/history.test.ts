import { describe, expect, it } from 'vitest';
import type { GroundTruth, OracleSnapshot } from '../../oracle/ground-truth.ts';
import { expectedTables } from '../../oracle/oracle.ts';
import { event, snapshot, tombstone, truth } from './story.ts';

/** History of key `K` as `day status` lines, gone days with a minus sign. */
function days(given: GroundTruth, key = 'K'): string[] {
  return expectedTables(given)
    .history.filter((row) => row.key === key)
    .map(({ day, row }) => `${day} ${row['_is_deleted'] === 'true' ? '-' : ''}${row['status']}`);
}

const opening: OracleSnapshot = snapshot('2026-03-08T06:00:00Z', [{ id: 'K', status: 'start' }], { id: 's00000000' });

describe('history', () => {
  it('carries quiet keys forward to today and shows the last state of each day', () => {
    const records = [
      event('u', 'K', '2026-03-09T08:00:00Z', { status: 'morning' }),
      event('u', 'K', '2026-03-09T20:00:00Z', { status: 'evening' }),
    ];
    expect(days(truth(records, [opening], { today: '2026-03-11T03:00:00Z' }))).toEqual([
      '2026-03-08 start',
      '2026-03-09 evening',
      '2026-03-10 evening',
      '2026-03-11 evening',
    ]);
  });

  it('begins with the local day of the first admitted snapshot, complete or not', () => {
    const late = snapshot('2026-03-09T23:30:00Z', [{ id: 'K', status: 'row' }], { reachedLastPage: false });
    const found = expectedTables(truth([event('c', 'K', '2026-03-01T08:00:00Z', { status: 'old' })], [late]));
    expect(found.historyStart).toBe('2026-03-10');
    expect(found.history.map(({ day }) => day)).toEqual(['2026-03-10']);
  });

  it('skips a snapshot that was not admitted when it looks for the first', () => {
    const refused = { ...opening, admitted: false };
    expect(expectedTables(truth([], [refused])).historyStart).toBeNull();
    expect(expectedTables(truth([event('c', 'K', '08:00')], [refused])).history).toEqual([]);
  });

  it('begins with the first event, tombstones included, or with a date, when the job says so', () => {
    const records = [event('c', 'K', '2026-03-09T23:00:00Z'), tombstone('L', '2026-03-09T22:59:59Z')];
    const start = (historyStart: string): string | null =>
      expectedTables(truth(records, [], { job: { historyStart } })).historyStart;
    expect(start('first_event')).toBe('2026-03-09');
    expect(start('2026-03-07')).toBe('2026-03-07');
    expect(days(truth(records, [], { job: { historyStart: '2026-03-07' } }))).toEqual(['2026-03-10 null']);
  });

  it('is empty when it would begin after today', () => {
    expect(days(truth([], [opening], { today: '2026-03-07T12:00:00Z' }))).toEqual([]);
  });

  it('places a late event by its own time, on every day from its own to the next record', () => {
    const records = [
      event('u', 'K', '2026-03-10T08:00:00Z', { status: 'tenth' }),
      event('u', 'K', '2026-03-09T08:00:00Z', { status: 'late' }, { broker: '2026-03-11T08:00:00Z' }),
    ];
    expect(days(truth(records, [opening], { today: '2026-03-11T12:00:00Z' }))).toEqual([
      '2026-03-08 start',
      '2026-03-09 late',
      '2026-03-10 tenth',
      '2026-03-11 tenth',
    ]);
  });

  it('shows a snapshot row from its S0 on, though its version is older', () => {
    const row = { id: 'K', updated_at: '2026-03-09T08:00:00Z', status: 'row' };
    const second = snapshot('2026-03-10T08:00:00Z', [row]);
    expect(days(truth([], [opening, second]))).toEqual(['2026-03-08 start', '2026-03-09 start', '2026-03-10 row']);
  });

  it('shows a snapshot row with an updated_at after S0 from that time on', () => {
    const row = { id: 'K', updated_at: '2026-03-08T23:10:00Z', status: 'future' };
    const second = snapshot('2026-03-08T22:55:00Z', [row]);
    expect(days(truth([], [opening, second], { today: '2026-03-09T12:00:00Z' }))).toEqual([
      '2026-03-08 start',
      '2026-03-09 future',
    ]);
  });

  it('dates a snapshot that spans midnight, and its absences, to its start', () => {
    const second = snapshot('2026-03-09T22:59:00Z', [{ id: 'NEW', status: 'n' }], { end: '2026-03-09T23:20:00Z' });
    const given = truth([], [opening, second]);
    expect(days(given, 'NEW')).toEqual(['2026-03-09 n', '2026-03-10 n']);
    expect(days(given)).toEqual(['2026-03-08 start', '2026-03-09 -start', '2026-03-10 -start']);
  });

  it('dates an absence to S0, though it asserts a tolerance earlier', () => {
    const second = snapshot('2026-03-09T23:02:00Z', [{ id: 'NEW' }]);
    expect(days(truth([], [opening, second]))).toEqual(['2026-03-08 start', '2026-03-09 start', '2026-03-10 -start']);
    expect(expectedTables(truth([], [opening, second])).current[0]?.row['_event_at']).toBe(
      '2026-03-09T22:57:00.000000Z',
    );
  });

  it('lets an absence be unmade on earlier days by an event of a later day', () => {
    const second = snapshot('2026-03-09T22:58:00Z', [{ id: 'NEW' }], { end: '2026-03-09T23:01:00Z' });
    const moving = event('u', 'K', '2026-03-09T23:03:00Z', { status: 'moved' });
    expect(days(truth([moving], [opening, second]))).toEqual([
      '2026-03-08 start',
      '2026-03-09 start',
      '2026-03-10 moved',
    ]);
  });

  it('dates a tombstone by the broker timestamp', () => {
    expect(days(truth([tombstone('K', '2026-03-09T12:00:00Z')], [opening]))).toEqual([
      '2026-03-08 start',
      '2026-03-09 -start',
      '2026-03-10 -start',
    ]);
  });

  it('has no row before the first record, and none while gone with hard deletes', () => {
    const records = [
      event('c', 'K', '2026-03-08T12:00:00Z', { status: 'a' }),
      event('d', 'K', '2026-03-09T12:00:00Z'),
      event('c', 'K', '2026-03-11T12:00:00Z', { status: 'b' }),
    ];
    const job = { deletes: 'hard', deletedWhen: null, historyStart: '2026-03-07' } as const;
    expect(days(truth(records, [], { job, today: '2026-03-11T20:00:00Z' }))).toEqual(['2026-03-08 a', '2026-03-11 b']);
  });

  it('leaves events dated in the future to the day they belong to; current is ahead', () => {
    const ahead = event('u', 'K', '2026-03-10T23:30:00Z', { status: 'tomorrow' }, { broker: '2026-03-10T22:50:00Z' });
    const given = truth([ahead], [opening], { today: '2026-03-10T22:55:00Z' });
    expect(days(given)).toEqual(['2026-03-08 start', '2026-03-09 start', '2026-03-10 start']);
    expect(expectedTables(given).current[0]?.row['status']).toBe('tomorrow');
  });
});

describe('local days of Europe/Berlin', () => {
  const first = (start: string): OracleSnapshot => snapshot(start, [{ id: 'K', status: 'start' }], { id: 's00000000' });

  it.each([
    ['winter', '2026-01-14T22:59:59.999999Z', '2026-01-14T23:00:00Z', '2026-01-14'],
    ['summer', '2026-07-14T21:59:59.999999Z', '2026-07-14T22:00:00Z', '2026-07-14'],
    ['23 hours, end', '2026-03-29T21:59:59.999999Z', '2026-03-29T22:00:00Z', '2026-03-29'],
    ['23 hours, start', '2026-03-28T22:59:59.999999Z', '2026-03-28T23:00:00Z', '2026-03-28'],
    ['25 hours, end', '2026-10-25T22:59:59.999999Z', '2026-10-25T23:00:00Z', '2026-10-25'],
    ['25 hours, start', '2026-10-24T21:59:59.999999Z', '2026-10-24T22:00:00Z', '2026-10-24'],
    ['leap day', '2028-02-29T22:59:59.999999Z', '2028-02-29T23:00:00Z', '2028-02-29'],
    ['year end', '2026-12-31T22:59:59.999999Z', '2026-12-31T23:00:00Z', '2026-12-31'],
  ])('end where they do: %s', (_name, last, next, day) => {
    const start = new Date(Date.parse(last) - 20 * 3_600_000).toISOString();
    const today = new Date(Date.parse(next) + 3_600_000).toISOString();
    const records = [event('u', 'K', last, { status: 'last' }), event('u', 'K', next, { status: 'next' })];
    const rows = days(truth(records, [first(start)], { today }));
    expect(rows).toContain(`${day} last`);
    expect(rows.at(-1)).toMatch(/next$/);
    expect(rows).not.toContain(`${day} next`);
  });

  it('order 02:30 that happens twice by the instant', () => {
    const records = [
      event('u', 'K', '2026-10-25T02:30:00+01:00', { status: 'second' }),
      event('u', 'K', '2026-10-25T02:30:00+02:00', { status: 'first' }),
    ];
    const given = truth(records, [first('2026-10-24T12:00:00Z')], { today: '2026-10-25T12:00:00Z' });
    expect(days(given)).toEqual(['2026-10-24 start', '2026-10-25 second']);
    expect(expectedTables(given).current[0]?.row['_event_at']).toBe('2026-10-25T01:30:00.000000Z');
  });
});
