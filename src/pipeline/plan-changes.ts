/**
 * Which days and keys a model must redo: a pure function of the manifests that it has not published, of the days it has, and of today.
 *
 * `current` and `history` are functions of raw and of today alone (CUSTOMER.md §2), so a day D can change only when a record with an
 * effective time before its end comes or goes: the window is [earliest affected day .. today], never a fixed number of days. A stream record can
 * also make or unmake an absence of an earlier snapshot: it makes one when it was observed before S0, it unmakes one when its assertion
 * time lies in [S0 - tolerance, S1 + tolerance]; then days from S0 on are affected too.
 */
import type { Manifest } from '../core/batch.ts';
import type { JobDefinition } from '../core/job.ts';
import { addDays, daysBetween, earlierOf, laterOf, localDay, millisOf } from '../core/time.ts';
import type { DayWindow } from '../transform/plan/changes.ts';

/** An admitted snapshot, as far as windows depend on it. */
export interface SnapshotSpan {
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly complete: boolean;
  /** Newest event time of its rows; null or left out: they carry none. */
  readonly maxEventAt?: string | null;
}

export interface ChangesInput {
  readonly job: JobDefinition;
  readonly timezone: string;
  readonly today: string;
  /** Sealed, loaded batches that the model has not published. A snapshot that was kept out is not among them. */
  readonly pending: readonly Manifest[];
  /** All admitted snapshots of the job. */
  readonly snapshots: readonly SnapshotSpan[];
  /** First and last day that the model has; null: none. */
  readonly published: DayWindow | null;
  /** First day of history; null: it has not started. */
  readonly historyStart: string | null;
}

export interface PartitionPlan {
  /** null: nothing to do. */
  readonly window: DayWindow | null;
  readonly newDaysFrom: string | null;
  /** true: whole days must be written for every key. */
  readonly allKeys: boolean;
  /** Days that change but lie beyond `max_recompute_days`. */
  readonly stale: DayWindow | null;
}

/** A complete snapshot can touch every key. */
export function touchesAllKeys(pending: readonly Manifest[]): boolean {
  return pending.some((manifest) => manifest.snapshot?.complete === true);
}

/** Whether the batch can make or unmake an absence of the snapshot. */
export function affectedBySnapshot(manifest: Manifest, snapshot: SnapshotSpan, toleranceMs: number): boolean {
  const { times } = manifest;
  if (times === null || !snapshot.complete) return false;
  const startedAt = millisOf(snapshot.startedAt);
  const isObservedBefore = millisOf(times.minBrokerAt) < startedAt;
  const isAsserted =
    millisOf(times.maxEventAt) + 1 >= startedAt - toleranceMs &&
    millisOf(times.minEventAt) <= millisOf(snapshot.finishedAt) + toleranceMs;
  return isObservedBefore || isAsserted;
}

/** The earliest local day that a batch can change; null when it changes none. */
export function earliestAffectedDay(
  manifest: Manifest,
  input: Pick<ChangesInput, 'job' | 'timezone' | 'snapshots'>,
): string | null {
  const { timezone, job } = input;
  if (manifest.snapshot !== undefined) return localDay(millisOf(manifest.snapshot.startedAt), timezone);
  if (manifest.times === null) return null;
  let day = localDay(millisOf(manifest.times.minEventAt), timezone);
  const toleranceMs = job.snapshot?.toleranceMs ?? 0;
  for (const snapshot of input.snapshots) {
    if (affectedBySnapshot(manifest, snapshot, toleranceMs))
      day = earlierOf(day, localDay(millisOf(snapshot.startedAt), timezone));
  }
  return day;
}

function minOf(days: readonly (string | null)[]): string | null {
  let smallest: string | null = null;
  for (const day of days) if (day !== null && (smallest === null || day < smallest)) smallest = day;
  return smallest;
}

/** The window of a model that is partitioned by day. */
export function planPartitions(input: ChangesInput): PartitionPlan {
  const { historyStart, today, published, pending, job } = input;
  const nothing: PartitionPlan = { window: null, newDaysFrom: null, allKeys: false, stale: null };
  if (historyStart === null) return nothing;
  // A clock that was set back may lie before days that stand already: they are still changed by what comes.
  if (historyStart > (published === null ? today : laterOf(today, published.to))) return nothing;
  if (published === null)
    return { window: { from: historyStart, to: today }, newDaysFrom: historyStart, allKeys: true, stale: null };
  const startsEarlier = historyStart < published.from;
  const last = published.to;
  const to = laterOf(today, last);
  const newDaysFrom = last < today ? addDays(last, 1) : null;
  const affected = minOf(pending.map((manifest) => earliestAffectedDay(manifest, input)));
  const wanted = minOf([affected, newDaysFrom, startsEarlier ? historyStart : null]);
  if (wanted === null || wanted > to) return nothing;
  const from = laterOf(wanted, historyStart);
  const cutoff = addDays(to, 1 - job.limits.maxRecomputeDays);
  const isCapped = from < cutoff;
  return {
    window: { from: isCapped ? cutoff : from, to },
    newDaysFrom,
    allKeys: startsEarlier || touchesAllKeys(pending),
    stale: isCapped ? { from, to: addDays(cutoff, -1) } : null,
  };
}

/** Every day of a window, in order. */
export function daysOf(window: DayWindow): readonly string[] {
  return Array.from({ length: daysBetween(window.from, window.to) + 1 }, (_, index) => addDays(window.from, index));
}
