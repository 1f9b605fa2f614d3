/**
 * `sluice debug`: configuration, connections, versions, and on Google Cloud identity and permissions, each checked by itself so that one
 * failure hides no other.
 */
import { randomUUID } from 'node:crypto';
import { loadJobs } from '../../config/load-jobs.ts';
import type { JobDefinition } from '../../core/job.ts';
import type { ProjectOptions } from '../common-options.ts';
import { composed, type Composition } from '../compose.ts';
import type { CliContext, CommandResult } from '../context.ts';
import { errorJson, exitCodeOf, type ErrorJson } from '../failure.ts';
import { openProject, type OpenProject } from '../open-project.ts';
import { packageVersion } from '../package-version.ts';
import { accessChecks, bigQueryAnswer, googleCheckNames, identityChecks } from './debug-google.ts';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, or what is wrong. */
  readonly detail: string;
  readonly error?: ErrorJson;
}

export async function debugProject(context: CliContext, options: ProjectOptions): Promise<CommandResult> {
  const checks: Check[] = [];
  let worst = 0;
  const check: Checker = async (name, look) => {
    context.output.progress(`checking ${name} …`);
    const result = await outcome(name, look);
    if (result.error !== undefined) worst = Math.max(worst, exitCodeOf(result.cause));
    checks.push({
      name,
      ok: result.ok,
      detail: result.detail,
      ...(result.error === undefined ? {} : { error: result.error }),
    });
    print(context, result);
    return result.ok;
  };
  await check('versions', () => versions());
  let project: OpenProject | undefined;
  await check('project.yml', async () => {
    project = await openProject(context, options);
    const { config, target } = project;
    return `${config.name} in ${config.dir}, target ${target.name}, time zone ${config.timezone}`;
  });
  if (project !== undefined) await checkProject(project, context, check);
  const errors = checks.flatMap((result) => (result.error === undefined ? [] : [result.error]));
  context.output.result(
    worst === 0
      ? context.output.resultColours.green('all checks passed')
      : context.output.resultColours.red(`${errors.length} of ${checks.length} checks failed`),
  );
  return { exitCode: worst, json: { checks, errors } };
}

/** Whether it is as it should be. */
type Checker = (name: string, look: () => Promise<string> | string) => Promise<boolean>;

async function checkProject(project: OpenProject, context: CliContext, check: Checker): Promise<void> {
  let jobs: readonly JobDefinition[] = [];
  await check('jobs', async () => {
    jobs = (await loadJobs(project.config)).map(({ job }) => job);
    return jobs.length === 0 ? `none in ${project.config.jobPaths.join(', ')}` : jobs.map((job) => job.name).join(', ');
  });
  await composed(context, project, async (composition) => {
    const isIdentified: boolean[] = [];
    for (const [name, look] of identityChecks(project, context)) isIdentified.push(await check(name, look));
    const others = [...connections(project, composition, { jobs, context }), ...accessChecks(project, jobs, context)];
    // Without credentials Google would say the same of everything.
    const skipped = isIdentified.includes(false) ? googleCheckNames(project) : [];
    for (const [name, look] of others) if (!skipped.includes(name)) await check(name, look);
    if (skipped.length > 0) context.output.note(`not checked without credentials: ${skipped.join(', ')}`);
  });
}

function connections(
  project: OpenProject,
  composition: Composition,
  { jobs, context }: { readonly jobs: readonly JobDefinition[]; readonly context: CliContext },
): readonly (readonly [string, () => Promise<string>])[] {
  const { target } = project;
  const all = [
    ['state', async () => `${describeState(target.state())}, ${await stateAnswer(composition)}`],
    ['landing', async () => `${describeLanding(target.landing())}, ${await landingAnswer(composition)}`],
    [
      'stream',
      async () => `${describeStream(target.stream())}, ${await streamAnswer(composition, jobs, context.signal)}`,
    ],
    [
      'warehouse',
      async () => `${describeWarehouse(target.warehouse())}, ${await warehouseAnswer(project, composition, context)}`,
    ],
  ] as const;
  return all.filter(([name]) => target.has(name));
}

async function outcome(
  name: string,
  look: () => Promise<string> | string,
): Promise<Check & { readonly cause?: unknown }> {
  try {
    return { name, ok: true, detail: await look() };
  } catch (cause) {
    const error = errorJson(cause);
    return { name, ok: false, detail: error.message, error, cause };
  }
}

function print({ output }: CliContext, { name, ok, detail, error }: Check): void {
  const { green, red, bold } = output.resultColours;
  output.result(`${ok ? green('ok    ') : red('failed')}  ${name.padEnd(12)} ${detail}`);
  if (error?.hint !== undefined) output.result(`        ${bold('hint')}: ${error.hint}`);
}

function versions(): string {
  return `sluice ${packageVersion()}, Node.js ${process.versions.node} on ${process.platform} ${process.arch}`;
}

function describeState(state: ReturnType<OpenProject['target']['state']>): string {
  return state.type === 'sqlite' ? `SQLite ${state.path}` : 'PostgreSQL';
}

function describeLanding(landing: ReturnType<OpenProject['target']['landing']>): string {
  return landing.type === 'local' ? `folder ${landing.path}` : `gs://${landing.bucket}/${landing.prefix}`;
}

function describeStream(stream: ReturnType<OpenProject['target']['stream']>): string {
  return stream.type === 'topic_log' ? `topic log ${stream.path}` : `Kafka ${stream.brokers.join(', ')}`;
}

function describeWarehouse(warehouse: ReturnType<OpenProject['target']['warehouse']>): string {
  return warehouse.type === 'duckdb'
    ? `DuckDB ${warehouse.path}`
    : `BigQuery project ${warehouse.project} in ${warehouse.location}`;
}

async function stateAnswer(composition: Composition): Promise<string> {
  await composition.state();
  return 'schema is current';
}

/** Writing is what matters, so an object is written and removed again. */
async function landingAnswer(composition: Composition): Promise<string> {
  const landing = await composition.landing();
  const writer = await landing.create('_debug/probe');
  try {
    await writer.write(Buffer.from('sluice debug\n'));
    await writer.commit();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await landing.delete('_debug/probe');
  return 'writable';
}

async function streamAnswer(
  composition: Composition,
  jobs: readonly JobDefinition[],
  signal: AbortSignal,
): Promise<string> {
  const topics = [...new Set(jobs.flatMap((job) => job.topics.map((topic) => topic.name)))];
  const stream = await composition.stream();
  try {
    const partitions = await stream.partitions(topics, signal);
    return `${topics.length} topics with ${partitions.length} partitions`;
  } finally {
    await stream.close();
  }
}

async function warehouseAnswer(
  { target }: OpenProject,
  composition: Composition,
  context: CliContext,
): Promise<string> {
  const config = target.warehouse();
  // Not by the gate, which would also open the state store.
  if (config.type === 'bigquery') return bigQueryAnswer(config, context);
  const { signal } = context;
  const warehouse = await composition.warehouseGate({ signal, job: 'debug', runId: randomUUID() }).open();
  try {
    await warehouse.models.query('select 1');
    return 'answers';
  } finally {
    await warehouse.close();
  }
}
