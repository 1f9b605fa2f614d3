/** Where in the raw tables the changed keys stand: batch numbers with the literal bounds of their partitions, out of the manifests (pure). */
import type { Manifest } from '../core/batch.ts';
import type { JobDefinition } from '../core/job.ts';
import { isEarlierText, millisOf } from '../core/time.ts';
import type { ChangedPlaces, TimeSpan } from '../transform/sql/entity/changed-keys.ts';
import { lastMention } from './plan-base.ts';
import type { SnapshotSpan } from './plan-changes.ts';

/** `effectiveFrom`: see `ChangedPlaces`. */
export function changedPlaces(
  job: JobDefinition,
  pending: readonly Manifest[],
  snapshots: readonly SnapshotSpan[],
  effectiveFrom: string | null,
): ChangedPlaces {
  const stream = pending.filter(({ kind, times }) => kind !== 'snapshot' && times !== null);
  const rows = job.snapshot === null ? [] : pending.filter(({ kind }) => kind !== 'stream');
  return {
    stream: { seqs: stream.map(({ seq }) => seq), span: spanOf(stream.flatMap(eventSpan)) },
    snapshot: { seqs: rows.map(({ seq }) => seq), span: spanOf(rows.flatMap(downloadSpan)) },
    effectiveFrom,
    laterSnapshots:
      effectiveFrom === null
        ? []
        : snapshots
            .filter((snapshot) => lastMention(snapshot, job) >= millisOf(effectiveFrom))
            .map(({ startedAt }) => startedAt),
  };
}

function eventSpan({ times }: Manifest): TimeSpan[] {
  return times === null ? [] : [{ from: times.minEventAt, to: times.maxEventAt }];
}

/** S0 of the rows: of the snapshot, or (a replay's broker times) of the snapshots that they came from. */
function downloadSpan({ snapshot, times }: Manifest): TimeSpan[] {
  if (snapshot !== undefined) return [{ from: snapshot.startedAt, to: snapshot.startedAt }];
  return times === null ? [] : [{ from: times.minBrokerAt, to: times.maxBrokerAt }];
}

function spanOf(spans: readonly TimeSpan[]): TimeSpan | null {
  const [first] = spans;
  if (first === undefined) return null;
  return spans.reduce(
    (all, { from, to }) => ({
      from: isEarlierText(from, all.from) ? from : all.from,
      to: isEarlierText(all.to, to) ? to : all.to,
    }),
    first,
  );
}
