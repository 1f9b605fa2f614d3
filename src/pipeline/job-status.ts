/** `job status`: batches, intervals, lag, dead letters, what is unfinished; from the state store and the log, without the warehouse. */
import { messageOf } from '../core/errors.ts';
import type { GapJson } from '../core/batch.ts';
import type { LeaseHolder, RunRecord } from '../state/ports.ts';
import type { JobPorts } from './ports.ts';

export interface ModelStatus {
  readonly model: string;
  /** RFC 3339 UTC of the newest publication. */
  readonly logicalTime: string;
  readonly unpublished: number;
  readonly firstPartition: string | null;
  readonly lastPartition: string | null;
  readonly stale: readonly string[];
}

export interface PartitionLag {
  readonly topic: string;
  readonly partition: number;
  readonly next: string | null;
  readonly end: string;
  readonly lag: string;
}

export interface JobStatus {
  readonly job: string;
  readonly lease: { readonly holder: LeaseHolder; readonly remainingMs: number } | null;
  readonly batches: { readonly planned: number; readonly landed: number; readonly loaded: number };
  readonly unfinished: readonly {
    readonly id: string;
    readonly kind: string;
    readonly state: string;
    readonly logicalTime: string;
  }[];
  readonly refusedSnapshots: readonly string[];
  readonly deadLetters: number;
  readonly gaps: readonly GapJson[];
  readonly models: readonly ModelStatus[];
  readonly lag: readonly PartitionLag[];
  /** Why the lag is unknown, null when it is known. */
  readonly lagError: string | null;
  readonly runs: readonly RunRecord[];
}

async function lagOf(ports: JobPorts): Promise<readonly PartitionLag[]> {
  const positions = await ports.state.positions(ports.job.name);
  const source = await ports.stream();
  try {
    const offsets = await source.partitions(
      ports.job.topics.map(({ name }) => name),
      ports.signal,
    );
    return offsets.map(({ topic, partition, start, end }) => {
      const known = positions.filter(
        (position) => position.topic === topic && position.partition === partition && !position.closed,
      );
      const next =
        known.length === 0
          ? null
          : BigInt(known.reduce((newest, position) => (position.epoch > newest.epoch ? position : newest)).next);
      const from = next === null || next < start ? start : next;
      return {
        topic,
        partition,
        next: next?.toString() ?? null,
        end: end.toString(),
        lag: (end > from ? end - from : 0n).toString(),
      };
    });
  } finally {
    await source.close();
  }
}

export async function jobStatus(ports: JobPorts): Promise<JobStatus> {
  const { state, job } = ports;
  await state.migrate();
  const batches = await state.batches(job.name, { states: ['planned', 'landed', 'loaded'] });
  const count = (wanted: string): number => batches.filter((batch) => batch.state === wanted).length;
  const models: ModelStatus[] = [];
  for (const { model, logicalTime } of await state.models(job.name)) {
    const partitions = await state.partitions(job.name, model);
    const days = partitions.map(({ partition }) => partition).sort();
    models.push({
      model,
      logicalTime,
      unpublished: (await state.unpublishedBatches(job.name, model)).length,
      firstPartition: days[0] ?? null,
      lastPartition: days.at(-1) ?? null,
      stale: partitions.filter((partition) => partition.state === 'stale').map(({ partition }) => partition),
    });
  }
  let lag: readonly PartitionLag[] = [];
  let lagError: string | null = null;
  try {
    lag = await lagOf(ports);
  } catch (error) {
    lagError = messageOf(error);
  }
  return {
    job: job.name,
    lease: await state.leaseOf(job.name),
    batches: { planned: count('planned'), landed: count('landed'), loaded: count('loaded') },
    unfinished: batches
      .filter((batch) => batch.state !== 'loaded')
      .map(({ id, kind, state: known, logicalTime }) => ({ id, kind, state: known, logicalTime })),
    refusedSnapshots: batches.flatMap((batch) =>
      batch.admission !== null && !batch.admission.admitted ? [batch.id] : [],
    ),
    deadLetters: batches.reduce(
      (sum, { kind, manifest }) =>
        sum + (kind === 'replay' ? -(manifest?.counts.landed ?? 0) : (manifest?.counts.quarantined ?? 0)),
      0,
    ),
    gaps: await state.gaps(job.name),
    models,
    lag,
    lagError,
    runs: await state.recentRuns(job.name, 10),
  };
}
