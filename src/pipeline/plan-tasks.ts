/** What each model has to do in a run: the batches that it has not published, the days they touch, what its new rows are made from. */
import type { Manifest } from '../core/batch.ts';
import { formatMillis, localDay, millisOf } from '../core/time.ts';
import { startOfDay } from '../core/zone-offsets.ts';
import type { BatchRecord, PartitionState } from '../state/ports.ts';
import type { DayWindow, ModelChanges, PublishedBase } from '../transform/plan/changes.ts';
import { changedKeysTable } from './entity-sql.ts';
import type { RunnerNode } from './model-runner.ts';
import { currentBase, dailyBase, type BaseInput } from './plan-base.ts';
import { planPartitions, touchesAllKeys, type PartitionPlan, type SnapshotSpan } from './plan-changes.ts';
import type { RunContext } from './run-context.ts';
import type { WarehouseMarks } from './warehouse-marks.ts';

/** What one model has to do in this run. */
export interface ModelTask {
  readonly node: RunnerNode;
  readonly seqs: readonly number[];
  readonly changes: ModelChanges;
  readonly partitions: PartitionPlan;
  /** Manifests of `seqs` that count. */
  readonly pending: readonly Manifest[];
}

function baseOf(
  input: BaseInput,
  node: RunnerNode,
  plan: PartitionPlan,
  known: { readonly partitions: readonly PartitionState[]; readonly historyStart: string | null },
): PublishedBase | null {
  return node.isDaily ? dailyBase({ ...input, ...known, plan }) : currentBase(input);
}

/** A snapshot that the guard kept out is published as nothing. */
function counts(batch: BatchRecord): boolean {
  return (
    batch.manifest?.snapshot === undefined || !batch.manifest.snapshot.complete || batch.admission?.admitted === true
  );
}

export async function admittedSnapshots(context: Pick<RunContext, 'ports'>): Promise<readonly SnapshotSpan[]> {
  const { state, job } = context.ports;
  if (job.snapshot === null) return [];
  const heads = await state.batchHeads(job.name, { states: ['loaded'] });
  const seqs = heads.filter((head) => head.kind === 'snapshot').map((head) => head.seq);
  const batches = await state.batchesBySeq(job.name, seqs);
  return batches.flatMap((batch) =>
    batch.manifest?.snapshot !== undefined && counts(batch)
      ? [{ ...batch.manifest.snapshot, maxEventAt: batch.manifest.times?.maxEventAt ?? null }]
      : [],
  );
}

function earliestEvent(batches: readonly BatchRecord[], known: string | null): string | null {
  let earliest = known;
  for (const batch of batches) {
    const at = batch.manifest?.times?.minEventAt ?? null;
    if (at !== null && (earliest === null || millisOf(at) < millisOf(earliest))) earliest = at;
  }
  return earliest;
}

const FIRST_EVENT_FACT = 'first_event';

/** The earliest event of all loaded batches: a minimum that only new batches can lower, so it is kept as a fact. */
async function firstEventAt(context: Pick<RunContext, 'ports' | 'session'>): Promise<string | null> {
  const { state, job } = context.ports;
  const known = (await state.getFact(job.name, FIRST_EVENT_FACT)) as string | null | undefined;
  if (known === null || known === undefined) {
    const all = earliestEvent(await state.batches(job.name, { states: ['loaded'] }), null);
    if (all !== null) await state.setFact(context.session.lease, FIRST_EVENT_FACT, all);
    return all;
  }
  const fresh = new Set<number>();
  for (const model of job.models) for (const seq of await state.unpublishedBatches(job.name, model)) fresh.add(seq);
  const earliest = earliestEvent(
    await state.batchesBySeq(
      job.name,
      [...fresh].sort((left, right) => left - right),
    ),
    known,
  );
  if (earliest !== known) await state.setFact(context.session.lease, FIRST_EVENT_FACT, earliest);
  return earliest;
}

/** The first local day of history, null when it has not begun (CUSTOMER.md §2, history_start). */
export async function historyStartDay(
  context: Pick<RunContext, 'ports' | 'session'>,
  snapshots: readonly SnapshotSpan[],
): Promise<string | null> {
  const { job, timezone } = context.ports;
  if (job.historyStart === 'first_snapshot') {
    const starts = snapshots.map((snapshot) => millisOf(snapshot.startedAt));
    return starts.length === 0 ? null : localDay(Math.min(...starts), timezone);
  }
  if (job.historyStart === 'first_event') {
    const at = await firstEventAt(context);
    return at === null ? null : localDay(millisOf(at), timezone);
  }
  return job.historyStart;
}

function publishedDays(partitions: readonly PartitionState[]): DayWindow | null {
  const days = partitions.map(({ partition }) => partition).sort();
  const from = days[0];
  const to = days.at(-1);
  return from === undefined || to === undefined ? null : { from, to };
}

export class TransformPlanner {
  readonly #context: RunContext;
  readonly #marks: WarehouseMarks;
  /** As the last `tasks` saw them. */
  #snapshots: readonly SnapshotSpan[] = [];

  constructor(context: RunContext, marks: WarehouseMarks) {
    this.#context = context;
    this.#marks = marks;
  }

  get today(): string {
    return localDay(millisOf(this.#context.logicalTime), this.#context.ports.timezone);
  }

  /**
   * What the published models lack, by the state store alone: `marksSeen` (null: the warehouse was not opened) adds models whose table in
   * the warehouse is not the one that the state store knows.
   */
  async tasks(nodes: readonly RunnerNode[], lost: ReadonlySet<string>): Promise<readonly ModelTask[]> {
    const { state, job, timezone } = this.#context.ports;
    const snapshots = await admittedSnapshots(this.#context);
    this.#snapshots = snapshots;
    const historyStart = nodes.some((node) => node.isDaily) ? await historyStartDay(this.#context, snapshots) : null;
    const tasks: ModelTask[] = [];
    const manifests = new Map<number, Manifest>();
    for (const node of nodes) {
      if (!node.isPublished) continue;
      const isLost = lost.has(node.name);
      const seqs = isLost
        ? (await state.batchHeads(job.name, { states: ['loaded'] })).map((head) => head.seq)
        : await state.unpublishedBatches(job.name, node.name);
      const unknown = seqs.filter((seq) => !manifests.has(seq));
      for (const batch of await state.batchesBySeq(job.name, unknown)) {
        if (batch.manifest !== null && counts(batch)) manifests.set(batch.seq, batch.manifest);
      }
      const pending = seqs.flatMap((seq) => manifests.get(seq) ?? []);
      const partitionStates = isLost ? [] : await state.partitions(job.name, node.name);
      const isFirst = isLost || !(await this.#marks.isKnown(node.name));
      const published = isFirst ? null : publishedDays(partitionStates);
      const plan: PartitionPlan = node.isDaily
        ? planPartitions({ job, timezone, today: this.today, pending, snapshots, published, historyStart })
        : { window: null, newDaysFrom: null, allKeys: touchesAllKeys(pending), stale: null };
      const isIdle =
        !isFirst &&
        (node.isDaily ? plan.window === null && seqs.length === 0 : pending.length === 0 && seqs.length === 0);
      if (isIdle) continue;
      tasks.push({
        node,
        seqs,
        partitions: plan,
        changes: {
          full: isFirst,
          today: this.today,
          window: plan.window,
          newDaysFrom: plan.newDaysFrom,
          keys: null,
          batchIds: pending.map((manifest) => manifest.batchId),
          base: isFirst
            ? null
            : baseOf({ job, timezone, pending, snapshots }, node, plan, { partitions: partitionStates, historyStart }),
        },
        pending,
      });
    }
    if (historyStart === null && nodes.some((node) => node.isDaily && node.isPublished)) this.#warnNoHistory();
    return tasks;
  }

  #warnNoHistory(): void {
    const { job } = this.#context.ports;
    const what =
      job.historyStart === 'first_snapshot'
        ? `without a snapshot there is none: sluice job run ${job.name} --full-load`
        : 'no record has come yet';
    this.#context.warn(`history of ${job.name} is empty (history_start: ${job.historyStart}): ${what}`);
  }

  /** Fills `changes.keys` for the tasks that need only some keys, and gives the statement that makes the table. */
  withKeys(tasks: readonly ModelTask[]): { readonly tasks: readonly ModelTask[]; readonly statement: string | null } {
    const partial = tasks.filter((task) => !task.changes.full && !task.partitions.allKeys);
    if (partial.length === 0) return { tasks, statement: null };
    const seqs = [...new Set(partial.flatMap((task) => task.seqs))].sort((left, right) => left - right);
    const newDays = partial.flatMap((task) => task.changes.newDaysFrom ?? []).sort();
    const firstNewDay = newDays[0];
    const pending = new Map(partial.flatMap((task) => task.pending.map((manifest) => [manifest.seq, manifest])));
    const { relation, statement } = changedKeysTable(this.#context.ports, {
      pending: seqs.flatMap((seq) => pending.get(seq) ?? []),
      snapshots: this.#snapshots,
      effectiveFrom:
        firstNewDay === undefined ? null : formatMillis(startOfDay(firstNewDay, this.#context.ports.timezone)),
    });
    const filled = tasks.map((task) =>
      partial.includes(task) ? { ...task, changes: { ...task.changes, keys: relation } } : task,
    );
    return { tasks: filled, statement };
  }
}
