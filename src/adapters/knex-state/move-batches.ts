/** landed -> loaded, and back when the warehouse lost them (then no model has published them either). */
import type { BatchState } from '../../core/batch.ts';
import { unknownBatch, wrongState } from '../../state/batch-rules.ts';
import type { Lease } from '../../state/ports.ts';
import { removeFromRuns } from '../../state/seq-runs.ts';
import { readHeadsBySeq } from './batch-rows.ts';
import { fenced } from './fence.ts';
import { readLedger, storePublished } from './ledger-rows.ts';
import type { Session, StateDatabase } from './session.ts';
import { pieces, placeholders } from './session.ts';

export function markLoaded(database: StateDatabase, lease: Lease, seqs: readonly number[]): Promise<void> {
  return fenced(database, lease, (session) => move(session, lease.job, seqs, 'landed', 'loaded'));
}

export function markUnloaded(database: StateDatabase, lease: Lease, seqs: readonly number[]): Promise<void> {
  return fenced(database, lease, async (session) => {
    await move(session, lease.job, seqs, 'loaded', 'landed');
    for (const entry of await readLedger(session, lease.job)) {
      await storePublished(session, { ...entry, published: removeFromRuns(entry.published, seqs) });
    }
  });
}

async function move(
  session: Session,
  job: string,
  seqs: readonly number[],
  from: BatchState,
  to: BatchState,
): Promise<void> {
  await expectStates(session, job, seqs, `be ${to}`, [from, to]);
  for (const piece of pieces(seqs)) {
    await session.change(
      `update sluice_batch set state = ? where job = ? and state = ? and seq in (${placeholders(piece.length)})`,
      [to, job, from, ...piece],
    );
  }
}

/** Throws `state_conflict` for the first of `seqs` that is unknown or in none of the states. */
export async function expectStates(
  session: Session,
  job: string,
  seqs: readonly number[],
  what: string,
  states: readonly BatchState[],
): Promise<void> {
  const heads = await readHeadsBySeq(session, job, seqs);
  for (const seq of seqs) {
    const head = heads.get(seq);
    if (head === undefined) throw unknownBatch(job, seq);
    if (!states.includes(head.state)) throw wrongState(head, what, states);
  }
}
