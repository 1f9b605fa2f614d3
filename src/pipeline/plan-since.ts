/**
 * From where on raw has to be read for a model that has published everything but `pending` (pure). On BigQuery this is what an hourly run costs:
 * raw tables are partitioned by month of the event, so a literal lower bound leaves the partitions before it unread.
 *
 * With `since`, the new row of a key is its published row plus the stream records from `since` on (`EntityBase`). That is exact when
 *
 *   - no pending record is older than `since`: it would belong into the published row's past;
 *   - no admitted snapshot says anything about `since` or later: its rows carry times up to their newest event, its absences S0 - tolerance;
 *   - no pending record makes or unmakes an absence of an admitted snapshot: it would change the past as well.
 *
 * Otherwise (null) the keys are folded again from all of raw, which is always right. So the runs that read everything are: the first one, a
 * full refresh, a backfill, a run with a snapshot in it, one whose window still holds a snapshot, and one with an event from before the last one.
 */
import type { Manifest } from '../core/batch.ts';
import type { JobDefinition } from '../core/job.ts';
import { addDays, formatMillis, isEarlierText, millisOf } from '../core/time.ts';
import { startOfDay } from '../core/zone-offsets.ts';
import type { PartitionState } from '../state/ports.ts';
import { affectedBySnapshot, type PartitionPlan, type SnapshotSpan } from './plan-changes.ts';

export interface SinceInput {
  readonly job: JobDefinition;
  readonly timezone: string;
  /** Loaded batches that the model has not published. */
  readonly pending: readonly Manifest[];
  /** All admitted snapshots of the job, pending ones too. */
  readonly snapshots: readonly SnapshotSpan[];
}

/** Past every event: nothing is pending, so the published rows say everything. */
const NOTHING_SINCE = '9999-12-30T00:00:00.000Z';

/** For a model of one row per key. RFC 3339 UTC, or null. */
export function currentSince(input: SinceInput): string | null {
  let earliest: string | null = null;
  for (const { times } of input.pending) {
    if (times === null) continue;
    if (earliest === null || isEarlierText(times.minEventAt, earliest)) earliest = times.minEventAt;
  }
  const since = earliest ?? NOTHING_SINCE;
  return isBehindSnapshots(since, input) ? since : null;
}

/**
 * For a model with a partition per day: the start of its window's first day, when the day before stands in the table and is right. The window
 * begins at the earliest day that a pending record can change, so none is older; one that `max_recompute_days` cut off begins later.
 */
export function dailySince(
  input: SinceInput & {
    readonly plan: PartitionPlan;
    readonly partitions: readonly PartitionState[];
    readonly historyStart: string | null;
  },
): string | null {
  const { plan, partitions, historyStart } = input;
  if (plan.window === null || plan.stale !== null || historyStart === null || plan.window.from <= historyStart)
    return null;
  const before = addDays(plan.window.from, -1);
  if (!partitions.some(({ partition, state }) => partition === before && state === 'done')) return null;
  const since = formatMillis(startOfDay(plan.window.from, input.timezone));
  return isBehindSnapshots(since, input) ? since : null;
}

function isBehindSnapshots(since: string, { job, pending, snapshots }: SinceInput): boolean {
  if (pending.some(({ snapshot }) => snapshot !== undefined)) return false;
  const toleranceMs = job.snapshot?.toleranceMs ?? 0;
  return snapshots.every(
    (snapshot) =>
      lastMention(snapshot, job) < millisOf(since) &&
      !pending.some((manifest) => affectedBySnapshot(manifest, snapshot, toleranceMs)),
  );
}

/** The latest time that any row of the snapshot can carry, milliseconds, rounded up. */
export function lastMention(snapshot: SnapshotSpan, job: JobDefinition): number {
  // A row may be ahead of the download's end by as much as the job allows; what was landed under other bounds stands in the manifest.
  const allowed = millisOf(snapshot.finishedAt) + job.eventTime.maxFutureMs;
  return Math.max(allowed, snapshot.maxEventAt == null ? allowed : millisOf(snapshot.maxEventAt)) + 1;
}
