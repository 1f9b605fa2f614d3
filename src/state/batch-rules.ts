/** The transitions of a batch as rules over plain data: what may follow what, and when a repeated call is already done. */
import type { Admission, BatchIntent, BatchState, Manifest, RangeJson, StreamIntent } from '../core/batch.ts';
import { batchId } from '../core/batch.ts';
import { SluiceError } from '../core/errors.ts';
import { lossDifference } from './batch-loss.ts';
import { chainLinks } from './offset-chain.ts';
import { sameJson } from './same-json.ts';
import type { BatchHead, BatchRecord } from './ports.ts';

/** `done`: an identical call was made before, nothing is left to do. */
export type Transition = 'apply' | 'done';

export function unknownBatch(job: string, seq: number): SluiceError {
  return new SluiceError('state_conflict', `Job ${job} has no batch ${batchId(job, seq)} in the state store.`, {
    hint: `Run "sluice job recover ${job}" to rebuild the state store from landing.`,
    details: { job, seq },
  });
}

export function wrongState(batch: BatchHead, what: string, expected: readonly BatchState[]): SluiceError {
  return new SluiceError(
    'state_conflict',
    `Batch ${batch.id} is ${batch.state}; to ${what} it must be ${expected.join(' or ')}.`,
    { details: { job: batch.job, seq: batch.seq, state: batch.state } },
  );
}

/** Planning the newest batch again under the same lease gives that batch. */
export function isRepeatedPlan(newest: BatchRecord | null, logicalTime: string, intent: BatchIntent): boolean {
  return (
    newest !== null &&
    newest.state === 'planned' &&
    newest.logicalTime === logicalTime &&
    sameJson(newest.intent, intent)
  );
}

export function progressTransition(batch: BatchRecord, progress: unknown): Transition {
  if (sameJson(batch.progress ?? null, progress ?? null)) return 'done';
  if (batch.state !== 'planned') throw wrongState(batch, 'save progress', ['planned']);
  return 'apply';
}

export function sealTransition(batch: BatchRecord, manifest: Manifest): Transition {
  if (batch.manifest !== null && sameJson(batch.manifest, manifest)) return 'done';
  if (batch.state !== 'planned') throw wrongState(batch, 'seal it with another manifest', ['planned']);
  const difference = manifestDifference(batch, manifest);
  if (difference !== null) {
    throw new SluiceError(
      'state_conflict',
      `The manifest of batch ${batch.id} does not fit its intent: ${difference}.`,
      {
        details: { job: batch.job, seq: batch.seq },
      },
    );
  }
  return 'apply';
}

export function admissionTransition(batch: BatchRecord, admission: Admission): Transition {
  if (batch.kind !== 'snapshot' || (batch.state !== 'landed' && batch.state !== 'loaded')) {
    throw new SluiceError(
      'state_conflict',
      `Batch ${batch.id} is a ${batch.state} ${batch.kind} batch; only a sealed snapshot batch is admitted or refused.`,
    );
  }
  if (admission.batchId !== batch.id) {
    throw new SluiceError('state_conflict', `An admission of ${admission.batchId} came for batch ${batch.id}.`);
  }
  if (batch.admission === null) return 'apply';
  if (sameJson(batch.admission, admission)) return 'done';
  if (!batch.admission.admitted && admission.admitted) return 'apply';
  throw new SluiceError(
    'state_conflict',
    `Batch ${batch.id} has been ${batch.admission.admitted ? 'admitted' : 'refused'} already; only an accepted admission replaces a refusal.`,
    { details: { stored: batch.admission, came: admission } },
  );
}

/** The intent that a sealed manifest fulfilled. */
export function intentOf(manifest: Manifest): BatchIntent {
  switch (manifest.kind) {
    case 'stream':
      return { kind: 'stream', ...sealedChain(manifest) };
    case 'snapshot':
      return {
        kind: 'snapshot',
        snapshotId: manifest.snapshot?.snapshotId ?? `s${String(manifest.seq).padStart(8, '0')}`,
      };
    case 'replay':
      return {
        kind: 'replay',
        objects: manifest.replay?.objects ?? [],
        sourceBatches: manifest.replay?.sourceBatches ?? [],
      };
  }
}

export function sealedState(manifest: Manifest): 'landed' | 'void' {
  return manifest.void === true ? 'void' : 'landed';
}

/** Ranges and gaps that a batch takes in the offset chain: a stream's own; a replay repeats positions that are there already. */
export function chainOf(intent: BatchIntent): Pick<Extract<BatchIntent, { kind: 'stream' }>, 'ranges' | 'gaps'> {
  return intent.kind === 'stream' ? intent : { ranges: [], gaps: [] };
}

/** Whether the batch may be sealed with this manifest. */
export function fitsPlan(batch: BatchRecord, manifest: Manifest): boolean {
  return manifestDifference(batch, manifest) === null;
}

function manifestDifference(batch: BatchRecord, manifest: Manifest): string | null {
  if (manifest.job !== batch.job || manifest.batchId !== batch.id)
    return `it names ${manifest.batchId} of job ${manifest.job}`;
  if (manifest.kind !== batch.kind) return `it is a ${manifest.kind} manifest, the batch is ${batch.kind}`;
  if (manifest.logicalTime !== batch.logicalTime) {
    return `its logical time is ${manifest.logicalTime}, the batch's is ${batch.logicalTime}`;
  }
  if (batch.intent.kind !== 'stream') return null;
  if (manifest.void === true) return 'a stream batch cannot be given up, its offsets would be lost';
  const sealed = sealedChain(manifest);
  chainLinks(batch.job, sealed.ranges, sealed.gaps); // throws where an offset is none
  return lossDifference(batch.intent, sealed);
}

/** What a stream manifest takes in the offset chain; less was read than planned when records were deleted meanwhile (batch-loss.ts). */
export function sealedChain(manifest: Manifest): Pick<StreamIntent, 'ranges' | 'gaps'> {
  return { ranges: manifest.ranges.map(bareRange), gaps: manifest.gaps };
}

/** Whether the manifest has gaps that were not planned: then its ranges and gaps replace the planned ones in the chain. */
export function hasLoss(batch: BatchRecord, manifest: Manifest): boolean {
  return batch.intent.kind === 'stream' && manifest.gaps.length > batch.intent.gaps.length;
}

function bareRange({ topic, epoch, partition, from, to }: RangeJson): RangeJson {
  return { topic, epoch, partition, from, to };
}
