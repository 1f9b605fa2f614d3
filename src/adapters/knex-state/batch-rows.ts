/** Reading batches. The narrow form leaves the documents where they are. */
import type { Admission, BatchIntent, BatchKind, BatchState, Manifest } from '../../core/batch.ts';
import { batchId } from '../../core/batch.ts';
import { unknownBatch } from '../../state/batch-rules.ts';
import type { BatchFilter, BatchHead, BatchRecord } from '../../state/ports.ts';
import type { Row, Session, SqlValue } from './session.ts';
import { integer, pieces, placeholders, text, textOrNull } from './session.ts';

const HEAD = 'job, seq, kind, state, logical_time';
const WHOLE = `${HEAD}, admission, intent, progress, manifest`;

export async function readBatches(
  session: Session,
  job: string,
  filter: BatchFilter = {},
): Promise<readonly BatchRecord[]> {
  return (await select(session, WHOLE, job, filter)).map(batchRecord);
}

export async function readBatchHeads(
  session: Session,
  job: string,
  filter: BatchFilter = {},
): Promise<readonly BatchHead[]> {
  return (await select(session, HEAD, job, filter)).map(batchHead);
}

export async function readBatchesBySeq(
  session: Session,
  job: string,
  seqs: readonly number[],
): Promise<readonly BatchRecord[]> {
  const wanted = [...new Set(seqs)].toSorted((a, b) => a - b);
  const found: BatchRecord[] = [];
  for (const piece of pieces(wanted)) {
    const rows = await session.rows(
      `select ${WHOLE} from sluice_batch where job = ? and seq in (${placeholders(piece.length)}) order by seq`,
      [job, ...piece],
    );
    found.push(...rows.map(batchRecord));
  }
  const known = new Set(found.map((batch) => batch.seq));
  const missing = wanted.find((seq) => !known.has(seq));
  if (missing !== undefined) throw unknownBatch(job, missing);
  return found;
}

/** Unknown numbers are absent. */
export async function readHeadsBySeq(
  session: Session,
  job: string,
  seqs: readonly number[],
): Promise<ReadonlyMap<number, BatchHead>> {
  const heads = new Map<number, BatchHead>();
  for (const piece of pieces(seqs)) {
    const rows = await session.rows(
      `select ${HEAD} from sluice_batch where job = ? and seq in (${placeholders(piece.length)})`,
      [job, ...piece],
    );
    for (const head of rows.map(batchHead)) heads.set(head.seq, head);
  }
  return heads;
}

export async function readBatch(session: Session, job: string, seq: number): Promise<BatchRecord> {
  const [batch] = await readBatchesBySeq(session, job, [seq]);
  if (batch === undefined) throw unknownBatch(job, seq);
  return batch;
}

/** The newest batch and the fencing token it was planned under. */
export async function readNewestBatch(
  session: Session,
  job: string,
): Promise<{ readonly batch: BatchRecord; readonly planToken: number } | null> {
  const [row] = await session.rows(
    `select ${WHOLE}, plan_token from sluice_batch where job = ? order by seq desc limit 1`,
    [job],
  );
  return row === undefined ? null : { batch: batchRecord(row), planToken: integer(row, 'plan_token') };
}

export async function readLastLogicalTime(session: Session, job: string): Promise<string | null> {
  const [row] = await session.rows('select logical_time from sluice_batch where job = ? order by seq desc limit 1', [
    job,
  ]);
  return row === undefined ? null : text(row, 'logical_time');
}

async function select(session: Session, columns: string, job: string, filter: BatchFilter): Promise<readonly Row[]> {
  const values: SqlValue[] = [job];
  let where = 'job = ?';
  for (const [column, allowed] of [
    ['state', filter.states],
    ['kind', filter.kinds],
  ] as const) {
    if (allowed === undefined) continue;
    if (allowed.length === 0) return [];
    where += ` and ${column} in (${placeholders(allowed.length)})`;
    values.push(...allowed);
  }
  const all = `select ${columns} from sluice_batch where ${where} order by seq`;
  if (filter.newest === undefined) return session.rows(all, values);
  return (await session.rows(`${all} desc limit ?`, [...values, filter.newest])).toReversed();
}

function batchHead(row: Row): BatchHead {
  const job = text(row, 'job');
  const seq = integer(row, 'seq');
  return {
    job,
    seq,
    id: batchId(job, seq),
    kind: text(row, 'kind') as BatchKind,
    state: text(row, 'state') as BatchState,
    logicalTime: text(row, 'logical_time'),
  };
}

function batchRecord(row: Row): BatchRecord {
  return {
    ...batchHead(row),
    intent: JSON.parse(text(row, 'intent')) as BatchIntent,
    progress: parseOrNull(textOrNull(row, 'progress')),
    manifest: parseOrNull(textOrNull(row, 'manifest')) as Manifest | null,
    admission: parseOrNull(textOrNull(row, 'admission')) as Admission | null,
  };
}

function parseOrNull(json: string | null): unknown {
  return json === null ? null : JSON.parse(json);
}
