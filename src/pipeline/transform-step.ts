/**
 * transform + test + publish: every model gets the batches it has not published. A day that has begun since is filled too, so a run with
 * nothing new still makes today's partition. Tests are the gate inside the transaction that publishes (publish/gate.ts).
 *
 * If the process dies: before a model's commit readers see its old state; after it, the model is published again from the same batches,
 * which gives the same rows.
 */
import { SluiceError } from '../core/errors.ts';
import type { PartitionState } from '../state/ports.ts';
import type { Usage } from '../transform/run/ports.ts';
import type { ModelRunner, RunnerResult } from './model-runner.ts';
import type { ModelsLook } from './models-look.ts';
import { daysOf } from './plan-changes.ts';
import { TransformPlanner, type ModelTask } from './plan-tasks.ts';
import type { OpenWarehouse } from './ports.ts';
import type { ModelReport } from './request.ts';
import type { RunContext } from './run-context.ts';
import type { WarehouseMarks } from './warehouse-marks.ts';

function partitionStates(task: ModelTask, batchId: string | null): readonly PartitionState[] {
  const { window, stale } = task.partitions;
  return [
    ...(stale === null ? [] : daysOf(stale).map((partition) => ({ partition, state: 'stale' as const, batchId }))),
    ...(window === null ? [] : daysOf(window).map((partition) => ({ partition, state: 'done' as const, batchId }))),
  ];
}

function costOf({ bytesProcessed, bytesBilled, slotMs, jobId }: Usage): Partial<ModelReport> {
  return { bytesProcessed, bytesBilled, slotMs, jobId };
}

export function reportModel(context: RunContext, result: RunnerResult, partitions: readonly string[]): void {
  const { name, state, rows, seconds, usage } = result;
  context.models.push({
    name,
    state,
    rows,
    partitions: state === 'done' ? partitions : [],
    seconds,
    ...(usage === null ? {} : costOf(usage)),
  });
  for (const warning of result.warnings) context.warn(warning);
  if (result.error === null) return;
  const { job } = context.ports;
  // A compile mistake is exit 2 only before anything ran; here land and load are done.
  const code = result.error.code === 'compile_error' ? 'model_failed' : result.error.code;
  context.fail(
    new SluiceError(code, `job ${job.name}: ${result.error.message}`, {
      hint: `Readers keep the old table; what was landed and loaded stays. When it is mended: sluice job run ${job.name} --only transform`,
    }),
  );
}

export async function publishTask(
  context: RunContext,
  { warehouse, marks }: { readonly warehouse: OpenWarehouse; readonly marks: WarehouseMarks },
  task: ModelTask,
): Promise<void> {
  const { state } = context.ports;
  const fact = await marks.confirmation(warehouse, task.node);
  const newest = task.changes.batchIds.at(-1) ?? null;
  await state.markPublished(context.session.lease, task.node.name, {
    seqs: task.seqs,
    partitions: partitionStates(task, newest),
    logicalTime: context.logicalTime,
    ...(task.changes.full ? { replaceAll: true } : {}),
    fact,
  });
  marks.noteConfirmed(task.node.name, fact);
  const { stale } = task.partitions;
  if (stale !== null) {
    const { job } = context.ports;
    context.warn(
      `${task.node.name}: days ${stale.from} to ${stale.to} changed but lie beyond max_recompute_days (${job.limits.maxRecomputeDays}); they are stale until: sluice job backfill ${job.name} --from ${stale.from} --to ${stale.to}`,
    );
  }
}

/** The table of changed keys (`TransformPlanner.withKeys`), made under the guard like every other change of the warehouse. */
export async function makeKeys(
  { session: { guard } }: Pick<RunContext, 'session'>,
  warehouse: OpenWarehouse,
  statement: string | null,
): Promise<void> {
  await guard();
  if (statement === null) return;
  await warehouse.models.publish(
    { node: 'changed keys', statements: [{ sql: statement }], tests: [], marks: [] },
    guard,
  );
}

/** Fails with the first that failed, and never before all have ended. */
async function allEnded(work: readonly Promise<void>[]): Promise<void> {
  for (const ended of await Promise.allSettled(work)) if (ended.status === 'rejected') throw ended.reason;
}

/** Runs what is to be done; returns the rows written. */
export async function transformStep(
  context: RunContext,
  warehouse: OpenWarehouse,
  runner: ModelRunner,
  look: ModelsLook,
): Promise<number> {
  const { marks } = look;
  const { nodes, lost, relations } = await look.take();
  for (const name of lost)
    context.warn(
      `${name} in the warehouse is not what the last run left there (lost, changed by hand, or restored from a copy?); it is built anew`,
    );
  const planner = new TransformPlanner(context, marks);
  const { tasks, statement } = planner.withKeys(await planner.tasks(nodes, lost));
  if (tasks.length === 0) return 0;
  const announced = tasks.map((task) => task.node.name);
  const ready = allEnded([makeKeys(context, warehouse, statement), marks.announce(warehouse, announced)]);
  // The runner awaits it in every case; this keeps an early failure from counting as unhandled.
  ready.catch(() => undefined);
  const byName = new Map(tasks.map((task) => [task.node.name, task]));
  const names = nodes.filter((node) => byName.has(node.name) || !node.isPublished).map((node) => node.name);
  const results = await runner.run({
    warehouse,
    names,
    relations,
    ready,
    changes: new Map(tasks.map((task) => [task.node.name, task.changes])),
    guard: context.session.guard,
    marks: (name) => (byName.has(name) ? marks.statements(name) : []),
    onPublished: async (name) => {
      const task = byName.get(name);
      if (task !== undefined) await publishTask(context, { warehouse, marks }, task);
    },
  });
  const undone = new Set(
    results.filter(({ state }) => state !== 'done').flatMap(({ name }) => byName.get(name)?.seqs ?? []),
  );
  for (const seq of new Set(tasks.flatMap(({ seqs }) => seqs)))
    if (!undone.has(seq)) context.noteState(seq, 'published');
  for (const result of results) {
    const window = byName.get(result.name)?.partitions.window ?? null;
    reportModel(context, result, window === null ? [] : daysOf(window));
  }
  return results.reduce((total, result) => total + result.rows, 0);
}
