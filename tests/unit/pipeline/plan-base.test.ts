import { describe, expect, it } from 'vitest';
import type { Manifest, SnapshotSummary } from '../../../src/core/batch.ts';
import { changedPlaces } from '../../../src/pipeline/changed-places.ts';
import type { PartitionPlan, SnapshotSpan } from '../../../src/pipeline/plan-changes.ts';
import { currentBase, dailyBase, type BaseInput } from '../../../src/pipeline/plan-base.ts';
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
const base: BaseInput = { job: customer, timezone: 'Europe/Berlin', pending: [], snapshots: [SNAPSHOT] };
const newest = batch(3, { times: times('2026-03-15T09:00:00.000005Z', '2026-03-15T09:30:00.000000Z') });

describe('what a model of one row per key builds on', () => {
  it('is the earliest pending event, to the microsecond', () => {
    const earlier = batch(2, { times: times('2026-03-15T09:00:00.000004Z') });
    expect(currentBase({ ...base, pending: [newest, earlier, batch(4, {})] })).toEqual({
      since: '2026-03-15T09:00:00.000004Z',
      day: null,
    });
  });

  it('is past everything when nothing pending has records', () => {
    expect(currentBase({ ...base, pending: [batch(4, {})] })).toEqual({ since: '9999-12-30T00:00:00.000Z', day: null });
  });

  it.each<readonly [string, Partial<BaseInput>]>([
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
    expect(currentBase({ ...base, ...more })).toBeNull();
  });

  it('does not mind when an incomplete snapshot saw less than was observed before it', () => {
    const late = batch(3, { times: times('2026-03-15T09:00:00.000000Z', undefined, '2026-03-10T09:00:00.000Z') });
    expect(currentBase({ ...base, pending: [late], snapshots: [{ ...SNAPSHOT, complete: false }] })).not.toBeNull();
  });
});

describe('what a model with a partition per day builds on', () => {
  const plan: PartitionPlan = {
    window: { from: '2026-03-15', to: '2026-03-15' },
    newDaysFrom: null,
    allKeys: false,
    stale: null,
  };
  const done = (partition: string) => ({ partition, state: 'done' as const, batchId: null });
  const stale = (partition: string) => ({ partition, state: 'stale' as const, batchId: null });
  const daily = {
    ...base,
    pending: [newest],
    plan,
    partitions: [done('2026-03-14'), done('2026-03-15')],
    historyStart: '2026-03-10',
  };
  const newDay = { ...daily, partitions: [done('2026-03-14')], plan: { ...plan, newDaysFrom: '2026-03-15' } };

  it('is the first day of the window, and the earliest pending event', () => {
    expect(dailyBase(daily)).toEqual({ since: '2026-03-15T09:00:00.000005Z', day: '2026-03-15' });
    expect(dailyBase({ ...daily, historyStart: '2026-03-15' })).toEqual(dailyBase(daily));
  });

  it('is the same for later days of the window', () => {
    const late = batch(4, { times: times('2026-03-13T12:00:00.000000Z') });
    expect(
      dailyBase({
        ...daily,
        pending: [newest, late],
        partitions: [done('2026-03-13'), ...daily.partitions],
        plan: { ...plan, window: { from: '2026-03-13', to: '2026-03-16' }, newDaysFrom: '2026-03-16' },
      }),
    ).toEqual({ since: '2026-03-13T12:00:00.000000Z', day: '2026-03-13' });
  });

  it('is the day before and the start of the day where the window begins with a new one', () => {
    expect(dailyBase(newDay)).toEqual({ since: '2026-03-14T23:00:00.000Z', day: '2026-03-14' });
    expect(dailyBase({ ...newDay, pending: [batch(4, {})] })).toEqual(dailyBase(newDay));
  });

  it('is the day before where the first day is stale', () => {
    expect(dailyBase({ ...daily, partitions: [done('2026-03-14'), stale('2026-03-15')] })).toMatchObject({
      day: '2026-03-14',
    });
  });

  it('is nothing where the day before is not there, stale, before history, or cut off', () => {
    expect(dailyBase({ ...newDay, partitions: [] })).toBeNull();
    expect(dailyBase({ ...newDay, partitions: [stale('2026-03-14')] })).toBeNull();
    expect(dailyBase({ ...newDay, historyStart: '2026-03-15' })).toBeNull();
    expect(dailyBase({ ...daily, plan: { ...plan, stale: { from: '2026-03-12', to: '2026-03-14' } } })).toBeNull();
    expect(dailyBase({ ...daily, plan: { ...plan, window: null } })).toBeNull();
  });

  it('is nothing where a snapshot reaches past the earliest event, though not past an earlier one of the same day', () => {
    const today: SnapshotSpan = {
      startedAt: '2026-03-15T06:00:00.000Z',
      finishedAt: '2026-03-15T06:20:00.000Z',
      complete: true,
    };
    expect(dailyBase({ ...daily, snapshots: [SNAPSHOT, today] })).not.toBeNull();
    expect(dailyBase({ ...newDay, snapshots: [SNAPSHOT, today] })).toBeNull();
    const later = { ...today, startedAt: '2026-03-15T08:30:00.000Z', finishedAt: '2026-03-15T08:40:00.000Z' };
    expect(dailyBase({ ...daily, snapshots: [SNAPSHOT, later] })).toBeNull();
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
