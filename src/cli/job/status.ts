/** `sluice job status`: what the state store and the stream know about a job. Opens no warehouse. */
import type { JobDefinition } from '../../core/job.ts';
import { isSluiceError, messageOf } from '../../core/errors.ts';
import { loadJob } from '../../config/load-jobs.ts';
import type { BatchRecord, Position, StateStore } from '../../state/ports.ts';
import type { ProjectOptions } from '../common-options.ts';
import { composed, type Composition } from '../compose.ts';
import type { CliContext, CommandResult } from '../context.ts';
import { openProject } from '../open-project.ts';
import { printStatus } from './status-text.ts';

export interface PartitionLag {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to read; null: the job has not read this partition yet. */
  readonly next: string | null;
  readonly start: string;
  readonly end: string;
  /** Offsets that wait. */
  readonly lag: string;
  /** Offsets that were deleted before the job read them. */
  readonly lost: string;
}

export interface JobStatus {
  readonly job: string;
  readonly target: string;
  readonly lease: { readonly holder: string; readonly remainingSeconds: number } | null;
  readonly lastLogicalTime: string | null;
  readonly batches: {
    readonly total: number;
    readonly planned: number;
    readonly landed: number;
    readonly loaded: number;
    readonly void: number;
  };
  /** Newest last. */
  readonly recentBatches: readonly {
    readonly id: string;
    readonly kind: string;
    readonly state: string;
    readonly logicalTime: string;
    readonly read: number;
    readonly landed: number;
    readonly quarantined: number;
  }[];
  readonly deadLetters: number;
  readonly gaps: number;
  readonly refusedSnapshots: readonly string[];
  readonly unfinished: readonly string[];
  readonly models: readonly {
    readonly name: string;
    readonly waiting: number;
    readonly stale: readonly string[];
    readonly logicalTime: string | null;
  }[];
  /** null: the stream could not be asked; `lagError` says why. */
  readonly lag: readonly PartitionLag[] | null;
  readonly lagError: string | null;
  readonly lastRun: {
    readonly command: string;
    readonly startedAt: string;
    readonly finishedAt: string | null;
    readonly exitCode: number | null;
    readonly error: string | null;
  } | null;
}

const RECENT_BATCHES = 5;

export async function jobStatus(context: CliContext, name: string, options: ProjectOptions): Promise<CommandResult> {
  const project = await openProject(context, options);
  const job = await loadJob(project.config, name);
  return composed(project, async (composition) => {
    const status = await readStatus(job, project.target.name, composition, context.signal);
    printStatus(context.output, status);
    return { exitCode: 0, json: { ...status } };
  });
}

async function readStatus(
  job: JobDefinition,
  target: string,
  composition: Composition,
  signal: AbortSignal,
): Promise<JobStatus> {
  const state = await composition.state();
  const [heads, positions, lease, gaps, lastLogicalTime, [lastRun]] = await Promise.all([
    state.batchHeads(job.name),
    state.positions(job.name),
    state.leaseOf(job.name),
    state.gaps(job.name),
    state.lastLogicalTime(job.name),
    state.recentRuns(job.name, 1),
  ]);
  const batches = await state.batches(job.name);
  const count = (wanted: string): number => heads.filter((head) => head.state === wanted).length;
  const refused = batches.filter((batch) => batch.admission?.admitted === false).map((batch) => batch.id);
  const models = await modelStates(job, state);
  const { lag, lagError } = await readLag(job, positions, composition, signal);
  return {
    job: job.name,
    target,
    lease:
      lease === null
        ? null
        : {
            holder: `process ${lease.holder.pid} on ${lease.holder.host} (${lease.holder.command})`,
            remainingSeconds: Math.ceil(lease.remainingMs / 1000),
          },
    lastLogicalTime,
    batches: {
      total: heads.length,
      planned: count('planned'),
      landed: count('landed'),
      loaded: count('loaded'),
      void: count('void'),
    },
    recentBatches: batches.slice(-RECENT_BATCHES).map(summary),
    deadLetters: batches.reduce((sum, batch) => sum + (batch.manifest?.counts.quarantined ?? 0), 0),
    gaps: gaps.length,
    refusedSnapshots: refused,
    unfinished: unfinished(heads, models),
    models,
    lag,
    lagError,
    lastRun:
      lastRun === undefined
        ? null
        : {
            command: lastRun.command,
            startedAt: lastRun.startedAt,
            finishedAt: lastRun.finishedAt,
            exitCode: lastRun.exitCode,
            error: lastRun.error,
          },
  };
}

function summary(batch: BatchRecord): JobStatus['recentBatches'][number] {
  const { read, landed, quarantined } = batch.manifest?.counts ?? { read: 0, landed: 0, quarantined: 0 };
  return {
    id: batch.id,
    kind: batch.kind,
    state: batch.state,
    logicalTime: batch.logicalTime,
    read,
    landed,
    quarantined,
  };
}

async function modelStates(job: JobDefinition, state: StateStore): Promise<JobStatus['models']> {
  const published = new Map((await state.models(job.name)).map(({ model, logicalTime }) => [model, logicalTime]));
  return Promise.all(
    job.models.map(async (name) => {
      const [waiting, stale] = await Promise.all([
        state.unpublishedBatches(job.name, name),
        state.partitions(job.name, name, { state: 'stale' }),
      ]);
      return {
        name,
        waiting: waiting.length,
        stale: stale.map((partition) => partition.partition),
        logicalTime: published.get(name) ?? null,
      };
    }),
  );
}

function unfinished(
  heads: readonly { readonly id: string; readonly state: string }[],
  models: JobStatus['models'],
): readonly string[] {
  const next: Readonly<Record<string, string>> = { planned: 'is to be landed', landed: 'is to be loaded' };
  return [
    ...heads.flatMap((head) => (next[head.state] === undefined ? [] : [`batch ${head.id} ${next[head.state]}`])),
    ...models
      .filter((model) => model.waiting > 0)
      .map(
        (model) =>
          `model ${model.name} has ${model.waiting} loaded ${model.waiting === 1 ? 'batch' : 'batches'} to publish`,
      ),
    ...models
      .filter((model) => model.stale.length > 0)
      .map(
        (model) =>
          `model ${model.name} has ${model.stale.length} stale days, ${model.stale[0]} .. ${model.stale.at(-1)}`,
      ),
  ];
}

/** A broker that is down is something the status tells, not something that keeps it from being told. */
async function readLag(
  job: JobDefinition,
  positions: readonly Position[],
  composition: Composition,
  signal: AbortSignal,
): Promise<Pick<JobStatus, 'lag' | 'lagError'>> {
  try {
    const stream = await composition.stream();
    const offsets = await stream.partitions(
      job.topics.map((topic) => topic.name),
      signal,
    );
    return { lag: offsets.map((offset) => partitionLag(offset, positions)), lagError: null };
  } catch (error) {
    if (!isSluiceError(error) || error.code === 'interrupted') throw error;
    return { lag: null, lagError: messageOf(error) };
  }
}

function partitionLag(
  offsets: { readonly topic: string; readonly partition: number; readonly start: bigint; readonly end: bigint },
  positions: readonly Position[],
): PartitionLag {
  const { topic, partition, start, end } = offsets;
  const position = positions.find((known) => known.topic === topic && known.partition === partition && !known.closed);
  const next = position === undefined ? null : BigInt(position.next);
  const from = next === null || next < start ? start : next;
  const lost = next !== null && next < start ? start - next : 0n;
  return {
    topic,
    partition,
    next: next?.toString() ?? null,
    start: start.toString(),
    end: end.toString(),
    lag: (end > from ? end - from : 0n).toString(),
    lost: lost.toString(),
  };
}
