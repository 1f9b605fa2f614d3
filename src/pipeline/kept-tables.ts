/**
 * The tables that the last full refresh replaced, and the models' ledger as it was then: what `job rollback` goes back to. It stands in the state
 * store as one fact, written before the swap; the kept copies carry the run that replaced them as a label, so that a fact and copies of
 * different refreshes are never taken for each other, whatever died in between.
 */
import { formatMillis } from '../core/time.ts';
import type { RelationName } from '../core/relation.ts';
import type { PartitionState } from '../state/ports.ts';
import type { RunnerNode } from './model-runner.ts';
import type { RunContext } from './run-context.ts';

const KEPT_FACT = 'kept_tables';

export interface KeptModel {
  readonly name: string;
  readonly relation: RelationName;
  /** Batches that the table held, as ranges of numbers, both inclusive: there are thousands after a year. */
  readonly batches: readonly (readonly [from: number, to: number])[];
  readonly partitions: readonly PartitionState[];
  readonly logicalTime: string;
}

export interface KeptTables {
  /** `restoring`: a rollback began. A copy that is missing then has been put back already. */
  readonly phase: 'kept' | 'restoring';
  /** The run of the refresh; value of the copies' label. */
  readonly refresh: string;
  /** RFC 3339 UTC. */
  readonly replacedAt: string;
  readonly keptUntil: string;
  readonly models: readonly KeptModel[];
}

export async function readKept(context: Pick<RunContext, 'ports'>): Promise<KeptTables | null> {
  const { state, job } = context.ports;
  return ((await state.getFact(job.name, KEPT_FACT)) as KeptTables | null | undefined) ?? null;
}

export async function setKept({ ports, session }: RunContext, kept: KeptTables | null): Promise<void> {
  await ports.state.setFact(session.lease, KEPT_FACT, kept);
}

/** Right before the swap. Models that were never published have no table to go back to. */
export async function noteKept(context: RunContext, nodes: readonly RunnerNode[], hours: number): Promise<KeptTables> {
  const { state, job, clock, runId } = context.ports;
  const ledger = new Map((await state.models(job.name)).map(({ model, logicalTime }) => [model, logicalTime]));
  const models: KeptModel[] = [];
  for (const { name, relation, isPublished } of nodes) {
    const logicalTime = ledger.get(name);
    if (!isPublished || logicalTime === undefined) continue;
    const seqs = [...(await state.publishedBatches(job.name, name))].sort((left, right) => left - right);
    const partitions = await state.partitions(job.name, name);
    models.push({ name, relation, batches: rangesOf(seqs), partitions, logicalTime });
  }
  const now = clock.now();
  const kept: KeptTables = {
    phase: 'kept',
    refresh: runId,
    replacedAt: formatMillis(now),
    keptUntil: formatMillis(now + hours * 3_600_000),
    models,
  };
  await setKept(context, kept);
  return kept;
}

export function rangesOf(seqs: readonly number[]): readonly (readonly [from: number, to: number])[] {
  const ranges: [number, number][] = [];
  for (const seq of seqs) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === seq - 1) last[1] = seq;
    else ranges.push([seq, seq]);
  }
  return ranges;
}

export function holds(ranges: KeptModel['batches'], seq: number): boolean {
  return ranges.some(([from, to]) => from <= seq && seq <= to);
}
