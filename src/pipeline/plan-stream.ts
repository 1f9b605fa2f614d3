/**
 * Plans the offset ranges of a stream batch: what the log holds now against what was planned before. Pure but for `inspectTopics`, which
 * asks the log; the result is data that `--dry-run` prints.
 *
 * The log's start above the next offset is a gap; an end below it, or another record where the last landed one stood, is a recreated
 * topic (kafkajs has no topic ids, FACTS.md §4). Both stop the partition or topic and nothing else, until the operator accepts the loss.
 */
import type { GapJson, RangeJson, StreamIntent } from '../core/batch.ts';
import { isSluiceError, type ErrorCode, type SluiceError } from '../core/errors.ts';
import type { PartitionOffsets } from '../core/record.ts';
import { recordChecksum } from '../ingest/record-checksum.ts';
import type { StreamSource } from '../ingest/ports.ts';
import type { Position } from '../state/ports.ts';

/** One partition as a run finds it. */
export interface PartitionView {
  readonly topic: string;
  readonly partition: number;
  readonly start: bigint;
  readonly end: bigint;
  /** Current life of the topic under this job. */
  readonly epoch: number;
  /** Next offset to plan; null: never planned. */
  readonly next: bigint | null;
  readonly lost: { readonly from: bigint; readonly to: bigint } | null;
}

export interface TopicsView {
  readonly partitions: readonly PartitionView[];
  /** Topics whose log is not the one that was read before, with the reason in words. */
  readonly recreated: ReadonlyMap<string, string>;
  /** Those of them whose loss was accepted before (`withRecreated`). */
  readonly accepted?: ReadonlySet<string>;
}

function epochOf(topic: string, positions: readonly Position[]): number {
  let epoch = 0;
  for (const position of positions) {
    if (position.topic === topic) epoch = Math.max(epoch, position.closed ? position.epoch + 1 : position.epoch);
  }
  return epoch;
}

/** Why this partition shows that its topic was recreated; null when it does not. */
async function recreationSign(
  source: StreamSource,
  offsets: PartitionOffsets,
  position: Position,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  const next = BigInt(position.next);
  if (offsets.end < next) {
    return `${offsets.topic}/${offsets.partition} ends at offset ${offsets.end}, but offsets up to ${next} were read before`;
  }
  if (position.last === null || BigInt(position.last.offset) < offsets.start) return null;
  const record = await source.recordAt(offsets.topic, offsets.partition, BigInt(position.last.offset), signal);
  // A record that is gone (compacted) proves nothing; one that differs does.
  if (record === undefined || recordChecksum(record) === position.last.checksum) return null;
  return `${offsets.topic}/${offsets.partition} holds another record at offset ${position.last.offset} than the one that was landed`;
}

export async function inspectTopics(
  source: StreamSource,
  topics: readonly string[],
  positions: readonly Position[],
  signal?: AbortSignal,
): Promise<TopicsView> {
  const offsets = await source.partitions(topics, signal);
  const recreated = new Map<string, string>();
  const partitions: PartitionView[] = [];
  const signs = await Promise.all(
    offsets.map(async (log) => {
      const epoch = epochOf(log.topic, positions);
      const position = positions.find(
        (known) => known.topic === log.topic && known.partition === log.partition && known.epoch === epoch,
      );
      return {
        log,
        epoch,
        position,
        sign: position === undefined ? null : await recreationSign(source, log, position, signal),
      };
    }),
  );
  for (const { log, sign } of signs) if (sign !== null && !recreated.has(log.topic)) recreated.set(log.topic, sign);
  for (const { log, epoch, position } of signs) {
    const next = position === undefined ? null : BigInt(position.next);
    const isLost = next !== null && log.start > next && !recreated.has(log.topic);
    partitions.push({ ...log, epoch, next, lost: isLost ? { from: next, to: log.start } : null });
  }
  return { partitions, recreated };
}

/** What one topic may lack while the others are readable. A broker that cannot be reached is none of these. */
function concernsOneTopic(error: unknown): error is SluiceError {
  return ['topic_missing', 'broker_auth', 'broker_error'].some((code) => isSluiceError(error, code as ErrorCode));
}

/**
 * `inspectTopics`, but a topic that is missing or may not be read does not keep the others: each has a failure of its own. Throws when no topic
 * is readable.
 */
export async function inspectReadable(
  source: StreamSource,
  topics: readonly string[],
  positions: readonly Position[],
  signal?: AbortSignal,
): Promise<{ readonly view: TopicsView; readonly failures: readonly SluiceError[] }> {
  try {
    return { view: await inspectTopics(source, topics, positions, signal), failures: [] };
  } catch (error) {
    if (!concernsOneTopic(error) || topics.length === 1) throw error;
    const views: TopicsView[] = [];
    const failures: SluiceError[] = [];
    for (const topic of topics) {
      try {
        views.push(await inspectTopics(source, [topic], positions, signal));
      } catch (failure) {
        if (!concernsOneTopic(failure)) throw failure;
        failures.push(failure);
      }
    }
    if (views.length === 0) throw error;
    const view = {
      partitions: views.flatMap(({ partitions }) => partitions),
      recreated: new Map(views.flatMap(({ recreated }) => [...recreated])),
    };
    return { view, failures };
  }
}

/**
 * A planned range that was lost with its topic was accepted as a gap when its batch was sealed, which could not close the epoch. Nothing else
 * may tell any more that the topic is another one (no record of the old one was landed, say), so the gap does, and the next plan closes it.
 */
export function withRecreated(view: TopicsView, gaps: readonly GapJson[]): TopicsView {
  const accepted = new Set<string>();
  for (const { topic, epoch, reason, to } of gaps) {
    if (reason !== 'recreated' || to === null) continue;
    if (view.partitions.some((partition) => partition.topic === topic && partition.epoch === epoch))
      accepted.add(topic);
  }
  if (accepted.size === 0) return view;
  const recreated = new Map(view.recreated);
  for (const topic of accepted)
    recreated.set(topic, recreated.get(topic) ?? 'planned records were lost with its former life');
  const partitions = view.partitions.map((partition) =>
    accepted.has(partition.topic) ? { ...partition, lost: null } : partition,
  );
  return { partitions, recreated, accepted };
}

export interface StreamPlan {
  readonly intent: StreamIntent | null;
  /** Losses that stop a partition because nobody accepted them. */
  readonly refusedGaps: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly from: bigint;
    readonly to: bigint;
  }[];
  readonly refusedTopics: readonly { readonly topic: string; readonly reason: string }[];
}

interface Available {
  readonly topic: string;
  readonly epoch: number;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

/**
 * Splits the row cap over the partitions in proportion to their backlog, at least one offset each, so that all advance. What rounding leaves
 * of the cap goes to the first ones: without that every backlog would end in a batch of a few records.
 */
function capRanges(available: readonly Available[], maxRows: number): readonly RangeJson[] {
  const total = available.reduce((sum, range) => sum + (range.to - range.from), 0n);
  const cap = BigInt(maxRows);
  const share = ({ from, to }: Available): bigint => (total <= cap ? to - from : ((to - from) * cap) / total);
  let left = cap - available.reduce((sum, range) => sum + share(range), 0n);
  return available.map((range) => {
    let length = share(range);
    if (length < range.to - range.from && (left > 0n || length === 0n)) {
      length++;
      left--;
    }
    return {
      topic: range.topic,
      epoch: range.epoch,
      partition: range.partition,
      from: range.from.toString(),
      to: (range.from + length).toString(),
    };
  });
}

/** The next batch, or none. Ranges never start before the end of what was planned, and never reach beyond `end`. */
export function planStream(
  view: TopicsView,
  options: { readonly maxRows: number; readonly acceptGap: boolean },
): StreamPlan {
  const gaps: GapJson[] = [];
  const available: Available[] = [];
  const refusedGaps: StreamPlan['refusedGaps'][number][] = [];
  const refusedTopics: StreamPlan['refusedTopics'][number][] = [];
  const isAccepted = (topic: string): boolean => options.acceptGap || view.accepted?.has(topic) === true;
  for (const [topic, reason] of view.recreated) if (!isAccepted(topic)) refusedTopics.push({ topic, reason });
  for (const { topic, partition, epoch, next, start, end, lost } of view.partitions) {
    if (view.recreated.has(topic)) {
      if (!isAccepted(topic)) continue;
      if (next !== null) gaps.push({ topic, epoch, partition, from: next.toString(), to: null, reason: 'recreated' });
      if (end > start) available.push({ topic, epoch: epoch + 1, partition, from: start, to: end });
      continue;
    }
    if (lost !== null) {
      if (!options.acceptGap) {
        refusedGaps.push({ topic, partition, ...lost });
        continue;
      }
      gaps.push({ topic, epoch, partition, from: lost.from.toString(), to: lost.to.toString(), reason: 'retention' });
    }
    const from = next === null || start > next ? start : next;
    if (end > from) available.push({ topic, epoch, partition, from, to: end });
  }
  const ranges = capRanges(available, options.maxRows);
  const isEmpty = ranges.length === 0 && gaps.length === 0;
  return { intent: isEmpty ? null : { kind: 'stream', ranges, gaps }, refusedGaps, refusedTopics };
}

/** The view after a batch was planned from it: what is left for the next one. */
export function advance(view: TopicsView, intent: StreamIntent): TopicsView {
  const partitions = view.partitions.map((partition) => {
    const range = intent.ranges.find(
      (candidate) => candidate.topic === partition.topic && candidate.partition === partition.partition,
    );
    const gap = intent.gaps.find(
      (candidate) => candidate.topic === partition.topic && candidate.partition === partition.partition,
    );
    if (range === undefined && gap === undefined) return partition;
    const next = range === undefined ? (gap?.to == null ? null : BigInt(gap.to)) : BigInt(range.to);
    return {
      ...partition,
      epoch: range?.epoch ?? partition.epoch + (gap?.reason === 'recreated' ? 1 : 0),
      next,
      lost: null,
    };
  });
  const recreated = new Map(
    [...view.recreated].filter(
      ([topic]) => !intent.gaps.some((gap) => gap.topic === topic && gap.reason === 'recreated'),
    ),
  );
  return { partitions, recreated };
}
