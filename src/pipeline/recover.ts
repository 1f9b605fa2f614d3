/** `job recover`: the state store rebuilt from landing, which alone says what the batches are. */
import { SluiceError } from '../core/errors.ts';
import { manifestsPrefix } from '../core/object-key.ts';
import { readSealedBatches } from '../ingest/manifest-store.ts';
import type { RunContext } from './run-context.ts';

/** Replaces what the state store knows of the job's batches by what landing says; returns how many there are. */
export async function recover(context: RunContext): Promise<number> {
  const { store, state, job, observer } = context.ports;
  const sealed = await readSealedBatches(store, job.name);
  if (sealed.length === 0) {
    throw new SluiceError(
      'object_missing',
      `job ${job.name}: landing holds no sealed batch, so there is nothing to rebuild the state store from`,
      {
        hint: 'Check the target and its landing location.',
      },
    );
  }
  await context.session.guard();
  await state.restore(context.session.lease, sealed);
  observer.note(
    `recovered ${sealed.length} batch(es) of ${job.name} from landing, up to ${sealed.at(-1)?.manifest.batchId ?? ''}`,
  );
  return sealed.length;
}

/** A state store that knows no batch while landing holds manifests was lost: an operator does not have to notice. */
export async function recoverIfLost(context: RunContext): Promise<void> {
  const { state, store, job } = context.ports;
  if ((await state.lastLogicalTime(job.name)) !== null) return;
  for await (const name of store.list(manifestsPrefix(job.name))) {
    if (!name.endsWith('.json')) continue;
    context.warn('the state store knows no batch, but landing holds some: the state is rebuilt from landing');
    await recover(context);
    return;
  }
}
