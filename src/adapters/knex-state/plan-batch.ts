/** (nothing) -> planned: the intent is stored under the next number, and its ranges extend the chain. */
import type { BatchIntent } from '../../core/batch.ts';
import { chainOf, isRepeatedPlan } from '../../state/batch-rules.ts';
import { chainLinks, extendChain } from '../../state/offset-chain.ts';
import type { BatchRecord, Lease } from '../../state/ports.ts';
import { readBatch, readNewestBatch } from './batch-rows.ts';
import { insertLinks, readPositions, storePositions } from './chain-rows.ts';
import { fenced } from './fence.ts';
import type { StateDatabase } from './session.ts';

export function planBatch(
  database: StateDatabase,
  lease: Lease,
  logicalTime: string,
  intent: BatchIntent | ((seq: number) => BatchIntent),
): Promise<BatchRecord> {
  const { job, token } = lease;
  return fenced(database, lease, async (session) => {
    const newest = await readNewestBatch(session, job);
    if (
      typeof intent !== 'function' &&
      newest?.planToken === token &&
      isRepeatedPlan(newest.batch, logicalTime, intent)
    ) {
      return newest.batch;
    }
    const seq = (newest?.batch.seq ?? 0) + 1;
    const planned = typeof intent === 'function' ? intent(seq) : intent;
    const { ranges, gaps } = chainOf(planned);
    const links = chainLinks(job, ranges, gaps);
    const moved = links.length === 0 ? [] : extendChain(job, await readPositions(session, job), links);
    await session.change(
      `insert into sluice_batch (job, seq, kind, state, logical_time, plan_token, intent) values (?, ?, ?, 'planned', ?, ?, ?)`,
      [job, seq, planned.kind, logicalTime, token, JSON.stringify(planned)],
    );
    await insertLinks(
      session,
      job,
      links.map((link) => ({ ...link, seq })),
    );
    await storePositions(session, job, moved);
    return readBatch(session, job, seq);
  });
}
