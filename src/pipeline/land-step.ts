/**
 * plan + land: finish the batches that were planned and not sealed, download a snapshot when asked, then cut the backlog into batches up
 * to the end offsets seen at the start. Landing never waits for the warehouse or for models.
 *
 * If the process dies: after the intent was stored, the next run lands the same intent; after the objects, it finds them identical;
 * after the manifest, it adopts the manifest.
 */
import type { Manifest } from '../core/batch.ts';
import { isSluiceError } from '../core/errors.ts';
import { readManifest } from '../ingest/manifest-store.ts';
import type { BatchRecord } from '../state/ports.ts';
import { SnapshotLander } from './land-snapshot.ts';
import { StreamLander } from './land-stream.ts';
import { landReplay } from './replay-dead-letters.ts';
import type { RunContext } from './run-context.ts';
import { seal } from './seal-batch.ts';

interface Landers {
  readonly stream: StreamLander;
  readonly snapshot: SnapshotLander;
}

/** Lands every batch that an earlier run planned. A batch that cannot be finished now does not keep the others. */
async function resume(context: RunContext, landers: Landers): Promise<readonly Manifest[]> {
  const { state, job } = context.ports;
  const landed: Manifest[] = [];
  for (const batch of await state.batches(job.name, { states: ['planned'] })) {
    context.noteBatch(batch);
    try {
      const manifest = await resumeBatch(context, landers, batch);
      if (manifest !== null) landed.push(manifest);
    } catch (error) {
      context.fail(error);
    }
  }
  return landed;
}

async function resumeBatch(context: RunContext, landers: Landers, batch: BatchRecord): Promise<Manifest | null> {
  const { store, job } = context.ports;
  const found = await readManifest(store, job.name, batch.seq);
  if (found !== undefined) return (await seal(context, batch, found)).manifest;
  switch (batch.intent.kind) {
    case 'stream':
      return landers.stream.resume(batch, batch.intent);
    case 'snapshot':
      return landers.snapshot.resume(batch);
    case 'replay':
      return (await seal(context, batch, await landReplay(context, batch))).manifest;
  }
}

/** plan and land, in the order of CUSTOMER.md §4: what is unfinished, the snapshot when asked, then the stream. */
export async function landStep(context: RunContext): Promise<readonly Manifest[]> {
  const landers: Landers = { stream: new StreamLander(context), snapshot: new SnapshotLander(context) };
  try {
    const landed = [...(await resume(context, landers))];
    if (context.request.fullLoad) {
      try {
        const manifest = await landers.snapshot.land();
        if (manifest !== null) landed.push(manifest);
      } catch (error) {
        // A failing download does not keep the stream from landing.
        if (isSluiceError(error, 'usage') || isSluiceError(error, 'env_missing')) throw error;
        context.fail(error);
      }
    }
    landed.push(...(await landers.stream.landNew()));
    if (landed.length > 0) await landers.stream.commitGroup();
    return landed;
  } finally {
    await landers.stream.close();
  }
}
