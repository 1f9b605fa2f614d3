/** The models' ledger: one row per model with its published batches as runs of numbers, one row per partition. */
import type { PartitionState, StateStore } from '../../state/ports.ts';
import type { SeqRun } from '../../state/seq-runs.ts';
import { formatRuns, holesInRuns, parseRuns } from '../../state/seq-runs.ts';
import type { Row, Session, SqlValue } from './session.ts';
import { insertRows, integer, text, textOrNull } from './session.ts';

export interface LedgerEntry {
  readonly job: string;
  readonly model: string;
  readonly logicalTime: string;
  readonly published: readonly SeqRun[];
}

export async function readLedger(session: Session, job: string): Promise<readonly LedgerEntry[]> {
  const rows = await session.rows(
    'select job, model, logical_time, published_seqs from sluice_model where job = ? order by model',
    [job],
  );
  return rows.map(ledgerEntry);
}

export async function readPublished(session: Session, job: string, model: string): Promise<readonly SeqRun[]> {
  const [row] = await session.rows(
    'select job, model, logical_time, published_seqs from sluice_model where job = ? and model = ?',
    [job, model],
  );
  return row === undefined ? [] : ledgerEntry(row).published;
}

export async function storePublished(session: Session, entry: LedgerEntry): Promise<void> {
  await session.change(
    `insert into sluice_model (job, model, logical_time, published_seqs) values (?, ?, ?, ?)
     on conflict (job, model) do update
       set logical_time = excluded.logical_time, published_seqs = excluded.published_seqs`,
    [entry.job, entry.model, entry.logicalTime, formatRuns(entry.published)],
  );
}

/** Looks only into the holes of the published runs: nearly always the few numbers behind the last run. */
export async function readUnpublished(session: Session, job: string, model: string): Promise<readonly number[]> {
  const seqs: number[] = [];
  for (const hole of holesInRuns(await readPublished(session, job, model))) {
    const rows = await session.rows(
      `select seq from sluice_batch where job = ? and state = 'loaded' and seq >= ? and seq <= ? order by seq`,
      [job, hole.from, hole.to ?? Number.MAX_SAFE_INTEGER],
    );
    seqs.push(...rows.map((row) => integer(row, 'seq')));
  }
  return seqs;
}

export async function readPartitions(
  session: Session,
  job: string,
  model: string,
  filter: Parameters<StateStore['partitions']>[2] = {},
): Promise<readonly PartitionState[]> {
  const values: SqlValue[] = [job, model];
  if (filter.state !== undefined) values.push(filter.state);
  const rows = await session.rows(
    `select partition_value, state, batch_id from sluice_partition
      where job = ? and model = ?${filter.state === undefined ? '' : ' and state = ?'} order by partition_value`,
    values,
  );
  return rows.map((row) => ({
    partition: text(row, 'partition_value'),
    state: text(row, 'state') as PartitionState['state'],
    batchId: textOrNull(row, 'batch_id'),
  }));
}

export function storePartitions(
  session: Session,
  job: string,
  model: string,
  partitions: readonly PartitionState[],
): Promise<void> {
  // The last word on a partition counts; one statement must not name it twice.
  const byValue = new Map(partitions.map((state) => [state.partition, state]));
  return insertRows(
    session,
    'sluice_partition',
    ['job', 'model', 'partition_value', 'state', 'batch_id'],
    [...byValue.values()].map(({ partition, state, batchId }) => [job, model, partition, state, batchId]),
    `on conflict (job, model, partition_value) do update set state = excluded.state, batch_id = excluded.batch_id`,
  );
}

function ledgerEntry(row: Row): LedgerEntry {
  return {
    job: text(row, 'job'),
    model: text(row, 'model'),
    logicalTime: text(row, 'logical_time'),
    published: parseRuns(text(row, 'published_seqs')),
  };
}
