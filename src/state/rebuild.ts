/** What the state store must hold, from sealed manifests alone. */
import type { Admission, Manifest } from '../core/batch.ts';
import { batchId } from '../core/batch.ts';
import { SluiceError, isSluiceError } from '../core/errors.ts';
import { chainOf, intentOf, sealedState } from './batch-rules.ts';
import type { ChainLink } from './offset-chain.ts';
import { chainLinks, comparePositions, extendChain, laterLast, positionKey, sealedLasts } from './offset-chain.ts';
import type { BatchRecord, Position } from './ports.ts';

export interface SealedBatch {
  readonly manifest: Manifest;
  readonly admission: Admission | null;
}

export interface RebuiltState {
  readonly batches: readonly BatchRecord[];
  readonly links: readonly (ChainLink & { readonly seq: number })[];
  readonly positions: readonly Position[];
}

/** A batch that was planned and not sealed, with sealed ones behind it. */
export type OpenBatch = Pick<BatchRecord, 'seq' | 'logicalTime' | 'intent'>;

/** Throws `state_conflict` when two manifests have one number, or their offsets overlap or leave a hole. */
export function rebuild(job: string, sealed: readonly SealedBatch[], open: readonly OpenBatch[] = []): RebuiltState {
  const batches = [
    ...sealed.map((batch) => restoredBatch(job, batch)),
    ...open.map((batch) => plannedBatch(job, batch)),
  ].toSorted((a, b) => a.seq - b.seq);
  for (const [index, batch] of batches.entries()) {
    if (batch.seq !== batches[index - 1]?.seq) continue;
    throw new SluiceError('state_conflict', `Landing holds two manifests of batch ${batch.id}.`);
  }
  const links = batches.flatMap((batch) => {
    const { ranges, gaps } = chainOf(batch.intent);
    return chainLinks(job, ranges, gaps).map((link) => ({ ...link, seq: batch.seq }));
  });
  return { batches, links, positions: rebuiltPositions(job, batches, links) };
}

/** The chain as landing tells it. What does not fit together there cannot be put right here. */
function landedChain(job: string, links: readonly ChainLink[]): readonly Position[] {
  try {
    return extendChain(job, [], links);
  } catch (error) {
    if (!isSluiceError(error, 'state_conflict')) throw error;
    throw new SluiceError('state_conflict', `The manifests in landing do not fit together. ${error.message}`, {
      hint: 'A manifest is missing or was changed: restore it from a backup of landing, then recover again.',
      details: error.details,
      cause: error,
    });
  }
}

function rebuiltPositions(
  job: string,
  batches: readonly BatchRecord[],
  links: readonly ChainLink[],
): readonly Position[] {
  const positions = new Map(landedChain(job, links).map((position) => [positionKey(position), position]));
  for (const { manifest } of batches) {
    if (manifest === null) continue;
    for (const sealed of sealedLasts(manifest)) {
      const position = positions.get(positionKey(sealed));
      if (position === undefined) continue;
      positions.set(positionKey(sealed), { ...position, last: laterLast(position.last, sealed.last) });
    }
  }
  return [...positions.values()].toSorted(comparePositions);
}

function plannedBatch(job: string, { seq, logicalTime, intent }: OpenBatch): BatchRecord {
  return {
    job,
    seq,
    id: batchId(job, seq),
    kind: intent.kind,
    state: 'planned',
    logicalTime,
    intent,
    progress: null,
    manifest: null,
    admission: null,
  };
}

function restoredBatch(job: string, { manifest, admission }: SealedBatch): BatchRecord {
  if (manifest.job !== job || manifest.batchId !== batchId(job, manifest.seq)) {
    throw new SluiceError(
      'state_conflict',
      `A manifest of ${manifest.batchId} (job ${manifest.job}, number ${manifest.seq}) came to restore job ${job}.`,
    );
  }
  return {
    job,
    seq: manifest.seq,
    id: manifest.batchId,
    kind: manifest.kind,
    state: sealedState(manifest),
    logicalTime: manifest.logicalTime,
    intent: intentOf(manifest),
    progress: null,
    manifest,
    admission,
  };
}
