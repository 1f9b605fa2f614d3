/**
 * The state store is a cache with authority over ordering; landing alone says what the batches are. Every run compares the two before it
 * plans anything:
 *
 * - a state store that was lost knows no batch; one that was set back to an older copy knows fewer than landing, or plans that were
 *   sealed otherwise. Planning from it would give numbers and offsets a second time, so it is rebuilt from landing;
 * - a landing that was set back lacks the newest manifest that the state store knows. It is the source of truth, so nothing goes on.
 *
 * What landing tells has no holes: before a batch is sealed, the intents of open ones below it are written there (`land-step.ts`). So the
 * one number behind the newest known batch shows whether landing is ahead.
 */
import { SluiceError } from '../core/errors.ts';
import { manifestName, manifestsPrefix } from '../core/object-key.ts';
import { isInLanding, readLandedBatches, readManifest } from '../ingest/manifest-store.ts';
import { fitsPlan } from '../state/batch-rules.ts';
import type { RunContext } from './run-context.ts';

/** `job recover`: replaces what the state store knows of the job's batches by what landing says; returns how many there are. */
export async function recover(context: RunContext): Promise<number> {
  const { store, state, job, observer } = context.ports;
  const { sealed, open } = await readLandedBatches(store, job.name);
  if (sealed.length === 0) {
    throw new SluiceError(
      'object_missing',
      `job ${job.name}: landing holds no sealed batch, so there is nothing to rebuild the state store from`,
      { hint: 'Check the target and its landing location.' },
    );
  }
  await context.session.guard();
  await state.restore(context.session.lease, sealed, open);
  const newest = sealed.at(-1)?.manifest.batchId ?? '';
  const unfinished = open.length === 0 ? '' : `; ${open.length} of them unfinished`;
  observer.note(
    `recovered ${sealed.length + open.length} batch(es) of ${job.name} from landing, up to ${newest}${unfinished}`,
  );
  return sealed.length + open.length;
}

async function holdsManifests({ ports: { store, job } }: RunContext): Promise<boolean> {
  for await (const name of store.list(manifestsPrefix(job.name))) if (name.endsWith('.json')) return true;
  return false;
}

/** Why the state store cannot be planned from; null when it can. */
async function reasonToRecover(context: RunContext): Promise<string | null> {
  const { state, store, job } = context.ports;
  const [newest] = await state.batchHeads(job.name, { newest: 1 });
  if (newest === undefined) {
    return (await holdsManifests(context)) ? 'the state store knows no batch, but landing holds some' : null;
  }
  if (await isInLanding(store, job.name, newest.seq + 1)) {
    return `landing holds batches behind ${newest.id}, the newest that the state store knows (restored from a copy?)`;
  }
  for (const batch of await state.batches(job.name, { states: ['planned'] })) {
    const manifest = await readManifest(store, job.name, batch.seq);
    if (manifest !== undefined && !fitsPlan(batch, manifest)) {
      return `landing holds ${batch.id} with other contents than the state store planned (restored from a copy?)`;
    }
  }
  return null;
}

async function checkLanding({ ports: { state, store, job } }: RunContext): Promise<void> {
  const [sealed] = await state.batchHeads(job.name, { states: ['landed', 'loaded', 'void'], newest: 1 });
  if (sealed === undefined || (await store.stat(manifestName(job.name, sealed.seq))) !== undefined) return;
  throw new SluiceError(
    'object_missing',
    `job ${job.name}: landing lacks the manifest of ${sealed.id}, which the state store knows as sealed; landing was set back, or this is another one`,
    {
      hint: `Check the target, or restore landing from its backup. To go on with what landing holds: sluice job recover ${job.name}, then sluice job run ${job.name} --full-refresh`,
    },
  );
}

/**
 * Before anything is planned; true when the state was rebuilt. An operator does not have to notice that the state store was lost or set back.
 */
export async function settleWithLanding(context: RunContext): Promise<boolean> {
  const reason = await reasonToRecover(context);
  if (reason === null) {
    await checkLanding(context);
    return false;
  }
  context.warn(`${reason}: the state is rebuilt from landing`);
  await recover(context);
  return true;
}
