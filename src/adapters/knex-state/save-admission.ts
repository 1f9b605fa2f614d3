/** A sealed snapshot batch is admitted or refused; an accepted admission replaces a refusal. */
import type { Admission } from '../../core/batch.ts';
import { admissionTransition } from '../../state/batch-rules.ts';
import type { Lease } from '../../state/ports.ts';
import { readBatch } from './batch-rows.ts';
import { expectOne, fenced } from './fence.ts';
import type { StateDatabase } from './session.ts';

export function saveAdmission(database: StateDatabase, lease: Lease, seq: number, admission: Admission): Promise<void> {
  return fenced(database, lease, async (session) => {
    const batch = await readBatch(session, lease.job, seq);
    if (admissionTransition(batch, admission) === 'done') return;
    expectOne(
      await session.change(
        `update sluice_batch set admission = ? where job = ? and seq = ? and state in ('landed', 'loaded')`,
        [JSON.stringify(admission), lease.job, seq],
      ),
      batch,
    );
  });
}
