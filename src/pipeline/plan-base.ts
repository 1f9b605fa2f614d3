/**
 * From which published rows, and from where on in raw, the new rows of a model follow that has published everything but `pending` (pure). On BigQuery
 * this is what an hourly run costs: raw tables are partitioned by month of the event, so a literal lower bound leaves the partitions before it unread.
 *
 * The new row of a key is its published row plus the stream records from `since` on (`EntityBase`). That is exact when
 *
 *   - no pending record is older than `since`: it would belong into the published row's past;
 *   - no admitted snapshot says anything about `since` or later: its rows carry times up to their newest event, its absences S0 - tolerance;
 *   - no pending record makes or unmakes an absence of an admitted snapshot: it would change the past as well.
 *
 * Records since then that the published row has taken in already are read again, which changes nothing: a row is the newest of its records.
 *
 * Otherwise (null) the keys are folded again from all of raw, which is always right. So the runs that read everything are: the first one, a
 * full refresh, a backfill, a run with a snapshot in it, and one with an event from before the end of the last snapshot.
 */
import type { Manifest } from '../core/batch.ts';
import type { JobDefinition } from '../core/job.ts';
import { addDays, formatMillis, isEarlierText, millisOf } from '../core/time.ts';
import { startOfDay } from '../core/zone-offsets.ts';
import type { PartitionState } from '../state/ports.ts';
import type { PublishedBase } from '../transform/plan/changes.ts';
import { affectedBySnapshot, type PartitionPlan, type SnapshotSpan } from './plan-changes.ts';

export interface BaseInput {
  readonly job: JobDefinition;
  readonly timezone: string;
  /** Loaded batches that the model has not published. */
  readonly pending: readonly Manifest[];
  /** All admitted snapshots of the job, pending ones too. */
  readonly snapshots: readonly SnapshotSpan[];
}

/** Past every event: nothing is pending, so the published rows say everything. */
const NOTHING_SINCE = '9999-12-30T00:00:00.000Z';

/** For a model of one row per key. */
export function currentBase(input: BaseInput): PublishedBase | null {
  return provenBase({ since: earliestPending(input) ?? NOTHING_SINCE, day: null }, input);
}

/**
 * For a model with a partition per day. The window begins at the earliest day that a pending record can change. Where that day stands in the table and
 * is right, its row holds everything up to its end but what is pending: new rows of this day and of all later ones follow from it and from the records
 * since the earliest pending one. A window that begins with a new day builds on the day before, and on all records of the new one.
 */
export function dailyBase(
  input: BaseInput & {
    readonly plan: PartitionPlan;
    readonly partitions: readonly PartitionState[];
    readonly historyStart: string | null;
  },
): PublishedBase | null {
  const { plan, partitions, historyStart } = input;
  // Days that `max_recompute_days` cut off are wrong, and so pending records may be older than the window.
  if (plan.window === null || plan.stale !== null) return null;
  const { from } = plan.window;
  const isDone = (day: string): boolean =>
    partitions.some(({ partition, state }) => partition === day && state === 'done');
  const since = earliestPending(input);
  if (since !== null && isDone(from)) return provenBase({ since, day: from }, input);
  const before = addDays(from, -1);
  // Days before the first one, left over from when history began earlier, are no longer kept right.
  if (historyStart === null || before < historyStart || !isDone(before)) return null;
  return provenBase({ since: formatMillis(startOfDay(from, input.timezone)), day: before }, input);
}

/** RFC 3339 UTC with microseconds; null: no pending batch has records. */
function earliestPending({ pending }: BaseInput): string | null {
  let earliest: string | null = null;
  for (const { times } of pending) {
    if (times === null) continue;
    if (earliest === null || isEarlierText(times.minEventAt, earliest)) earliest = times.minEventAt;
  }
  return earliest;
}

function provenBase(base: PublishedBase, { job, pending, snapshots }: BaseInput): PublishedBase | null {
  if (pending.some(({ snapshot }) => snapshot !== undefined)) return null;
  const toleranceMs = job.snapshot?.toleranceMs ?? 0;
  const isBehindAll = snapshots.every(
    (snapshot) =>
      lastMention(snapshot, job) < millisOf(base.since) &&
      !pending.some((manifest) => affectedBySnapshot(manifest, snapshot, toleranceMs)),
  );
  return isBehindAll ? base : null;
}

/** The latest time that any row of the snapshot can carry, milliseconds, rounded up. */
export function lastMention(snapshot: SnapshotSpan, job: JobDefinition): number {
  // A row may be ahead of the download's end by as much as the job allows; what was landed under other bounds stands in the manifest.
  const allowed = millisOf(snapshot.finishedAt) + job.eventTime.maxFutureMs;
  return Math.max(allowed, snapshot.maxEventAt == null ? allowed : millisOf(snapshot.maxEventAt)) + 1;
}
