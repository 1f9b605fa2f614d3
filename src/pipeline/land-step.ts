/**
 * plan + land: finish the batches that were planned and not sealed, download a snapshot when asked, then cut the backlog into batches up
 * to the end offsets seen at the start. Landing never waits for the warehouse or for models.
 *
 * If the process dies: after the intent was stored, the next run lands the same intent; after the objects, it finds them identical;
 * after the manifest, it adopts the manifest.
 */
import type { GapJson, Manifest, RangeJson, StreamIntent } from '../core/batch.ts';
import { SluiceError, isSluiceError } from '../core/errors.ts';
import {
  downloadSnapshot,
  sealableSnapshot,
  type LandSnapshotRequest,
  type SnapshotProgress,
} from '../ingest/land-snapshot-batch.ts';
import { landStreamBatch } from '../ingest/land-stream-batch.ts';
import { readManifest, writeIntent, writeManifest } from '../ingest/manifest-store.ts';
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
import { landReplay } from './replay-dead-letters.ts';
import type { RunContext } from './run-context.ts';

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

/** Seals: the manifest in landing first (behind the intents of open batches, see recover.ts), then the state store. */
async function seal(context: RunContext, batch: BatchRecord, manifest: Manifest): Promise<BatchRecord> {
  const { state, store, observer } = context.ports;
  const { lease, guard } = context.session;
  await guard();
  for (const open of await state.batches(batch.job, { states: ['planned'] })) {
    if (open.seq < batch.seq) await writeIntent(store, batch.job, open, guard);
  }
  await writeManifest(store, manifest, guard);
  await state.sealBatch(lease, manifest);
  const sealed: BatchRecord = { ...batch, state: manifest.void === true ? 'void' : 'landed', manifest };
  context.noteBatch(sealed);
  const { read, landed, quarantined } = manifest.counts;
  observer.note(
    `landed ${manifest.batchId} (${manifest.kind}): ${read} read, ${landed} landed, ${quarantined} quarantined`,
  );
  for (const field of manifest.drift)
    context.warn(
      `schema drift: unknown field ${field.path} in ${field.records} record(s) of ${manifest.batchId}; kept in raw`,
    );
  return sealed;
}

function checkQuarantine(context: RunContext, manifest: Manifest): void {
  const { job } = context.ports;
  const { read, quarantined } = manifest.counts;
  const { maxQuarantineRatio, minQuarantineRecords } = job.limits;
  if (context.request.accept.quarantine || read < minQuarantineRecords || quarantined <= read * maxQuarantineRatio)
    return;
  throw new SluiceError(
    'quarantine_ratio',
    `job ${job.name}, batch ${manifest.batchId}: ${quarantined} of ${read} records are bad, allowed are ${Math.round(maxQuarantineRatio * 100)} %; the batch is not sealed and nothing of it is loaded`,
    {
      hint: `Mend the schema in the job and run again (the records are judged anew), or let them become dead letters: sluice job run ${job.name} --accept-quarantine`,
    },
  );
}

async function alreadySealed(context: RunContext, batch: BatchRecord): Promise<Manifest | undefined> {
  const { store, job } = context.ports;
  return readManifest(store, job.name, batch.seq);
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

export class Lander {
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

  /** Lands every batch that an earlier run planned. A batch that cannot be finished now does not keep the others. */
  async resume(): Promise<readonly Manifest[]> {
    const { state, job } = this.#context.ports;
    const landed: Manifest[] = [];
    for (const batch of await state.batches(job.name, { states: ['planned'] })) {
      this.#context.noteBatch(batch);
      try {
        const manifest = await this.#resumeBatch(batch);
        if (manifest !== null) landed.push(manifest);
      } catch (error) {
        this.#context.fail(error);
      }
    }
    return landed;
  }

  async #resumeBatch(batch: BatchRecord): Promise<Manifest | null> {
    const found = await alreadySealed(this.#context, batch);
    if (found !== undefined) return (await seal(this.#context, batch, found)).manifest;
    switch (batch.intent.kind) {
      case 'stream':
        return this.#landStream(batch, await this.#readableIntent(batch, batch.intent));
      case 'snapshot':
        return this.#resumeSnapshot(batch);
      case 'replay':
        return (await seal(this.#context, batch, await landReplay(this.#context, batch))).manifest;
    }
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
          observer.progress(`${batch.id}: ${records} records read`);
        },
      },
      { source: await this.#stream(), store },
    );
    checkQuarantine(context, manifest);
    return (await seal(context, batch, manifest)).manifest;
  }

  // --- snapshots ---

  #snapshotRequest(batch: BatchRecord): LandSnapshotRequest {
    const context = this.#context;
    const { job, state, gzip, observer } = context.ports;
    if (batch.intent.kind !== 'snapshot' || job.snapshot === null) {
      throw new SluiceError(
        'job_invalid',
        `job ${job.name} has an unfinished snapshot ${batch.id}, but names no snapshot source any more`,
        {
          hint: 'Put the snapshot source back until the batch is finished.',
        },
      );
    }
    let rows = 0;
    return {
      job,
      toleranceMs: job.snapshot.toleranceMs,
      tag: { seq: batch.seq, batchId: batch.id },
      logicalTime: batch.logicalTime,
      intent: batch.intent,
      gzip,
      clock: context.clock,
      progress: batch.progress as SnapshotProgress | null,
      saveProgress: (progress) => state.saveProgress(context.session.lease, batch.seq, progress),
      guard: context.session.guard,
      signal: context.signal,
      onProgress: (count) => {
        rows += count;
        observer.progress(`${batch.id}: ${rows} rows downloaded`);
      },
    };
  }

  async #landSnapshot(batch: BatchRecord, required: boolean): Promise<Manifest | null> {
    const context = this.#context;
    const { store, snapshot } = context.ports;
    const source = await snapshot(required);
    if (source === null) return null;
    const request = this.#snapshotRequest(batch);
    const progress = await downloadSnapshot(request, { source, store });
    const manifest = await sealableSnapshot(request, progress, { store, shifting: source.shifting });
    checkQuarantine(context, manifest);
    const sealed = (await seal(context, batch, manifest)).manifest;
    if (manifest.snapshot?.complete === false) {
      context.warn(
        `snapshot ${manifest.snapshot.snapshotId} is not complete (${manifest.snapshot.reason ?? 'unknown'}): its rows count, its absences do not`,
      );
    }
    return sealed;
  }

  /**
   * An unfinished download goes on at the page it failed at. Without the API's address in the environment it waits; when the API refuses
   * the old cursor for good, what came counts as an incomplete snapshot; a download of which no page came is given up.
   */
  async #resumeSnapshot(batch: BatchRecord): Promise<Manifest | null> {
    const context = this.#context;
    const progress = batch.progress as SnapshotProgress | null;
    if ((progress === null || progress.pages === 0) && context.request.fullLoad) return this.#voidSnapshot(batch);
    try {
      const manifest = await this.#landSnapshot(batch, false);
      if (manifest === null)
        context.warn(`snapshot ${batch.id} is unfinished and waits: the API's address is not in the environment`);
      return manifest;
    } catch (error) {
      if (!isSluiceError(error, 'rest_failed') || !context.request.fullLoad) throw error;
      return this.#closeIncomplete(batch, error.message);
    }
  }

  async #voidSnapshot(batch: BatchRecord): Promise<Manifest | null> {
    const { job } = this.#context.ports;
    const manifest: Manifest = {
      version: 1,
      job: job.name,
      seq: batch.seq,
      batchId: batch.id,
      kind: 'snapshot',
      logicalTime: batch.logicalTime,
      void: true,
      ranges: [],
      gaps: [],
      objects: [],
      counts: { read: 0, landed: 0, quarantined: 0 },
      times: null,
      drift: [],
    };
    return (await seal(this.#context, batch, manifest)).manifest;
  }

  /** A new download was asked for and the old one cannot be finished: its rows count, its absences do not. */
  async #closeIncomplete(batch: BatchRecord, reason: string): Promise<Manifest | null> {
    const context = this.#context;
    const { state, job, store } = context.ports;
    const current = (await state.batchesBySeq(job.name, [batch.seq]))[0];
    const progress = (current?.progress ?? null) as SnapshotProgress | null;
    if (progress === null || progress.pages === 0) return this.#voidSnapshot(batch);
    const closed: SnapshotProgress = {
      ...progress,
      finishedAt: progress.finishedAt ?? new Date(context.clock.now()).toISOString(),
      abandoned: reason,
    };
    const request = this.#snapshotRequest({ ...batch, progress: closed });
    const manifest = await sealableSnapshot(request, closed, { store, shifting: false });
    context.warn(
      `snapshot ${batch.id} was given up after ${progress.pages} page(s): its rows count, its absences do not`,
    );
    return (await seal(context, batch, manifest)).manifest;
  }

  async newSnapshot(): Promise<Manifest | null> {
    const context = this.#context;
    const { state, job, snapshot } = context.ports;
    if (job.snapshot === null) {
      throw new SluiceError('usage', `job ${job.name} has no snapshot source, so --full-load has nothing to download`);
    }
    // Before the intent: a missing address must not leave an unfinished batch behind.
    await snapshot(true);
    const batch = await state.planBatch(context.session.lease, context.logicalTime, (seq) => ({
      kind: 'snapshot',
      snapshotId: `s${String(seq).padStart(8, '0')}`,
    }));
    context.noteBatch(batch);
    return this.#landSnapshot(batch, true);
  }

  // --- stream ---

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
  async newStreamBatches(): Promise<readonly Manifest[]> {
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

/** plan and land, in the order of CUSTOMER.md §4: what is unfinished, the snapshot when asked, then the stream. */
export async function landStep(context: RunContext): Promise<readonly Manifest[]> {
  const lander = new Lander(context);
  try {
    const landed = [...(await lander.resume())];
    if (context.request.fullLoad) {
      try {
        const manifest = await lander.newSnapshot();
        if (manifest !== null) landed.push(manifest);
      } catch (error) {
        // A failing download does not keep the stream from landing.
        if (isSluiceError(error, 'usage') || isSluiceError(error, 'env_missing')) throw error;
        context.fail(error);
      }
    }
    landed.push(...(await lander.newStreamBatches()));
    if (landed.length > 0) await lander.commitGroup();
    return landed;
  } finally {
    await lander.close();
  }
}
