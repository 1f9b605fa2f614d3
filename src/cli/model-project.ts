/** The project's models, compiled for one invocation: configuration, target, vars and jobs put together. */
import { renderVars } from '../config/project.ts';
import type { WarehouseConfig } from '../config/target.ts';
import type { YamlValue } from '../config/yaml-source.ts';
import type { JobDefinition } from '../core/job.ts';
import { localDay } from '../core/time.ts';
import type { ModelTarget, Project, RenderEnvironment } from '../transform/index.ts';
import type { CliContext } from './context.ts';
import { yamlCache, type OpenProject } from './open-project.ts';
import { packageVersion } from './package-version.ts';

/** Models at once where the target says nothing: one per core of a small machine. */
const DEFAULT_THREADS = 4;

export interface ModelProjectRequest {
  readonly context: CliContext;
  readonly project: OpenProject;
  readonly jobs: readonly JobDefinition[];
  /** Laid over the project's vars. */
  readonly vars: Readonly<Record<string, YamlValue>>;
  readonly invocationId: string;
  /** Logical time of the run, milliseconds. */
  readonly startedAtMs: number;
  readonly fullRefresh: boolean;
  readonly threads?: number;
}

/** `threads` of a DuckDB target are the database's own; models at once are then as many as stand here. */
export function modelTarget(name: string, warehouse: WarehouseConfig, given: number | undefined): ModelTarget {
  const threads = given ?? (warehouse.type === 'bigquery' ? warehouse.threads : null) ?? DEFAULT_THREADS;
  const schema = warehouse.type === 'duckdb' ? warehouse.schema : warehouse.dataset;
  return {
    name,
    type: warehouse.type,
    schema,
    rawSchema: warehouse.rawSchema,
    threads,
    ...(warehouse.type === 'bigquery' ? { database: warehouse.project } : {}),
  };
}

/** What templates see of the invocation. */
export async function renderEnvironment(request: ModelProjectRequest): Promise<RenderEnvironment> {
  const { context, project, jobs } = request;
  const { config } = project;
  const { jobData, modelExtensions } = await import('../pipeline/model-extensions.ts');
  return {
    vars: { ...renderVars(config, context.env), ...request.vars },
    env: context.env,
    runStartedAt: request.startedAtMs,
    today: localDay(request.startedAtMs, config.timezone),
    invocationId: request.invocationId,
    version: packageVersion(),
    jobs: Object.fromEntries(jobs.map((job) => [job.name, jobData(job)])),
    extensions: modelExtensions({ jobs, timezone: config.timezone }),
    fullRefresh: request.fullRefresh,
    log: (message, level) => {
      if (level !== 'debug') context.output.note(message);
    },
  };
}

/** Throws `compile_error` with every mistake of the project's files. */
export async function compileModels(request: ModelProjectRequest): Promise<Project> {
  const { config, target } = request.project;
  const [{ compileProject }, environment] = await Promise.all([
    import('../transform/index.ts'),
    renderEnvironment(request),
  ]);
  return compileProject({
    config,
    target: modelTarget(target.name, target.warehouse(), request.threads),
    environment,
    cache: yamlCache(request.context, 'models', config.dir),
  });
}
