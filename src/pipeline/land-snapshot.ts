/** The listing's part of landing: a download of its own, which goes on at the page it failed at. */
import type { Manifest } from '../core/batch.ts';
import { SluiceError, isSluiceError } from '../core/errors.ts';
import {
  downloadSnapshot,
  sealableSnapshot,
  type LandSnapshotRequest,
  type SnapshotProgress,
} from '../ingest/land-snapshot-batch.ts';
import type { BatchRecord } from '../state/ports.ts';
import type { RunContext } from './run-context.ts';
import { checkQuarantine, seal } from './seal-batch.ts';

export class SnapshotLander {
  readonly #context: RunContext;

  constructor(context: RunContext) {
    this.#context = context;
  }

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
  async resume(batch: BatchRecord): Promise<Manifest | null> {
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

  async land(): Promise<Manifest | null> {
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
}
