/** `sluice run`, `build`, `test` and `seed`. */
import { SluiceError } from '../../core/errors.ts';
import { isCalendarDate } from '../../core/time.ts';
import {
  manifestOf,
  planRun,
  runPlan,
  runResultsOf,
  TargetFolder,
  type ModelChanges,
  type ModelWarehouse,
  type NodeHooks,
  type NodeResult,
  type PlannedNode,
  type Project,
  type RunCommand,
  type RunPlan,
  type RunResult,
  type Usage,
} from '../../transform/index.ts';
import type { CommandResult } from '../context.ts';
import { usageLine } from '../usage-text.ts';
import { previewModels } from './preview.ts';
import { runObserver, summaryLine } from './run-text.ts';
import { rowLines } from './rows-text.ts';
import { selectionRequest } from './selection-request.ts';
import {
  compileAround,
  withWarehouse,
  type JobClaim,
  type ModelSurroundings,
  type SelectionOptions,
} from './surroundings.ts';

export interface RunModelsOptions extends SelectionOptions {
  readonly fullRefresh?: boolean;
  readonly threads?: number;
  readonly failFast?: boolean;
  /** Tell only what failed. */
  readonly quiet?: boolean;
  /** `seed`: prints the first rows of what was loaded. */
  readonly show?: boolean;
  /** Print the plan and run nothing. */
  readonly dryRun?: boolean;
  /** Days `YYYY-MM-DD`, both inclusive: what insert_overwrite models replace that no job runs. */
  readonly eventTimeStart?: string;
  readonly eventTimeEnd?: string;
  /** `test`: keeps the failing rows in `<schema>_dbt_test__audit`. */
  readonly storeFailures?: boolean;
}

export async function runModels(
  command: Exclude<RunCommand, 'compile'>,
  options: RunModelsOptions,
  around: ModelSurroundings,
): Promise<CommandResult> {
  const fullRefresh = options.fullRefresh === true;
  const days = givenDays(options);
  const project = await compileAround(around, fullRefresh);
  if (options.dryRun === true)
    return previewModels(project, { ...selectionRequest(options), command, fullRefresh }, around);
  const plan = planRun(project, { ...selectionRequest(options), command, fullRefresh, withSql: false });
  const note = (text: string): void => (options.quiet === true ? undefined : around.output.note(text));
  for (const text of plan.unmatched) note(`the selector "${text}" matches nothing`);
  const folder = new TargetFolder(around.config, around.environment.invocationId, around.redact);
  const generatedAt = new Date(around.clock.now()).toISOString();
  folder.artifact('manifest.json', manifestOf(project, { generatedAt }));
  if (plan.nodes.length === 0) {
    note('nothing to do');
    return { exitCode: 0, json: report({ nodes: [], seconds: 0, ok: true }) };
  }
  const { result, usage } = await withWarehouse(around, async (warehouse, spent) => {
    const done = await execute(project, plan, warehouse, { options, around, folder, days, fullRefresh });
    if (options.show === true) await showSeeds(project, plan, done, warehouse, around.output);
    return { result: done, usage: spent() };
  });
  folder.artifact(
    'run_results.json',
    runResultsOf(project, result, { generatedAt, args: { which: command, ...options } }),
  );
  if (options.quiet !== true) {
    around.output.result(summaryLine(result));
    if (usage !== undefined) around.output.result(usageLine(usage));
  }
  return { exitCode: result.ok ? 0 : 1, json: report(result, usage) };
}

/** As dbt does, so many. */
const SHOWN_SEED_ROWS = 10;

async function showSeeds(
  project: Project,
  plan: RunPlan,
  { nodes }: RunResult,
  warehouse: ModelWarehouse,
  output: ModelSurroundings['output'],
): Promise<void> {
  const loaded = new Set(nodes.filter(({ state }) => state === 'done').map(({ name }) => name));
  for (const { kind, name, relation } of plan.nodes) {
    if (kind !== 'seed' || relation === null || !loaded.has(name)) continue;
    const table = project.renderer.dialect.relation(relation);
    const rows = await warehouse.query(`select * from ${table} limit ${SHOWN_SEED_ROWS}`);
    output.result(`${name}, the first rows:`);
    for (const line of rowLines(rows)) output.result(line);
    output.result();
  }
}

interface Execution {
  readonly options: RunModelsOptions;
  readonly around: ModelSurroundings;
  readonly folder: TargetFolder;
  readonly days: ModelChanges['window'];
  readonly fullRefresh: boolean;
}

async function execute(project: Project, plan: RunPlan, warehouse: ModelWarehouse, run: Execution): Promise<RunResult> {
  const { options, around, folder, days, fullRefresh } = run;
  const models = plan.nodes.filter(({ kind }) => kind === 'model').map(({ name }) => name);
  const claim =
    models.length === 0 ? null : ((await around.claim?.(project, models, warehouse, { fullRefresh })) ?? null);
  try {
    return await runPlan(project, plan, warehouse, {
      clock: around.clock,
      signal: around.signal,
      observer: runObserver(around.output, plan.nodes.length, options.quiet === true),
      artifacts: folder,
      failFast: options.failFast === true,
      storeFailures: options.storeFailures === true,
      hooks: (node) => hooksOf(node, claim, days, around),
      ...(claim === null ? {} : { onPublished: claim.onPublished }),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
    });
  } finally {
    await claim?.release();
  }
}

/** Days given by hand count for models that no job speaks for. */
function hooksOf(
  node: PlannedNode,
  claim: JobClaim | null,
  days: ModelChanges['window'],
  { environment: { today }, withoutLedger }: ModelSurroundings,
): NodeHooks {
  const hooks = claim?.hooks(node) ?? {};
  const isAnew = days === null && withoutLedger?.has(node.name) === true;
  if (hooks.changes !== undefined || node.kind !== 'model' || (days === null && !isAnew)) return hooks;
  return { ...hooks, changes: { full: isAnew, today, window: days, newDaysFrom: null, keys: null, batchIds: [] } };
}

function givenDays({ eventTimeStart: from, eventTimeEnd: to }: RunModelsOptions): ModelChanges['window'] {
  if (from === undefined && to === undefined) return null;
  if (from === undefined || to === undefined) {
    throw new SluiceError(
      'usage',
      '--event-time-start and --event-time-end stand together: the first and the last day',
    );
  }
  for (const day of [from, to]) {
    if (!isCalendarDate(day)) throw new SluiceError('usage', `"${day}" is not a day, expected YYYY-MM-DD`);
  }
  if (from > to) throw new SluiceError('usage', `--event-time-start ${from} lies behind --event-time-end ${to}`);
  return { from, to };
}

function report(result: RunResult, usage?: Usage): Readonly<Record<string, unknown>> {
  const models = result.nodes.filter(({ kind }) => kind !== 'test');
  return {
    models: models.map(modelJson),
    tests: result.nodes.flatMap((node) =>
      node.tests.map(({ name, status, failures, severity }) => ({ name, status, failures, severity })),
    ),
    seconds: result.seconds,
    errors: result.nodes.flatMap(({ error }) => error ?? []),
    warnings: result.nodes.flatMap(({ warnings }) => warnings),
    ...(usage === undefined ? {} : { usage: totals(usage) }),
  };
}

function modelJson({ name, state, rows, partitions, seconds, usage }: NodeResult): Readonly<Record<string, unknown>> {
  const base = { name, state, rows, partitions, seconds };
  if (usage === null) return base;
  const { bytesProcessed, bytesBilled, slotMs, jobId } = usage;
  return { ...base, bytesProcessed, bytesBilled, slotMs, jobId };
}

function totals({ jobs, bytesProcessed, bytesBilled, slotMs }: Usage): Readonly<Record<string, unknown>> {
  return { jobs, bytesProcessed, bytesBilled, slotMs };
}
