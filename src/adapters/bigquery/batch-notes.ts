/** Rows of `_sluice_batches` as SQL and back: the truth about what is loaded (DESIGN.md §2). */
import type { Manifest } from '../../core/batch.ts';
import type { QueryResult } from '../../transform/run/ports.ts';
import { shortHash } from './job-id.ts';
import { MAX_ROWS_PER_INSERT } from './limits.ts';
import { textLiteral, timestampLiteral } from './sql-text.ts';

export interface BatchNote {
  readonly seq: number;
  readonly fingerprint: string | null;
  /** As text that `timestamp '…'` takes. */
  readonly replayedAt: string | null;
  readonly firstEventAt: string | null;
  readonly lastEventAt: string | null;
}

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

const COLUMNS = 'job, seq, batch_id, manifest, replayed_at, first_event_at, last_event_at, loaded_at';

export function selectNotes(notes: string, job: string): string {
  return `select seq, manifest, replayed_at, first_event_at, last_event_at from ${notes} where job = ${textLiteral(job)} order by seq`;
}

export function readNotes(result: QueryResult): Map<number, BatchNote> {
  const found = result.rows.map(([seq, fingerprint, replayedAt, firstEventAt, lastEventAt]): [number, BatchNote] => [
    Number(seq),
    {
      seq: Number(seq),
      fingerprint: textOf(fingerprint),
      replayedAt: utc(replayedAt),
      firstEventAt: utc(firstEventAt),
      lastEventAt: utc(lastEventAt),
    },
  ]);
  return new Map(found);
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

export function insertNotes(notes: string, job: string, manifests: readonly Manifest[]): readonly string[] {
  const statements: string[] = [];
  for (let start = 0; start < manifests.length; start += MAX_ROWS_PER_INSERT) {
    const rows = manifests.slice(start, start + MAX_ROWS_PER_INSERT).map((manifest) => noteRow(job, manifest));
    statements.push(`insert into ${notes} (${COLUMNS})\nvalues ${rows.join(',\n  ')}`);
  }
  return statements;
}

function noteRow(job: string, manifest: Manifest): string {
  const note = noteOf(manifest);
  const time = (rfc3339: string | null): string => (rfc3339 === null ? 'null' : timestampLiteral(rfc3339));
  const values = [
    textLiteral(job),
    String(manifest.seq),
    textLiteral(manifest.batchId),
    textLiteral(note.fingerprint ?? ''),
    time(note.replayedAt),
    time(note.firstEventAt),
    time(note.lastEventAt),
    'current_timestamp()',
  ];
  return `(${values.join(', ')})`;
}

export function noteOf(manifest: Manifest): BatchNote {
  return {
    seq: manifest.seq,
    fingerprint: manifestFingerprint(manifest),
    replayedAt: manifest.kind === 'replay' ? manifest.logicalTime : null,
    firstEventAt: manifest.times?.minEventAt ?? null,
    lastEventAt: manifest.times?.maxEventAt ?? null,
  };
}
