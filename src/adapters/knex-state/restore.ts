/**
 * Recovery: everything known about a job's batches is replaced by what landing says, in one transaction. Numbers may have holes (a
 * batch that was planned and never sealed left no manifest); offsets may not. The models' ledgers go too: nothing counts as loaded
 * until the warehouse has been asked. Runs and facts stay.
 */
import { rebuild } from '../../state/rebuild.ts';
import type { OpenBatch, SealedBatch } from '../../state/rebuild.ts';
import type { Lease } from '../../state/ports.ts';
import { insertLinks, storePositions } from './chain-rows.ts';
import { fenced } from './fence.ts';
import type { StateDatabase } from './session.ts';
import { insertRows } from './session.ts';

export function restore(
  database: StateDatabase,
  lease: Lease,
  sealed: readonly SealedBatch[],
  open: readonly OpenBatch[] = [],
): Promise<void> {
  const { job, token } = lease;
  return fenced(database, lease, async (session) => {
    const { batches, links, positions } = rebuild(job, sealed, open);
    for (const table of ['sluice_range', 'sluice_position', 'sluice_model', 'sluice_partition', 'sluice_batch']) {
      await session.change(`delete from ${table} where job = ?`, [job]);
    }
    await insertRows(
      session,
      'sluice_batch',
      ['job', 'seq', 'kind', 'state', 'logical_time', 'plan_token', 'admission', 'intent', 'manifest'],
      batches.map((batch) => [
        job,
        batch.seq,
        batch.kind,
        batch.state,
        batch.logicalTime,
        token,
        batch.admission === null ? null : JSON.stringify(batch.admission),
        JSON.stringify(batch.intent),
        batch.manifest === null ? null : JSON.stringify(batch.manifest),
      ]),
    );
    await insertLinks(session, job, links);
    await storePositions(session, job, positions);
  });
}
