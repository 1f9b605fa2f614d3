import { describe, expect, it } from 'vitest';
import type { Manifest, SnapshotSummary } from '../../../src/core/batch.ts';
import { changedPlaces } from '../../../src/pipeline/changed-places.ts';
import type { PartitionPlan, SnapshotSpan } from '../../../src/pipeline/plan-changes.ts';
import { currentSince, dailySince, type SinceInput } from '../../../src/pipeline/plan-since.ts';
import customer from '../../../jobs/customer.ts';

const times = (minEventAt: string, maxEventAt = minEventAt, minBrokerAt = minEventAt): Manifest['times'] => ({
  minEventAt,
  maxEventAt,
  minBrokerAt,
  maxBrokerAt: maxEventAt,
});

function batch(seq: number, more: Partial<Manifest>): Manifest {
  return {
    version: 1,
    job: 'customer',
    seq,
    batchId: `customer-0000000${String(seq)}`,
    kind: 'stream',
    logicalTime: '2026-03-15T10:00:00.000Z',
    ranges: [],
    gaps: [],
    objects: [],
    counts: { read: 0, landed: 0, quarantined: 0 },
    times: null,
    drift: [],
    ...more,
  };
}

const SNAPSHOT: SnapshotSpan = {
  startedAt: '2026-03-10T10:00:00.000Z',
  finishedAt: '2026-03-10T10:20:00.000Z',
  complete: true,
};
const base: SinceInput = { job: customer, timezone: 'Europe/Berlin', pending: [], snapshots: [SNAPSHOT] };
const newest = batch(3, { times: times('2026-03-15T09:00:00.000005Z', '2026-03-15T09:30:00.000000Z') });

describe('since, for a model of one row per key', () => {
  it('is the earliest pending event, to the microsecond', () => {
    const earlier = batch(2, { times: times('2026-03-15T09:00:00.000004Z') });
    expect(currentSince({ ...base, pending: [newest, earlier, batch(4, {})] })).toBe('2026-03-15T09:00:00.000004Z');
  });

  it('is past everything when nothing pending has records', () => {
    expect(currentSince({ ...base, pending: [batch(4, {})] })).toBe('9999-12-30T00:00:00.000Z');
  });

  it.each<readonly [string, Partial<SinceInput>]>([
    ['a snapshot is pending', { pending: [newest, batch(4, { kind: 'snapshot', snapshot: {} as SnapshotSummary })] }],
    [
      'an event lies before the newest time that a row of a snapshot may carry',
      { pending: [batch(3, { times: times('2026-03-10T11:19:59.000000Z') })] },
    ],
    [
      'an incomplete snapshot reaches past an event',
      { pending: [newest], snapshots: [{ ...SNAPSHOT, complete: false, maxEventAt: '2026-03-15T09:00:00.000000Z' }] },
    ],
    [
      'an event was observed before a complete snapshot',
      { pending: [batch(3, { times: times('2026-03-15T09:00:00.000000Z', undefined, '2026-03-10T09:59:59.999Z') })] },
    ],
  ])('is not to be had when %s', (_, more) => {
    expect(currentSince({ ...base, ...more })).toBeNull();
  });

  it('does not mind when an incomplete snapshot saw less than was observed before it', () => {
    const late = batch(3, { times: times('2026-03-15T09:00:00.000000Z', undefined, '2026-03-10T09:00:00.000Z') });
    expect(currentSince({ ...base, pending: [late], snapshots: [{ ...SNAPSHOT, complete: false }] })).not.toBeNull();
  });
});

describe('since, for a model with a partition per day', () => {
  const plan: PartitionPlan = {
    window: { from: '2026-03-15', to: '2026-03-15' },
    newDaysFrom: null,
    allKeys: false,
    stale: null,
  };
  const daily = {
    ...base,
    pending: [newest],
    plan,
    partitions: [{ partition: '2026-03-14', state: 'done' as const, batchId: null }],
    historyStart: '2026-03-10',
  };

  it('is the start of the first local day of the window', () => {
    expect(dailySince(daily)).toBe('2026-03-14T23:00:00.000Z');
  });

  it('is not to be had where the day before is not there, stale, or cut off', () => {
    expect(dailySince({ ...daily, partitions: [] })).toBeNull();
    expect(
      dailySince({ ...daily, partitions: [{ partition: '2026-03-14', state: 'stale', batchId: null }] }),
    ).toBeNull();
    expect(dailySince({ ...daily, historyStart: '2026-03-15' })).toBeNull();
    expect(dailySince({ ...daily, plan: { ...plan, stale: { from: '2026-03-12', to: '2026-03-14' } } })).toBeNull();
  });

  it('is not to be had for a window with a snapshot in it', () => {
    expect(dailySince({ ...daily, plan: { ...plan, window: { from: '2026-03-10', to: '2026-03-15' } } })).toBeNull();
  });
});

describe('the places of changed keys', () => {
  it('are the batches within the bounds of their events and downloads', () => {
    const replay = batch(4, {
      kind: 'replay',
      times: times('2026-03-01T00:00:00.000000Z', '2026-03-02T00:00:00.000000Z', '2026-02-28T00:00:00.000Z'),
    });
    const places = changedPlaces(customer, [newest, replay, batch(5, {})], [], null);
    expect(places.stream).toEqual({
      seqs: [3, 4],
      span: { from: '2026-03-01T00:00:00.000000Z', to: '2026-03-15T09:30:00.000000Z' },
    });
    expect(places.snapshot).toEqual({
      seqs: [4],
      span: { from: '2026-02-28T00:00:00.000Z', to: '2026-03-02T00:00:00.000000Z' },
    });
    expect(places.laterSnapshots).toEqual([]);
  });

  it('name the snapshots that may hold what becomes effective on a new day', () => {
    const later = (effectiveFrom: string): readonly string[] =>
      changedPlaces(customer, [], [SNAPSHOT], effectiveFrom).laterSnapshots;
    expect(later('2026-03-10T11:00:00.000Z')).toEqual([SNAPSHOT.startedAt]);
    expect(later('2026-03-10T23:00:00.000Z')).toEqual([]);
  });
});
