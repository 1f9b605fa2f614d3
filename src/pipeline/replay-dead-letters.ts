/** `dlq list|show|replay`: dead letters are read from landing, so they can be looked at and replayed with the warehouse closed. */
import type { Manifest } from '../core/batch.ts';
import { SluiceError } from '../core/errors.ts';
import {
  createJudge,
  landReplayBatch,
  placeOf,
  readDeadLetters,
  replayedPlaces,
  type DeadLetter,
} from '../ingest/dead-letters.ts';
import type { BatchRecord } from '../state/ports.ts';
import type { JobPorts } from './ports.ts';
import type { RunContext } from './run-context.ts';

async function sealedManifests(ports: JobPorts, beforeSeq = Number.POSITIVE_INFINITY): Promise<readonly Manifest[]> {
  const batches = await ports.state.batches(ports.job.name, { states: ['landed', 'loaded'] });
  return batches.flatMap((batch) => (batch.manifest === null || batch.seq >= beforeSeq ? [] : [batch.manifest]));
}

/** Lands a planned replay; called by resume as well, so it reads everything from the intent and from landing. */
export async function landReplay(context: RunContext, batch: BatchRecord): Promise<Manifest> {
  const { ports, session } = context;
  if (batch.intent.kind !== 'replay') throw new SluiceError('internal', `batch ${batch.id} is no replay`);
  return landReplayBatch(
    {
      job: ports.job,
      tag: { seq: batch.seq, batchId: batch.id },
      logicalTime: batch.logicalTime,
      manifests: await sealedManifests(ports, batch.seq),
      sourceBatches: batch.intent.sourceBatches,
      reasonCode: null,
      gzip: ports.gzip,
      guard: session.guard,
    },
    ports.store,
  );
}

export interface ListedDeadLetter {
  readonly letter: DeadLetter;
  readonly replayed: boolean;
}

export async function* listDeadLetters(ports: JobPorts): AsyncIterable<ListedDeadLetter> {
  const manifests = await sealedManifests(ports);
  const done = await replayedPlaces(ports.store, manifests);
  for await (const letter of readDeadLetters(ports.store, manifests))
    yield { letter, replayed: done.has(placeOf(letter)) };
}

/** How many dead letters would pass by today's schema. */
export async function countReplayable(ports: JobPorts): Promise<{
  readonly dead: number;
  readonly passing: number;
  readonly batches: readonly string[];
  readonly objects: readonly string[];
}> {
  const manifests = await sealedManifests(ports);
  const judge = await createJudge(ports.job, manifests, () => undefined);
  const batches = new Set<string>();
  const objects = new Set<string>();
  let dead = 0;
  let passing = 0;
  for await (const { letter, replayed } of listDeadLetters(ports)) {
    if (replayed) continue;
    dead++;
    if (judge(letter)?.ok !== true) continue;
    passing++;
    batches.add(letter._batch_id);
    objects.add(letter._object);
  }
  return { dead, passing, batches: [...batches].sort(), objects: [...objects].sort() };
}

/** Plans a replay batch when anything would pass; landing it is the run's ordinary resume. */
export async function planReplay(
  context: RunContext,
): Promise<{ readonly dead: number; readonly passing: number; readonly batch: BatchRecord | null }> {
  const { dead, passing, batches, objects } = await countReplayable(context.ports);
  if (passing === 0) return { dead, passing, batch: null };
  const batch = await context.ports.state.planBatch(context.session.lease, context.logicalTime, {
    kind: 'replay',
    objects,
    sourceBatches: batches,
  });
  context.noteBatch(batch);
  return { dead, passing, batch };
}
