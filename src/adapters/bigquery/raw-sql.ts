/** Statements over the raw tables that a load needs besides its load jobs. */
import type { Admission, Manifest } from '../../core/batch.ts';
import { SluiceError } from '../../core/errors.ts';
import type { RawTable } from '../../load/raw-columns.ts';
import type { BatchNote } from './batch-notes.ts';
import { rawColumnName } from './raw-tables.ts';
import { textLiteral, timestampLiteral } from './sql-text.ts';

/** Quoted names of one set of raw tables. */
export type RawNames = Readonly<Record<RawTable, string>>;

/** True for the admission of an incomplete snapshot: it counts with its rows, not with its absences, so nothing needs deciding. */
export function admits(manifest: Manifest, admission: Admission | null): boolean {
  return manifest.snapshot !== undefined && (!manifest.snapshot.complete || admission?.admitted === true);
}

/**
 * A batch's rows in one raw table. The bounds on the partition column are the manifest's, as literals: a look at one batch reads one or
 * two months, not the table. Dead letters have no usable bounds, and their table is small.
 */
export function batchFilter(table: RawTable, manifest: Manifest): string {
  const ofBatch = `_seq = ${String(manifest.seq)}`;
  if (table === 'stream' && manifest.times !== null) {
    return `${ofBatch} and ${between('_event_at', manifest.times.minEventAt, manifest.times.maxEventAt)}`;
  }
  if (table === 'snapshot' && manifest.snapshot !== undefined) {
    return `${ofBatch} and _snapshot_started_at = ${timestampLiteral(manifest.snapshot.startedAt)}`;
  }
  // A replay's broker times are S0 for rows of a listing.
  if (table === 'snapshot' && manifest.times !== null) {
    return `${ofBatch} and ${between('_snapshot_started_at', manifest.times.minBrokerAt, manifest.times.maxBrokerAt)}`;
  }
  return ofBatch;
}

function between(column: string, first: string, last: string): string {
  return `${column} >= ${timestampLiteral(first)} and ${column} <= ${timestampLiteral(last)}`;
}

export function insertAdmission(names: RawNames, manifest: Manifest): string {
  const { snapshot } = manifest;
  if (snapshot === undefined) throw new SluiceError('internal', `batch ${manifest.batchId} is no snapshot`);
  const values = [
    textLiteral(snapshot.snapshotId),
    timestampLiteral(snapshot.startedAt),
    timestampLiteral(snapshot.finishedAt),
    String(snapshot.complete),
    String(snapshot.rows),
    snapshot.total === null ? 'null' : String(snapshot.total),
    textLiteral(manifest.batchId),
    String(manifest.seq),
  ];
  return (
    `insert into ${names.snapshot_load} (_snapshot_id, _snapshot_started_at, _snapshot_finished_at, _snapshot_complete, ` +
    `_rows, _total, _batch_id, _seq)\nvalues (${values.join(', ')})`
  );
}

export function deleteAdmission(names: RawNames, seq: number): string {
  return `delete from ${names.snapshot_load} where _seq = ${String(seq)}`;
}

/** Where a record came from, as one text: NULLs compare equal in it, which a subquery with `is not distinct from` may not do. */
const STREAM_PLACE = place(['_topic', '_epoch', '_partition', '_offset']);
const SNAPSHOT_PLACE = place(['_snapshot_id', '_page', '_row']);

function place(columns: readonly string[]): string {
  const texts = columns.map((name) => `coalesce(cast(${rawColumnName(name)} as string), '')`);
  return `concat(${texts.join(", '|', ")})`;
}

/** Dead letters that a replay landed after all get the replay's logical time. */
export function markReplayed(names: RawNames, replay: BatchNote): string {
  if (replay.replayedAt === null) throw new SluiceError('internal', `batch ${String(replay.seq)} is no replay`);
  const { firstEventAt, lastEventAt } = replay;
  const bounds =
    firstEventAt === null || lastEventAt === null ? '' : ` and ${between('_event_at', firstEventAt, lastEventAt)}`;
  const seq = String(replay.seq);
  return (
    `update ${names.dead_letter} set _replayed_at = ${timestampLiteral(replay.replayedAt)}\n` +
    `where _replayed_at is null and (\n` +
    `  (_topic is not null and ${STREAM_PLACE} in (select ${STREAM_PLACE} from ${names.stream} where _seq = ${seq}${bounds}))\n` +
    `  or (_snapshot_id is not null and ${SNAPSHOT_PLACE} in (select ${SNAPSHOT_PLACE} from ${names.snapshot} where _seq = ${seq}))\n)`
  );
}
