/** loaded batches -> published by one model, with the partitions it wrote or could not write. */
import type { Lease, StateStore } from '../../state/ports.ts';
import { addToRuns } from '../../state/seq-runs.ts';
import { storeFact } from './fact-rows.ts';
import { fenced } from './fence.ts';
import { readPublished, storePartitions, storePublished } from './ledger-rows.ts';
import { expectStates } from './move-batches.ts';
import type { StateDatabase } from './session.ts';

export function markPublished(
  database: StateDatabase,
  lease: Lease,
  model: string,
  result: Parameters<StateStore['markPublished']>[2],
): Promise<void> {
  const { job } = lease;
  return fenced(database, lease, async (session) => {
    await expectStates(session, job, result.seqs, `be published by ${model}`, ['loaded']);
    const replaceAll = result.replaceAll === true;
    if (replaceAll) await session.change('delete from sluice_partition where job = ? and model = ?', [job, model]);
    const published = addToRuns(replaceAll ? [] : await readPublished(session, job, model), result.seqs);
    await storePublished(session, { job, model, logicalTime: result.logicalTime, published });
    await storePartitions(session, job, model, result.partitions);
    if (result.fact !== undefined) await storeFact(session, job, result.fact.name, result.fact.value);
  });
}
