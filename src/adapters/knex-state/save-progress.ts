/** planned -> planned, with a snapshot's progress. */
import { progressTransition } from '../../state/batch-rules.ts';
import type { Lease } from '../../state/ports.ts';
import { readBatch } from './batch-rows.ts';
import { expectOne, fenced } from './fence.ts';
import type { StateDatabase } from './session.ts';

export function saveProgress(database: StateDatabase, lease: Lease, seq: number, progress: unknown): Promise<void> {
  return fenced(database, lease, async (session) => {
    const batch = await readBatch(session, lease.job, seq);
    if (progressTransition(batch, progress) === 'done') return;
    expectOne(
      await session.change(`update sluice_batch set progress = ? where job = ? and seq = ? and state = 'planned'`, [
        JSON.stringify(progress ?? null),
        lease.job,
        seq,
      ]),
      batch,
    );
  });
}
