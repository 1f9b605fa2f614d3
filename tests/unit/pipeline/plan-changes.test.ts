import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../../src/core/batch.ts';
import { DEFAULT_LIMITS, type JobDefinition } from '../../../src/core/job.ts';
import { daysOf, planPartitions, type ChangesInput } from '../../../src/pipeline/plan-changes.ts';

const job = { limits: DEFAULT_LIMITS, snapshot: { toleranceMs: 300_000 } } as unknown as JobDefinition;

function stream(minEventAt: string, maxEventAt: string, minBrokerAt = minEventAt): Manifest {
  return {
    version: 1,
    job: 'j',
    seq: 1,
    batchId: 'j-1',
    kind: 'stream',
    logicalTime: maxEventAt,
    ranges: [],
    gaps: [],
    objects: [],
    counts: { read: 1, landed: 1, quarantined: 0 },
    times: { minEventAt, maxEventAt, minBrokerAt, maxBrokerAt: maxEventAt },
    drift: [],
  };
}

const base: ChangesInput = {
  job,
  timezone: 'Europe/Berlin',
  today: '2026-03-10',
  pending: [],
  snapshots: [],
  published: { from: '2026-03-01', to: '2026-03-10' },
  historyStart: '2026-03-01',
};

describe('planPartitions', () => {
  it('has nothing to do without batches on the same day', () => {
    expect(planPartitions(base).window).toBeNull();
  });

  it('fills every day that began since the last run', () => {
    const plan = planPartitions({ ...base, today: '2026-03-13' });
    expect(plan).toMatchObject({
      window: { from: '2026-03-11', to: '2026-03-13' },
      newDaysFrom: '2026-03-11',
      allKeys: false,
    });
  });

  it('reaches back to the local day of the earliest event', () => {
    // 23:30 UTC is the next day in Berlin.
    const plan = planPartitions({
      ...base,
      pending: [stream('2026-03-06T23:30:00.000000Z', '2026-03-10T08:00:00.000000Z')],
    });
    expect(plan).toMatchObject({ window: { from: '2026-03-07', to: '2026-03-10' }, newDaysFrom: null });
  });

  it('reaches back to a snapshot whose absence a late observed record makes', () => {
    const snapshot = { startedAt: '2026-03-04T10:00:00.000Z', finishedAt: '2026-03-04T10:05:00.000Z', complete: true };
    const late = stream('2026-03-09T08:00:00.000000Z', '2026-03-09T08:00:00.000000Z', '2026-03-04T09:00:00.000Z');
    expect(planPartitions({ ...base, snapshots: [snapshot], pending: [late] }).window?.from).toBe('2026-03-04');
    expect(
      planPartitions({ ...base, snapshots: [{ ...snapshot, complete: false }], pending: [late] }).window?.from,
    ).toBe('2026-03-09');
  });

  it('reaches back to a snapshot over midnight whose absence a later assertion unmakes', () => {
    const snapshot = { startedAt: '2026-03-04T22:50:00.000Z', finishedAt: '2026-03-05T00:30:00.000Z', complete: true };
    const inside = stream('2026-03-05T00:34:59.000000Z', '2026-03-05T00:34:59.000000Z');
    expect(planPartitions({ ...base, snapshots: [snapshot], pending: [inside] }).window?.from).toBe('2026-03-04');
    const behind = stream('2026-03-05T00:35:01.000000Z', '2026-03-05T00:35:01.000000Z');
    expect(planPartitions({ ...base, snapshots: [snapshot], pending: [behind] }).window?.from).toBe('2026-03-05');
  });

  it('never starts before history does', () => {
    expect(
      planPartitions({ ...base, pending: [stream('2020-01-01T00:00:00.000000Z', '2026-03-10T00:00:00.000000Z')] })
        .window?.from,
    ).toBe('2026-03-01');
  });

  it('writes all keys again when history begins earlier than before', () => {
    expect(planPartitions({ ...base, historyStart: '2026-02-20' })).toMatchObject({
      window: { from: '2026-02-20', to: '2026-03-10' },
      allKeys: true,
    });
  });

  it('caps the window and says which days stay stale', () => {
    const capped = { ...job, limits: { ...DEFAULT_LIMITS, maxRecomputeDays: 3 } };
    const plan = planPartitions({
      ...base,
      job: capped,
      pending: [stream('2026-03-04T10:00:00.000000Z', '2026-03-10T00:00:00.000000Z')],
    });
    expect(plan.window).toEqual({ from: '2026-03-08', to: '2026-03-10' });
    expect(plan.stale).toEqual({ from: '2026-03-04', to: '2026-03-07' });
  });

  it('builds everything the first time, and nothing before history has begun', () => {
    expect(planPartitions({ ...base, published: null })).toMatchObject({
      window: { from: '2026-03-01', to: '2026-03-10' },
      allKeys: true,
    });
    expect(planPartitions({ ...base, published: null, historyStart: null }).window).toBeNull();
    expect(planPartitions({ ...base, published: null, historyStart: '2026-03-11' }).window).toBeNull();
  });

  it('changes the days that stand already when the clock was set back before the first of them', () => {
    const plan = planPartitions({
      ...base,
      today: '2026-02-20',
      pending: [stream('2026-02-20T10:00:00.000000Z', '2026-02-20T11:00:00.000000Z')],
    });
    expect(plan).toMatchObject({ window: { from: '2026-03-01', to: '2026-03-10' }, newDaysFrom: null });
  });
});

describe('daysOf', () => {
  it('lists the days of a window across a month and both DST switches', () => {
    expect(daysOf({ from: '2026-02-27', to: '2026-03-01' })).toEqual(['2026-02-27', '2026-02-28', '2026-03-01']);
    expect(daysOf({ from: '2026-03-28', to: '2026-03-30' })).toHaveLength(3);
    expect(daysOf({ from: '2026-10-24', to: '2026-10-26' })).toHaveLength(3);
  });
});
