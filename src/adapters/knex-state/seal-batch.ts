/**
 * planned -> landed, or void: the manifest stands, and the partitions' last landed records with it. Where records were lost between plan and
 * landing, the manifest's ranges and gaps take the place of the planned ones; they cover the same offsets, so no position moves.
 */
import type { Manifest } from '../../core/batch.ts';
import { hasLoss, sealedChain, sealedState, sealTransition } from '../../state/batch-rules.ts';
import { chainLinks, laterLast, positionKey, sealedLasts } from '../../state/offset-chain.ts';
import type { Lease } from '../../state/ports.ts';
import { readBatch } from './batch-rows.ts';
import { insertLinks, readPositions, storePositions } from './chain-rows.ts';
import { expectOne, fenced } from './fence.ts';
import type { Session, StateDatabase } from './session.ts';

export function sealBatch(database: StateDatabase, lease: Lease, manifest: Manifest): Promise<void> {
  const { job } = lease;
  return fenced(database, lease, async (session) => {
    const batch = await readBatch(session, job, manifest.seq);
    if (sealTransition(batch, manifest) === 'done') return;
    expectOne(
      await session.change(
        `update sluice_batch set state = ?, manifest = ? where job = ? and seq = ? and state = 'planned'`,
        [sealedState(manifest), JSON.stringify(manifest), job, manifest.seq],
      ),
      batch,
    );
    if (hasLoss(batch, manifest)) await replaceLinks(session, manifest);
    await moveLasts(session, job, manifest);
  });
}

async function replaceLinks(session: Session, manifest: Manifest): Promise<void> {
  const { job, seq } = manifest;
  const { ranges, gaps } = sealedChain(manifest);
  await session.change('delete from sluice_range where job = ? and seq = ?', [job, seq]);
  await insertLinks(
    session,
    job,
    chainLinks(job, ranges, gaps).map((link) => ({ ...link, seq })),
  );
}

async function moveLasts(session: Session, job: string, manifest: Manifest): Promise<void> {
  const lasts = sealedLasts(manifest);
  if (lasts.length === 0) return;
  const positions = new Map((await readPositions(session, job)).map((position) => [positionKey(position), position]));
  const moved = lasts.flatMap((sealed) => {
    const position = positions.get(positionKey(sealed));
    return position === undefined ? [] : [{ ...position, last: laterLast(position.last, sealed.last) }];
  });
  await storePositions(session, job, moved);
}
