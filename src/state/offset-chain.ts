/**
 * The chain of offset ranges (DESIGN.md §2, P1): per job, topic, epoch and partition, ranges and accepted gaps follow each other
 * without hole or overlap. One rule, used by every adapter: by SQL ones inside the transaction that holds the lease's row
 * (unique constraints stand behind it), and to rebuild positions from manifests.
 */
import type { GapJson, Manifest, RangeJson } from '../core/batch.ts';
import { SluiceError } from '../core/errors.ts';
import type { Position } from './ports.ts';

/** A range or a gap of one partition. `to` is null for a gap that closes the epoch. */
export interface ChainLink {
  readonly kind: 'range' | 'gap';
  readonly topic: string;
  readonly epoch: number;
  readonly partition: number;
  readonly from: string;
  readonly to: string | null;
  readonly reason: GapJson['reason'] | null;
}

export type PositionKey = Pick<Position, 'topic' | 'epoch' | 'partition'>;

/** Kafka offsets are signed 64-bit; the largest exclusive end is 2^63 - 1. */
const MAX_OFFSET = 2n ** 63n - 1n;

export function positionKey(at: PositionKey): string {
  return JSON.stringify([at.topic, at.epoch, at.partition]);
}

export function describePartition(at: PositionKey): string {
  return `${at.topic}[${at.partition}]${at.epoch === 0 ? '' : ` epoch ${at.epoch}`}`;
}

/** Links of an intent or a manifest in chain order, each checked by itself. */
export function chainLinks(job: string, ranges: readonly RangeJson[], gaps: readonly GapJson[]): readonly ChainLink[] {
  const links: ChainLink[] = [
    ...ranges.map(({ topic, epoch, partition, from, to }) => ({
      kind: 'range' as const,
      topic,
      epoch,
      partition,
      from,
      to,
      reason: null,
    })),
    ...gaps.map(({ topic, epoch, partition, from, to, reason }) => ({
      kind: 'gap' as const,
      topic,
      epoch,
      partition,
      from,
      to,
      reason,
    })),
  ];
  for (const link of links) checkLink(job, link);
  return links.toSorted(compareLinks);
}

/** Positions after `links`; throws `state_conflict` at the first link that does not continue its partition. */
export function extendChain(
  job: string,
  positions: readonly Position[],
  links: readonly ChainLink[],
): readonly Position[] {
  const ends = new Map(positions.map((position) => [positionKey(position), position]));
  const touched = new Map<string, Position>();
  for (const link of links) {
    const key = positionKey(link);
    const end = ends.get(key);
    if (end !== undefined && (end.closed || end.next !== link.from)) throw brokenChain(job, link, end);
    const { topic, epoch, partition } = link;
    const position: Position = {
      topic,
      epoch,
      partition,
      next: link.to ?? link.from,
      last: end?.last ?? null,
      closed: link.to === null,
    };
    ends.set(key, position);
    touched.set(key, position);
  }
  return [...touched.values()];
}

/** `last` of each partition that a sealed manifest moves forward; a replay's records stand behind the chain's end already. */
export function sealedLasts(
  manifest: Manifest,
): readonly (PositionKey & { readonly last: NonNullable<Position['last']> })[] {
  if (manifest.kind !== 'stream') return [];
  return manifest.ranges.flatMap(({ topic, epoch, partition, last }) =>
    last === null ? [] : [{ topic, epoch, partition, last: { offset: last.offset, checksum: last.checksum } }],
  );
}

export function laterLast(known: Position['last'], sealed: NonNullable<Position['last']>): Position['last'] {
  return known !== null && BigInt(known.offset) > BigInt(sealed.offset) ? known : sealed;
}

export function comparePositions(a: PositionKey, b: PositionKey): number {
  return compareText(a.topic, b.topic) || a.epoch - b.epoch || a.partition - b.partition;
}

function compareLinks(a: ChainLink, b: ChainLink): number {
  const at = comparePositions(a, b);
  if (at !== 0) return at;
  const from = BigInt(a.from) - BigInt(b.from);
  if (from !== 0n) return from < 0n ? -1 : 1;
  // A gap that closes the epoch stands behind everything that begins at the same offset.
  return Number(a.to === null) - Number(b.to === null);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function checkLink(job: string, link: ChainLink): void {
  const from = offsetOf(job, link, link.from);
  if (link.to === null) return;
  if (from >= offsetOf(job, link, link.to)) {
    throw new SluiceError(
      'state_conflict',
      `Job ${job}: the ${link.kind} ${describePartition(link)} ${link.from}..${link.to} holds no offset; ranges run from the first offset to the one behind the last.`,
    );
  }
}

function offsetOf(job: string, link: ChainLink, text: string): bigint {
  const offset = /^(0|[1-9][0-9]{0,18})$/.test(text) ? BigInt(text) : -1n;
  if (offset < 0n || offset > MAX_OFFSET) {
    throw new SluiceError(
      'state_conflict',
      `Job ${job}: "${text}" in a ${link.kind} of ${describePartition(link)} is no offset; expected a whole number from 0 to ${MAX_OFFSET}.`,
    );
  }
  return offset;
}

function brokenChain(job: string, link: ChainLink, end: Position): SluiceError {
  const came = `Job ${job}: the ${link.kind} ${describePartition(link)} ${link.from}..${link.to ?? ''}`;
  return new SluiceError(
    'state_conflict',
    end.closed
      ? `${came} belongs to an epoch that was closed at offset ${end.next} when the topic was recreated.`
      : `${came} does not continue the chain: expected it to begin at ${end.next}, the end of what is planned.`,
    {
      details: {
        job,
        topic: link.topic,
        epoch: link.epoch,
        partition: link.partition,
        expected: end.next,
        came: link.from,
      },
    },
  );
}
