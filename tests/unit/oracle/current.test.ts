import { describe, expect, it } from 'vitest';
import type { GroundTruth, OracleRecord, OracleSnapshot } from '../../oracle/ground-truth.ts';
import { expectedTables } from '../../oracle/oracle.ts';
import { event, snapshot, tombstone, truth } from './story.ts';

/** What current says of key `K`: status as the look, op, gone, _event_at (time of day where it is the day of the stories). */
function look(given: GroundTruth, key = 'K'): Record<string, string | null> | undefined {
  const row = expectedTables(given).current.find((found) => found.key === key)?.row;
  if (row === undefined) return undefined;
  const { status, _op, _is_deleted, _event_at } = row;
  const short = _event_at?.replace(/^2026-03-10T/, '').replace(/\.000000Z$/, '');
  return { status: status ?? null, op: _op ?? null, gone: _is_deleted ?? null, at: short ?? null };
}

const here = (status: string | null, op: string, at: string): object => ({ status, op, gone: 'false', at });
const gone = (status: string | null, at: string): object => ({ status, op: 'd', gone: 'true', at });

describe('what a key looks like and whether it is there', () => {
  it('takes the newest version, whatever order the records stand in', () => {
    const create = event('c', 'K', '08:00', { status: 'a' });
    const update = event('u', 'K', '09:00', { status: 'b' });
    expect(look(truth([create, update]))).toEqual(here('b', 'u', '09:00:00'));
    expect(look(truth([update, create]))).toEqual(here('b', 'u', '09:00:00'));
  });

  it('replaces the whole row: a field that the newest version lacks is NULL', () => {
    const records = [
      event('c', 'K', '08:00', { status: 'a', city: 'Hamburg' }),
      event('u', 'K', '09:00', { status: 'b' }),
    ];
    expect(expectedTables(truth(records)).current[0]?.row['city']).toBeNull();
  });

  it('names the record that gave the columns', () => {
    const records = [event('c', 'K', '08:00'), event('u', 'K', '09:00', {}, { partition: 2, offset: 77 })];
    expect(expectedTables(truth(records)).current[0]?.from).toBe('kundenservice-kunde-update/0/2/77');
  });

  it('counts a redelivered position once, the first delivery', () => {
    const first = event('u', 'K', '08:00', { status: 'a' }, { offset: 1 });
    const again = event('u', 'K', '09:00', { status: 'b' }, { offset: 1 });
    const given = truth([first, again]);
    expect(look(given)).toEqual(here('a', 'u', '08:00:00'));
    expect(expectedTables(given).counts.stream).toBe(1);
  });

  it('lets a delete with a value change the columns and say gone', () => {
    const records = [event('c', 'K', '08:00', { status: 'a' }), event('d', 'K', '09:00', { status: 'left' })];
    expect(look(truth(records))).toEqual(gone('left', '09:00:00'));
  });

  it('lets a tombstone say gone at its broker timestamp and change no column', () => {
    const records = [event('c', 'K', '08:00', { status: 'a' }), tombstone('K', '10:30')];
    expect(look(truth(records))).toEqual(gone('a', '10:30:00'));
  });

  it('keeps a key with nothing but a tombstone: its id, NULLs, gone', () => {
    const row = expectedTables(truth([tombstone('K', '10:30')])).current[0];
    expect(row?.row).toMatchObject({ customer_id: 'K', updated_at: null, status: null, _op: 'd', _is_deleted: 'true' });
    expect(row?.row['_event_at']).toBe('2026-03-10T10:30:00.000000Z');
    expect(row?.from).toBeNull();
  });

  it('brings a key back when something newer says there', () => {
    const records = [
      event('c', 'K', '08:00', { status: 'a' }),
      tombstone('K', '09:00'),
      event('u', 'K', '10:00', { status: 'b' }),
    ];
    expect(look(truth(records))).toEqual(here('b', 'u', '10:00:00'));
  });

  it('does not let an older event that arrives late bring it back, though it may change the look', () => {
    const records = [
      event('c', 'K', '07:00', { status: 'a' }),
      tombstone('K', '09:00'),
      event('u', 'K', '08:00', { status: 'late' }, { broker: '11:00' }),
    ];
    expect(look(truth(records))).toEqual(gone('late', '09:00:00'));
  });

  it('dates gone from the first gone since the last there, not from the newest', () => {
    const records = [
      event('c', 'K', '07:00', { status: 'a' }),
      event('d', 'K', '08:00', { status: 'x' }),
      event('u', 'K', '09:00', { status: 'b' }),
      tombstone('K', '10:00'),
      event('d', 'K', '11:00', { status: 'y' }),
      tombstone('K', '12:00'),
    ];
    expect(look(truth(records))).toEqual(gone('y', '10:00:00'));
  });

  it('dates gone from the very first record when nothing ever said there', () => {
    expect(look(truth([tombstone('K', '09:00'), tombstone('K', '08:00')]))).toEqual(gone(null, '08:00:00'));
  });
});

describe('deletedWhen', () => {
  it('marks the key gone with the version time of the record that gave the columns', () => {
    const records = [
      event('c', 'K', '08:00', { status: 'active' }),
      event('u', 'K', '09:00', { status: 'deactivated' }),
    ];
    expect(look(truth(records))).toEqual(gone('deactivated', '09:00:00'));
  });

  it('leaves _event_at to the assertions when these say gone too', () => {
    const records = [event('d', 'K', '09:00', { status: 'x' }), event('d', 'K', '10:00', { status: 'deactivated' })];
    expect(look(truth(records))).toEqual(gone('deactivated', '09:00:00'));
  });

  it('does not hold for a NULL status', () => {
    expect(look(truth([event('u', 'K', '09:00', { status: null })]))).toEqual(here(null, 'u', '09:00:00'));
  });
});

describe('ties, newest last', () => {
  const same = (op: 'c' | 'u' | 'd', status: string, options = {}): OracleRecord =>
    event(op, 'K', '09:00', { status }, options);

  it('puts the later broker timestamp before the op', () => {
    expect(look(truth([same('c', 'late', { broker: '09:01' }), same('u', 'early')]))).toEqual(
      here('late', 'c', '09:00:00'),
    );
  });

  it('orders ops r = 0 < c < u < d', () => {
    expect(look(truth([same('u', 'u'), same('c', 'c')]))).toEqual(here('u', 'u', '09:00:00'));
    expect(look(truth([same('d', 'd'), same('u', 'u')]))).toEqual(gone('d', '09:00:00'));
  });

  it('orders topics by name only after the op', () => {
    const job = {
      topics: [
        { name: 'kundenservice-kunde-create', op: 'u' as const },
        { name: 'kundenservice-kunde-update', op: 'u' as const },
      ],
    };
    expect(look(truth([same('u', 'update'), same('c', 'create')], [], { job }))).toEqual(
      here('update', 'u', '09:00:00'),
    );
  });

  it('then the higher partition, then the higher offset, as numbers', () => {
    const records = [same('u', 'p10', { partition: 10, offset: 1 }), same('u', 'p9', { partition: 9, offset: 5 })];
    expect(look(truth(records))).toEqual(here('p10', 'u', '09:00:00'));
    const offsets = [same('u', 'o10', { offset: 10 }), same('u', 'o9', { offset: 9 })];
    expect(look(truth(offsets))).toEqual(here('o10', 'u', '09:00:00'));
  });

  it('puts a snapshot row behind every event of the same time', () => {
    const s = snapshot('09:02', [{ id: 'K', updated_at: '2026-03-10T09:00:00Z', status: 'row' }]);
    expect(look(truth([same('d', 'd', { broker: '09:30' })], [s]))).toEqual(here('row', 'r', '09:00:00'));
  });

  it('orders rows of one snapshot by their place and two snapshots by their start', () => {
    const row = (status: string): object => ({ id: 'K', updated_at: '2026-03-10T09:00:00Z', status });
    const twice = snapshot('09:02', [row('first'), row('second')] as Record<string, unknown>[]);
    expect(look(truth([], [twice]))).toEqual(here('second', 'r', '09:00:00'));
    const next = snapshot('09:03', [row('next')] as Record<string, unknown>[], { id: 's00000000' });
    expect(look(truth([], [next, twice]))).toEqual(here('next', 'r', '09:00:00'));
  });

  it('orders tombstones and events by the same rule: the assertion with the newer broker timestamp wins', () => {
    const revive = event('u', 'K', '09:00', { status: 'a' }, { broker: '09:10' });
    expect(look(truth([tombstone('K', '09:00'), revive]))).toEqual(here('a', 'u', '09:00:00'));
    const early = event('u', 'K', '09:00', { status: 'a' }, { broker: '08:59' });
    expect(look(truth([tombstone('K', '09:00'), early]))).toEqual(gone('a', '09:00:00'));
  });
});

describe('snapshot rows', () => {
  it('count from S0 - tolerance: an event inside the tolerance stays newer', () => {
    const s = snapshot('10:00', [{ id: 'K', status: 'row' }]);
    expect(look(truth([event('u', 'K', '09:54', { status: 'old' })], [s]))).toEqual(here('row', 'r', '09:55:00'));
    expect(look(truth([event('u', 'K', '09:56', { status: 'new' })], [s]))).toEqual(here('new', 'u', '09:56:00'));
  });

  it('with an updated_at have that as their version, however old', () => {
    const s = snapshot('10:00', [{ id: 'K', updated_at: '2026-03-10T07:00:00Z', status: 'row' }]);
    expect(look(truth([event('u', 'K', '08:00', { status: 'newer' })], [s]))).toEqual(here('newer', 'u', '08:00:00'));
  });

  it('say there at S0 - tolerance even when their version is old: a delete before it is overruled, op r, the look the delete gave', () => {
    const s = snapshot('10:00', [{ id: 'K', updated_at: '2026-03-10T07:00:00Z', status: 'row' }]);
    expect(look(truth([event('d', 'K', '09:54', { status: 'left' })], [s]))).toEqual(here('left', 'r', '09:54:00'));
    expect(look(truth([event('d', 'K', '09:56', { status: 'left' })], [s]))).toEqual(gone('left', '09:56:00'));
  });

  it('have the column updated_at NULL when it is missing', () => {
    const s = snapshot('10:00', [{ id: 'K', status: 'row' }]);
    expect(expectedTables(truth([], [s])).current[0]?.row['updated_at']).toBeNull();
  });

  it('with an updated_at in the future of S0 assert at that time', () => {
    const s = snapshot('10:00', [{ id: 'K', updated_at: '2026-03-10T10:30:00Z', status: 'row' }]);
    expect(look(truth([tombstone('K', '10:20')], [s]))).toEqual(here('row', 'r', '10:30:00'));
    expect(look(truth([tombstone('K', '10:40')], [s]))).toEqual(gone('row', '10:40:00'));
  });
});

describe('absences', () => {
  const created = event('c', 'K', '08:00', { status: 'a' });
  const without = (options = {}, rows: Record<string, unknown>[] = [{ id: 'OTHER' }]): OracleSnapshot =>
    snapshot('10:00', rows, { end: '10:10', ...options });

  it('make a known key gone at S0 - tolerance', () => {
    expect(look(truth([created], [without()]))).toEqual(gone('a', '09:55:00'));
  });

  it('do not exist for a key first observed at S0 or later, by the broker timestamp', () => {
    expect(look(truth([event('c', 'K', '08:00', { status: 'a' }, { broker: '10:00' })], [without()]))).toEqual(
      here('a', 'c', '08:00:00'),
    );
    expect(look(truth([event('c', 'K', '08:00', { status: 'a' }, { broker: '09:59:59' })], [without()]))).toEqual(
      gone('a', '09:55:00'),
    );
  });

  it('exist for a key known from an earlier snapshot alone', () => {
    const first = snapshot('09:00', [{ id: 'K', status: 'row' }, { id: 'OTHER' }], { id: 's00000000' });
    expect(look(truth([], [first, without()]))).toEqual(gone('row', '09:55:00'));
  });

  it.each([
    ['09:54:59', gone('b', '09:55:00')],
    ['09:55:00', here('b', 'u', '09:55:00')],
    ['10:15:00', here('b', 'u', '10:15:00')],
    ['10:15:01', here('b', 'u', '10:15:01')],
  ])('do not exist when a stream record asserts inside [S0 - tolerance, S1 + tolerance]: %s', (time, wanted) => {
    const update = event('u', 'K', time, { status: 'b' });
    expect(look(truth([created, update], [without()]))).toEqual(wanted);
  });

  it('exist beside an event outside of the window: before it only when that does not come later', () => {
    const later = [created, event('u', 'K', '10:15:01', { status: 'b' })];
    expect(look(truth([...later, event('d', 'K', '11:00', { status: 'c' })], [without()]))).toEqual(
      gone('c', '11:00:00'),
    );
    // With a tombstone of the hour before, the absence would be the second gone: the first one dates it.
    expect(look(truth([created, tombstone('K', '09:00')], [without()]))).toEqual(gone('a', '09:00:00'));
  });

  it('see the last instant of the window: S1 + tolerance belongs to it', () => {
    expect(look(truth([created, tombstone('K', '10:15:00')], [without()]))).toEqual(gone('a', '10:15:00'));
    expect(look(truth([created, tombstone('K', '10:15:01')], [without()]))).toEqual(gone('a', '09:55:00'));
  });

  it('are unmade by a delete or a tombstone inside the window, which then dates the gone', () => {
    expect(look(truth([created, tombstone('K', '10:05')], [without()]))).toEqual(gone('a', '10:05:00'));
    expect(look(truth([created, event('d', 'K', '09:57', { status: 'x' })], [without()]))).toEqual(
      gone('x', '09:57:00'),
    );
  });

  it('do not come from an incomplete snapshot, whose rows count all the same', () => {
    const cut = without({ reachedLastPage: false });
    expect(look(truth([created], [cut]))).toEqual(here('a', 'c', '08:00:00'));
    expect(look(truth([created], [cut]), 'OTHER')).toEqual(here(null, 'r', '09:55:00'));
  });

  it('do not come from a snapshot that was not admitted, nor do its rows', () => {
    const refused = without({ admitted: false });
    expect(look(truth([created], [refused]))).toEqual(here('a', 'c', '08:00:00'));
    expect(look(truth([created], [refused]), 'OTHER')).toBeUndefined();
  });

  it('do not exist for a key whose row went to the dead letters', () => {
    const poisoned = snapshot('10:00', [{ id: 'K', newsletter: 'yes' }]);
    expect(look(truth([created], [poisoned]))).toEqual(here('a', 'c', '08:00:00'));
  });

  it('let an event behind the window bring the key back', () => {
    const records = [created, event('u', 'K', '11:00', { status: 'b' })];
    expect(look(truth(records, [without()]))).toEqual(here('b', 'u', '11:00:00'));
  });
});

describe('completeness of a snapshot', () => {
  const complete = (given: OracleSnapshot): boolean | undefined =>
    expectedTables(truth([], [given])).complete['s00000001'];
  const rows = [{ id: 'A' }, { id: 'B' }, { id: 'A' }];
  const pages = (...totals: (number | null)[]): OracleSnapshot => ({
    ...snapshot('10:00', []),
    pages: totals.map((total, page) => ({ items: [JSON.stringify({ id: `K${page}` })], total })),
  });

  it('counts distinct ids against the total', () => {
    expect(complete(snapshot('10:00', rows, { total: 2 }))).toBe(true);
    expect(complete(snapshot('10:00', rows, { total: 3 }))).toBe(false);
    expect(complete(snapshot('10:00', rows, { total: 1 }))).toBe(false);
  });

  it('allows any number between the totals of the first and the last page', () => {
    expect(complete(pages(2, 99, 4))).toBe(true);
    expect(complete(pages(4, 99, 2))).toBe(true);
    expect(complete(pages(4, 3, 4))).toBe(false);
  });

  it('wants equal totals where pages shift', () => {
    expect(complete({ ...pages(2, 4, 4), shifting: true })).toBe(false);
    expect(complete({ ...pages(3, 4, 3), shifting: true })).toBe(true);
  });

  it('needs the last page and a readable id in every row', () => {
    expect(complete(snapshot('10:00', rows, { total: 2, reachedLastPage: false }))).toBe(false);
    expect(complete(snapshot('10:00', [{ id: 'A' }, { name: 'B' }], { total: 1 }))).toBe(false);
    expect(complete(snapshot('10:00', [{ id: 'A' }, { id: 7 }], { total: 1 }))).toBe(false);
    expect(complete(snapshot('10:00', [{ id: 'A' }, '"B"'], { total: 1 }))).toBe(false);
  });

  it('counts rows in the dead letters, and does without totals that are not named', () => {
    expect(complete(snapshot('10:00', [{ id: 'A' }, { id: 'B', credit_limit: 'much' }], { total: 2 }))).toBe(true);
    expect(complete(snapshot('10:00', rows, { total: null }))).toBe(true);
    const deep = `{"attributes":${'['.repeat(9000)}${']'.repeat(9000)},"id":"A"}`;
    expect(complete(snapshot('10:00', [deep], { total: 1 }))).toBe(true);
  });
});

describe('hard deletes', () => {
  const job = { deletes: 'hard', deletedWhen: null } as const;

  it('take the row away', () => {
    expect(look(truth([event('c', 'K', '08:00'), event('d', 'K', '09:00')], [], { job }))).toBeUndefined();
  });

  it('are not undone by an older update that arrives later, but by a newer one', () => {
    const records = [event('d', 'K', '09:00'), event('u', 'K', '08:59', { status: 'late' }, { broker: '12:00' })];
    expect(look(truth(records, [], { job }))).toBeUndefined();
    const newer = event('u', 'K', '09:01', { status: 'back' });
    expect(look(truth([...records, newer], [], { job }))).toEqual(here('back', 'u', '09:01:00'));
  });
});
