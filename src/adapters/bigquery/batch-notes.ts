/** Rows of `_sluice_batches` as SQL and back: the truth about what is loaded (DESIGN.md §2). */
import type { Manifest } from '../../core/batch.ts';
import type { LoadBatch } from '../../load/ports.ts';
import { ROLE_TABLES, type RawTable } from '../../load/raw-columns.ts';
import type { QueryResult } from '../../transform/run/ports.ts';
import { shortHash } from './job-id.ts';
import { MAX_ROWS_PER_INSERT } from './limits.ts';
import { admits } from './raw-sql.ts';
import { textLiteral, timestampLiteral } from './sql-text.ts';

export interface BatchNote {
  readonly seq: number;
  readonly fingerprint: string | null;
  /** As text that `timestamp '…'` takes. */
  readonly replayedAt: string | null;
  readonly firstEventAt: string | null;
  readonly lastEventAt: string | null;
  /** Its rows in each table; null where an older version noted it. */
  readonly rows: Readonly<Record<RawTable, number>> | null;
}

const ROW_COLUMNS: Readonly<Record<RawTable, string>> = {
  stream: 'stream_rows',
  snapshot: 'snapshot_rows',
  snapshot_load: 'snapshot_load_rows',
  dead_letter: 'dead_letter_rows',
};
const COUNTED = Object.keys(ROW_COLUMNS) as RawTable[];

/** Tells two batches of one number apart (a state store that began anew): the objects and their checksums. */
export function manifestFingerprint(manifest: Manifest): string {
  const objects = manifest.objects.map((object) => [
    object.name,
    object.role,
    object.rows,
    object.bytes,
    object.checksum,
  ]);
  return shortHash(JSON.stringify([manifest.batchId, manifest.kind, objects]));
}

const COLUMNS = `job, seq, batch_id, manifest, replayed_at, first_event_at, last_event_at, ${Object.values(ROW_COLUMNS).join(', ')}, loaded_at`;

export function selectNotes(notes: string, job: string): string {
  return `select seq, manifest, replayed_at, first_event_at, last_event_at, ${Object.values(ROW_COLUMNS).join(', ')} from ${notes} where job = ${textLiteral(job)} order by seq`;
}

export function readNotes(result: QueryResult): Map<number, BatchNote> {
  const found = result.rows.map(
    ([seq, fingerprint, replayedAt, firstEventAt, lastEventAt, ...rows]): [number, BatchNote] => [
      Number(seq),
      {
        seq: Number(seq),
        fingerprint: textOf(fingerprint),
        replayedAt: utc(replayedAt),
        firstEventAt: utc(firstEventAt),
        lastEventAt: utc(lastEventAt),
        rows: rows.includes(null) ? null : rowCounts((_table, index) => Number(rows[index])),
      },
    ],
  );
  return new Map(found);
}

function rowCounts(count: (table: RawTable, index: number) => number): Record<RawTable, number> {
  return Object.fromEntries(COUNTED.map((table, index) => [table, count(table, index)])) as Record<RawTable, number>;
}

/** Rows that all noted batches together have in each table; null when an older version noted some of them. */
export function notedRows(notes: Iterable<BatchNote>): Readonly<Record<RawTable, number>> | null {
  const total = rowCounts(() => 0);
  for (const { rows } of notes) {
    if (rows === null) return null;
    for (const table of COUNTED) total[table] += rows[table];
  }
  return total;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function utc(value: unknown): string | null {
  return typeof value === 'string' ? `${value.replace(' ', 'T')}Z` : null;
}

export function deleteNote(notes: string, job: string, seq: number): string {
  return `delete from ${notes} where job = ${textLiteral(job)} and seq = ${String(seq)}`;
}

export function deleteNotes(notes: string, job: string): string {
  return `delete from ${notes} where job = ${textLiteral(job)}`;
}

export function insertNotes(notes: string, job: string, batches: readonly LoadBatch[]): readonly string[] {
  const statements: string[] = [];
  for (let start = 0; start < batches.length; start += MAX_ROWS_PER_INSERT) {
    const rows = batches.slice(start, start + MAX_ROWS_PER_INSERT).map((batch) => noteRow(job, batch));
    statements.push(`insert into ${notes} (${COLUMNS})\nvalues ${rows.join(',\n  ')}`);
  }
  return statements;
}

function noteRow(job: string, batch: LoadBatch): string {
  const { manifest } = batch;
  const note = noteOf(batch);
  const time = (rfc3339: string | null): string => (rfc3339 === null ? 'null' : timestampLiteral(rfc3339));
  const values = [
    textLiteral(job),
    String(manifest.seq),
    textLiteral(manifest.batchId),
    textLiteral(note.fingerprint ?? ''),
    time(note.replayedAt),
    time(note.firstEventAt),
    time(note.lastEventAt),
    ...COUNTED.map((table) => String(note.rows?.[table] ?? 'null')),
    'current_timestamp()',
  ];
  return `(${values.join(', ')})`;
}

export function noteOf({ manifest, admission }: LoadBatch): BatchNote {
  const rows = rowCounts((table) =>
    manifest.objects.reduce(
      (total, { role, rows: count }) => total + (role !== 'page' && ROLE_TABLES[role] === table ? count : 0),
      0,
    ),
  );
  return {
    seq: manifest.seq,
    fingerprint: manifestFingerprint(manifest),
    replayedAt: manifest.kind === 'replay' ? manifest.logicalTime : null,
    firstEventAt: manifest.times?.minEventAt ?? null,
    lastEventAt: manifest.times?.maxEventAt ?? null,
    rows: { ...rows, snapshot_load: admits(manifest, admission) ? 1 : 0 },
  };
}
