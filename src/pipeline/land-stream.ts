/** The stream's part of landing: planned batches against the log as it is now, then the backlog cut into new ones. */
import type { GapJson, Manifest, RangeJson, StreamIntent } from '../core/batch.ts';
import { SluiceError } from '../core/errors.ts';
import { landStreamBatch } from '../ingest/land-stream-batch.ts';
import type { StreamSource } from '../ingest/ports.ts';
import type { BatchRecord } from '../state/ports.ts';
import {
  advance,
  inspectReadable,
  inspectTopics,
  planStream,
  withRecreated,
  type StreamPlan,
  type TopicsView,
} from './plan-stream.ts';
import type { RunContext } from './run-context.ts';
import { checkQuarantine, seal } from './seal-batch.ts';

/** Offsets of a batch that is landed in a fraction of a second from its first records on, so that the warehouse may be opened meanwhile. */
const SHORT_BATCH = 100_000;

function describeRange(range: {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint | string;
  readonly to: bigint | string;
}): string {
  return `${range.topic}/${range.partition} offsets ${range.from} to ${BigInt(range.to) - 1n}`;
}

function acceptHint(context: RunContext): string {
  const { job } = context.ports;
  const bridge = job.snapshot === null ? '' : ' --full-load';
  return `To go on behind the loss, which stays on record: sluice job run ${job.name} --accept-gap${bridge}`;
}

interface ReadableIntent {
  readonly intent: StreamIntent;
  readonly lost: readonly RangeJson[];
  readonly recreated: boolean;
}

/**
 * A planned range whose records were deleted before they were read: what is lost and what can still be read. The loss of a recreated topic's
 * range ends with the range (batches behind it may be sealed); the next plan closes the epoch (`withRecreated`).
 */
function withoutLost(intent: StreamIntent, view: TopicsView): ReadableIntent {
  const gaps: (GapJson & RangeJson)[] = [];
  const ranges: RangeJson[] = [];
  for (const range of intent.ranges) {
    const log = view.partitions.find(
      (partition) => partition.topic === range.topic && partition.partition === range.partition,
    );
    const isRecreated =
      log === undefined || view.recreated.has(range.topic) || log.end < BigInt(range.to) || log.epoch !== range.epoch;
    if (isRecreated) gaps.push({ ...range, reason: 'recreated' });
    else if (log.start > BigInt(range.from)) {
      const end = log.start < BigInt(range.to) ? log.start : BigInt(range.to);
      gaps.push({ ...range, to: end.toString(), reason: 'retention' });
      if (end < BigInt(range.to)) ranges.push({ ...range, from: end.toString() });
    } else ranges.push(range);
  }
  return {
    intent: { ...intent, ranges, gaps: [...intent.gaps, ...gaps] },
    lost: gaps.map(({ reason: _reason, ...range }) => range),
    recreated: gaps.some(({ reason }) => reason === 'recreated'),
  };
}

export class StreamLander {
  readonly #context: RunContext;
  #source: StreamSource | undefined;

  constructor(context: RunContext) {
    this.#context = context;
  }

  async #stream(): Promise<StreamSource> {
    this.#source ??= await this.#context.ports.stream();
    return this.#source;
  }

  async close(): Promise<void> {
    await this.#source?.close();
  }

  async resume(batch: BatchRecord, intent: StreamIntent): Promise<Manifest | null> {
    return this.#landStream(batch, await this.#readableIntent(batch, intent));
  }

  /** Checks a planned batch against the log as it is now, which may have lost offsets since. */
  async #readableIntent(batch: BatchRecord, intent: StreamIntent): Promise<StreamIntent> {
    if (intent.ranges.length === 0) return intent;
    const context = this.#context;
    const { state, job } = context.ports;
    const topics = [...new Set(intent.ranges.map((range) => range.topic))];
    const positions = (await state.positions(job.name)).map((position) => {
      const planned = intent.ranges.find(
        (range) =>
          range.topic === position.topic && range.partition === position.partition && range.epoch === position.epoch,
      );
      return planned === undefined ? position : { ...position, next: planned.from };
    });
    const view = await inspectTopics(await this.#stream(), topics, positions, context.signal);
    const readable = withoutLost(intent, view);
    if (readable.lost.length === 0 || context.request.accept.gap) return readable.intent;
    const what = readable.lost.map(describeRange).join('; ');
    throw new SluiceError(
      readable.recreated ? 'topic_recreated' : 'retention_gap',
      `job ${job.name}, batch ${batch.id}: planned records were deleted before they were read: ${what}`,
      {
        hint: acceptHint(context),
        details: { ranges: readable.lost },
      },
    );
  }

  async #landStream(batch: BatchRecord, intent: StreamIntent): Promise<Manifest | null> {
    const context = this.#context;
    const { job, store, gzip, observer } = context.ports;
    const isSoonLoaded = this.#isSoonLoaded(intent);
    let records = 0;
    const manifest = await landStreamBatch(
      {
        job,
        tag: { seq: batch.seq, batchId: batch.id },
        logicalTime: batch.logicalTime,
        intent,
        gzip,
        guard: context.session.guard,
        signal: context.signal,
        onProgress: (count) => {
          records += count;
          if (isSoonLoaded) context.warehouse.expect();
          observer.progress(`${batch.id}: ${records} records read`);
        },
      },
      { source: await this.#stream(), store },
    );
    checkQuarantine(context, manifest);
    return (await seal(context, batch, manifest)).manifest;
  }

  #isSoonLoaded({ ranges }: StreamIntent): boolean {
    const { only, fullLoad, fullRefresh } = this.#context.request;
    const offsets = ranges.reduce((sum, { from, to }) => sum + Number(BigInt(to) - BigInt(from)), 0);
    return only === null && !fullLoad && !fullRefresh && offsets <= SHORT_BATCH;
  }

  #reportRefusals(plan: StreamPlan): void {
    const context = this.#context;
    const { job } = context.ports;
    if (plan.refusedGaps.length > 0) {
      const what = plan.refusedGaps.map(describeRange).join('; ');
      context.fail(
        new SluiceError(
          'retention_gap',
          `job ${job.name}: records were deleted before they were read: ${what}. These partitions wait; the others were landed`,
          {
            hint: acceptHint(context),
            details: {
              ranges: plan.refusedGaps.map((gap) => ({ ...gap, from: gap.from.toString(), to: gap.to.toString() })),
            },
          },
        ),
      );
    }
    for (const { topic, reason } of plan.refusedTopics) {
      context.fail(
        new SluiceError(
          'topic_recreated',
          `job ${job.name}: topic ${topic} was recreated: ${reason}. It waits; the others were landed`,
          { hint: acceptHint(context), details: { topic } },
        ),
      );
    }
  }

  /** Cuts and lands everything up to the end offsets that the logs have now. */
  async landNew(): Promise<readonly Manifest[]> {
    const context = this.#context;
    const { state, job } = context.ports;
    const positions = await state.positions(job.name);
    const topics = job.topics.map((topic) => topic.name);
    const found = await inspectReadable(await this.#stream(), topics, positions, context.signal);
    let view = withRecreated(found.view, await state.gaps(job.name));
    const maxRows = await this.#rowsPerBatch();
    const landed: Manifest[] = [];
    let refusals: StreamPlan | undefined;
    for (;;) {
      const plan = planStream(view, { maxRows, acceptGap: context.request.accept.gap });
      refusals ??= plan;
      const { intent } = plan;
      if (intent === null) break;
      const batch = await state.planBatch(context.session.lease, context.logicalTime, intent);
      context.noteBatch(batch);
      const manifest = await this.#landStream(batch, intent);
      if (manifest !== null) landed.push(manifest);
      view = advance(view, intent);
      context.checkAborted();
    }
    this.#reportRefusals(refusals);
    for (const failure of found.failures) context.fail(failure);
    return landed;
  }

  /** `max_batch_bytes` as rows, by the mean size of the newest batch's records (before the first: 1 kB). */
  async #rowsPerBatch(): Promise<number> {
    const { state, job } = this.#context.ports;
    const { maxBatchRows, maxBatchBytes } = job.limits;
    const [newest] = await state.batches(job.name, { states: ['landed', 'loaded'], kinds: ['stream'], newest: 1 });
    const manifest = newest?.manifest;
    const bytes = manifest?.objects.reduce((sum, object) => sum + object.bytes, 0) ?? 0;
    const mean =
      manifest === null || manifest === undefined || manifest.counts.read === 0 ? 1000 : bytes / manifest.counts.read;
    return Math.max(1, Math.min(maxBatchRows, Math.floor(maxBatchBytes / Math.max(1, mean))));
  }

  /** For ordinary lag monitors; the truth is in the manifests, so a failure is a remark. */
  async commitGroup(): Promise<void> {
    const context = this.#context;
    const { state, job, project, observer } = context.ports;
    if (this.#source === undefined) return;
    const newest = new Map<string, { topic: string; partition: number; epoch: number; offset: bigint }>();
    for (const { topic, partition, epoch, next } of await state.positions(job.name)) {
      const key = `${topic}/${partition}`;
      const known = newest.get(key);
      if (known === undefined || known.epoch < epoch)
        newest.set(key, { topic, partition, epoch, offset: BigInt(next) });
    }
    try {
      await this.#source.commitOffsets(`sluice-${project}-${job.name}`, [...newest.values()]);
    } catch (error) {
      observer.note(
        `the consumer group's offsets were not committed (lag monitors only): ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}
