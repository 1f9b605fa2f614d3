/**
 * A run of a job, whole: plan, land, load, transform, test, publish. Each step keeps its own progress, so that a failing one never holds
 * the others: a broken model lets land and load finish, a failing download lets the stream land. Whatever is interrupted is finished by
 * the next run.
 */
import { logicalClock } from '../core/clock.ts';
import { SluiceError, isSluiceError, messageOf } from '../core/errors.ts';
import { formatMillis } from '../core/time.ts';
import { dryRun } from './dry-run.ts';
import { fullRefresh } from './full-refresh.ts';
import { landStep } from './land-step.ts';
import { holdLease, type LeaseSession } from './lease.ts';
import { loadStep, reconcileRaw } from './load-step.ts';
import type { ModelRunner } from './model-runner.ts';
import { ModelsLook } from './models-look.ts';
import type { JobPorts, OpenWarehouse } from './ports.ts';
import { settleWithLanding } from './recover.ts';
import type { RunReport, RunRequest, Step } from './request.ts';
import { RunContext } from './run-context.ts';
import { startTime } from './start-time.ts';
import { TransformPlanner } from './plan-tasks.ts';
import { transformStep } from './transform-step.ts';
import { WarehouseMarks } from './warehouse-marks.ts';

const STEPS: readonly Step[] = ['land', 'load', 'transform'];
const FINGERPRINT_FACT = 'warehouse_fingerprint';

async function isWarehouseAsLeft(context: RunContext): Promise<boolean> {
  const { warehouse, state, job } = context.ports;
  const fingerprint = await warehouse.fingerprint();
  return fingerprint !== null && (await state.getFact(job.name, FINGERPRINT_FACT)) === fingerprint;
}

/** Nothing to load, nothing to publish, today is there, and nobody touched the warehouse: it need not be opened. */
async function hasWarehouseWork(context: RunContext, runner: ModelRunner): Promise<boolean> {
  const { only, accept } = context.request;
  if (accept.deletes || !(await isWarehouseAsLeft(context))) return true;
  const { state, job } = context.ports;
  const mayLoad = only === null || only === 'load';
  if (mayLoad && (await state.batchHeads(job.name, { states: ['landed'] })).length > 0) return true;
  if (only === 'load') return false;
  const planner = new TransformPlanner(context, new WarehouseMarks(context));
  return (await planner.tasks(await runner.nodes(), new Set())).length > 0;
}

/**
 * What stands behind a batch that could not be loaded, or a table that is built anew without it, would show less than was there; and on a
 * warehouse whose load jobs are no transaction, raw tables may hold a part of the batch.
 */
function holdModels(context: RunContext): void {
  if (context.request.only === 'load') return;
  context.ports.observer.note('models wait: a batch could not be loaded');
}

async function loadAndTransform(context: RunContext, warehouse: OpenWarehouse, runner: ModelRunner): Promise<void> {
  const look = new ModelsLook(context, warehouse, runner);
  try {
    await loadThenTransform(context, warehouse, runner, look);
  } finally {
    await look.end();
  }
}

async function loadThenTransform(
  context: RunContext,
  warehouse: OpenWarehouse,
  runner: ModelRunner,
  look: ModelsLook,
): Promise<void> {
  const { only } = context.request;
  await reconcileRaw(context, warehouse);
  if (only === null || only === 'load') {
    const loaded = await context.step(
      'load',
      () => loadStep(context, warehouse, only === null ? () => look.begin() : undefined),
      (rows) => rows,
    );
    if (loaded === undefined) return holdModels(context);
  }
  context.checkAborted();
  if (only === null || only === 'transform') {
    await context.step(
      'transform',
      () => transformStep(context, warehouse, runner, look),
      (rows) => rows,
    );
  }
}

/** Opens the warehouse for as long as load and models need it, and remembers how it was left. `last` is done while it is being closed. */
async function withWarehouse(
  context: RunContext,
  work: (warehouse: OpenWarehouse) => Promise<void>,
  last: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const { ports, session } = context;
  const warehouse = await context.warehouse.take({ replaceDamaged: context.request.fullRefresh });
  let isDone = false;
  try {
    await work(warehouse);
    isDone = true;
  } finally {
    noteUsage(context, warehouse);
    const closed = warehouse.close();
    // It is awaited below in every case; this keeps an early failure from counting as unhandled.
    closed.catch(() => undefined);
    try {
      // A lost lease and an interrupt are thrown on, but not past an open file.
      if (isDone) await last().catch((error: unknown) => context.fail(error));
    } finally {
      await closed;
    }
  }
  const fingerprint = await ports.warehouse.fingerprint();
  if (fingerprint !== null) await ports.state.setFact(session.lease, FINGERPRINT_FACT, fingerprint);
}

/** Before the warehouse is closed. */
export function noteUsage(context: RunContext, warehouse: OpenWarehouse): void {
  const usage = warehouse.usage?.();
  if (usage === undefined) return;
  const { jobs, bytesProcessed, bytesBilled, slotMs } = usage;
  context.usage = { jobs, bytesProcessed, bytesBilled, slotMs };
}

async function refreshSteps(context: RunContext, runner: ModelRunner): Promise<void> {
  if (context.request.fullLoad)
    await context.step(
      'land',
      () => landStep(context),
      (manifests) => manifests.reduce((sum, { counts }) => sum + counts.landed, 0),
    );
  await context.step(
    'refresh',
    () => withWarehouse(context, (warehouse) => fullRefresh(context, warehouse, runner)),
    () => 0,
  );
}

async function hourlySteps(context: RunContext, runner: ModelRunner): Promise<void> {
  const { request } = context;
  if (request.only === null || request.only === 'land') {
    await context.step(
      'land',
      () => landStep(context),
      (manifests) => manifests.reduce((sum, { counts }) => sum + counts.landed, 0),
    );
  }
  context.checkAborted();
  if (request.only === 'land') return;
  let isNeeded = true;
  try {
    isNeeded = await hasWarehouseWork(context, runner);
  } catch (error) {
    // A model that does not compile: load goes on, transform says it.
    if (!isSluiceError(error, 'compile_error') || request.only === 'transform') throw error;
  }
  if (!isNeeded) {
    context.ports.observer.note('nothing new: the warehouse was not touched');
    return;
  }
  try {
    await withWarehouse(
      context,
      (warehouse) => loadAndTransform(context, warehouse, runner),
      async () => {
        await context.session.guard();
        await runner.finish();
      },
    );
  } catch (error) {
    context.fail(error);
  }
}

async function runSteps(context: RunContext, runner: ModelRunner): Promise<void> {
  if (context.request.fullRefresh) return refreshSteps(context, runner);
  try {
    await hourlySteps(context, runner);
  } finally {
    await context.warehouse.close();
  }
  context.skipOthers(STEPS);
}

function exitCodeOf(context: RunContext): number {
  const first = context.errors[0];
  if (first === undefined) return 0;
  const codes = context.errors.map((error) => error.exitCode);
  if (codes.includes(130)) return 130;
  // What was found before anything ran is a usage mistake; after that, a failed run.
  const ranSomething = context.steps.some((step) => step.state === 'done') || context.batchReports().length > 0;
  return ranSomething && first.exitCode === 2 ? 1 : Math.min(...codes.filter((code) => code > 0));
}

function reportOf(context: RunContext): RunReport {
  return {
    job: context.ports.job.name,
    exitCode: exitCodeOf(context),
    logicalTime: context.logicalTime,
    batches: context.batchReports(),
    steps: context.steps,
    models: context.models,
    ...(context.usage === undefined ? {} : { usage: context.usage }),
    errors: context.errorReports(),
    warnings: context.warnings,
  };
}

/** Fenced: who lost the lease writes nothing more, not even how the run ended. */
async function recordEnd(context: RunContext, exitCode: number, error: string | null): Promise<void> {
  const { state, runId, clock } = context.ports;
  const { lease } = context.session;
  await state.finishRun(runId, { finishedAt: formatMillis(clock.now()), exitCode, error }, lease);
}

async function record(context: RunContext, command: string, work: () => Promise<void>): Promise<RunReport> {
  const { state, runId, job, clock, observer } = context.ports;
  const { logicalTime } = context;
  const startedAt = formatMillis(clock.now());
  await state.startRun({ runId, job: job.name, command, logicalTime, startedAt }, context.session.lease);
  try {
    await work();
  } catch (error) {
    if (isSluiceError(error, 'lease_lost')) throw error;
    await recordEnd(context, isSluiceError(error) ? error.exitCode : 1, messageOf(error)).catch((second: unknown) => {
      if (isSluiceError(second, 'lease_lost')) throw second;
      observer.warn(`how the run ended was not recorded: ${messageOf(second)}`);
    });
    throw error;
  }
  const report = reportOf(context);
  await recordEnd(context, report.exitCode, report.errors[0]?.message ?? null);
  return report;
}

/**
 * Takes the lease, makes sure that the state store fits landing (`settleWithLanding`), runs `work`, and frees the lease, whatever happens.
 * `isRecovery`: the work is to rebuild the state store, so it is not compared before.
 */
export async function underLease(
  ports: JobPorts,
  request: RunRequest,
  work: (context: RunContext) => Promise<void>,
  { isRecovery = false }: { readonly isRecovery?: boolean } = {},
): Promise<RunReport> {
  await ports.state.migrate();
  const session: LeaseSession = await holdLease(ports);
  try {
    const startMs = await startTime(ports, request);
    const context = new RunContext(ports, request, session, logicalClock(ports.clock, startMs), formatMillis(startMs));
    return await record(context, ports.holder.command, async () => {
      // What was recovered may be later than the time that this run was given.
      if (!isRecovery && (await settleWithLanding(context))) await startTime(ports, request);
      await work(context);
    });
  } finally {
    await session.release();
  }
}

/** The whole story. Throws what ends a run before or from outside (lease held, interrupted); everything else stands in the report. */
export async function runJob(ports: JobPorts, runner: ModelRunner, request: RunRequest): Promise<RunReport> {
  if (request.fullLoad) {
    if (ports.job.snapshot === null)
      throw new SluiceError(
        'usage',
        `job ${ports.job.name} has no snapshot source, so --full-load has nothing to download`,
      );
    await ports.snapshot(true);
  }
  if (request.dryRun) return dryRun(ports, runner, request);
  return underLease(ports, request, (context) => runSteps(context, runner));
}
