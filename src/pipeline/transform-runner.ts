/** The model layer behind the pipeline's `ModelRunner`: transform/ compiles and runs, this turns its results into the run's. */
import type { JobDefinition } from '../core/job.ts';
import type { RelationInfo, RelationName } from '../core/relation.ts';
import type { Clock } from '../core/clock.ts';
import {
  buildAside,
  planRun,
  runPlan,
  type ArtifactSink,
  type ModelChanges,
  type ModelNode,
  type NodeResult,
  type PlannedNode,
  type Project,
  type RunPlan,
  type RunResult,
  type SeedNode,
} from '../transform/index.ts';
import { rawRelations } from '../transform/sql/entity/records.ts';
import type { AsideResult, ModelRunner, ModelRunRequest, RunnerNode, RunnerResult } from './model-runner.ts';
import type { OpenWarehouse } from './ports.ts';

export interface TransformRunnerOptions {
  readonly job: JobDefinition;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** Compiles the project once, when first needed. */
  readonly compile: () => Promise<Project>;
  readonly artifacts?: ArtifactSink;
  /** Writes manifest.json and run_results.json. */
  readonly writeResults?: (project: Project, plan: RunPlan, result: RunResult) => Promise<void>;
}

type BuiltNode = ModelNode | SeedNode;

function isDaily(node: BuiltNode): boolean {
  return node.kind === 'model' && node.config.strategy === 'insert_overwrite';
}

function errorOf(result: NodeResult): RunnerResult['error'] {
  const { error } = result;
  if (error === null) return null;
  const known = ['test_failed', 'compile_error', 'table_changed'] as const;
  const code = known.find((one) => one === error.code) ?? 'model_failed';
  return { code, message: error.hint === undefined ? error.message : `${error.message}. ${error.hint}` };
}

function resultOf(result: NodeResult): RunnerResult {
  return {
    name: result.name,
    state: result.state,
    rows: result.rows ?? 0,
    seconds: result.seconds,
    usage: result.usage,
    error: errorOf(result),
    warnings: result.warnings,
  };
}

export class TransformRunner implements ModelRunner {
  readonly #options: TransformRunnerOptions;
  #project: Promise<Project> | undefined;
  #last: { readonly plan: RunPlan; readonly result: RunResult } | undefined;

  constructor(options: TransformRunnerOptions) {
    this.#options = options;
  }

  #compiled(): Promise<Project> {
    this.#project ??= this.#options.compile();
    return this.#project;
  }

  async nodes(): Promise<readonly RunnerNode[]> {
    const project = await this.#compiled();
    const { models } = this.#options.job;
    const plan = planRun(project, { command: 'run', select: models.map((name) => `+${name}`), withSql: false });
    const published = new Set(models);
    return plan.nodes.flatMap(({ id, name, materialized }) => {
      const node = project.nodes.get(id);
      if (node === undefined || node.kind === 'source' || node.kind === 'test') return [];
      return [
        { name, materialized, isDaily: isDaily(node), isPublished: published.has(name), relation: node.relation },
      ];
    });
  }

  async #plan(
    relations: readonly RelationInfo[],
    names: readonly string[],
    changes: ReadonlyMap<string, ModelChanges>,
    options: { readonly fullRefresh?: boolean; readonly withSql: boolean },
  ): Promise<{ readonly project: Project; readonly plan: RunPlan }> {
    const project = await this.#compiled();
    const plan = planRun(project, {
      command: 'build',
      select: names,
      relations,
      changes: (name) => changes.get(name),
      withSql: options.withSql,
      fullRefresh: options.fullRefresh ?? false,
    });
    return { project, plan };
  }

  /** Of the nodes that run: a look at each of a large project's tables would be a request each. */
  async #relations(warehouse: OpenWarehouse | null, names: readonly string[]): Promise<readonly RelationInfo[]> {
    if (warehouse === null) return [];
    const nodes = (await this.nodes()).filter(({ name }) => names.includes(name));
    return warehouse.models.relations(nodes.map(({ relation }) => relation));
  }

  async preview(
    request: Parameters<ModelRunner['preview']>[0],
  ): Promise<readonly { readonly name: string; readonly sql: string }[]> {
    const relations = await this.#relations(request.warehouse, request.names);
    const { plan } = await this.#plan(relations, request.names, request.changes, { withSql: true });
    return plan.nodes.flatMap(({ name, sql, kind }) => (kind === 'model' && sql !== null ? [{ name, sql }] : []));
  }

  async run(request: ModelRunRequest): Promise<readonly RunnerResult[]> {
    const { relations, ready } = request;
    if (request.names.length === 0) {
      await ready;
      return [];
    }
    const planned = this.#plan(relations, request.names, request.changes, { withSql: false });
    // It is awaited below unless `ready` fails, and then it does not matter.
    planned.catch(() => undefined);
    await ready;
    const { project, plan } = await planned;
    const { clock, signal, artifacts } = this.#options;
    const result = await runPlan(project, plan, request.warehouse.models, {
      clock,
      relations,
      ...(signal === undefined ? {} : { signal }),
      ...(artifacts === undefined ? {} : { artifacts }),
      hooks: ({ name, kind }: PlannedNode) => {
        const changes = request.changes.get(name);
        return {
          guard: request.guard,
          ...(changes === undefined ? {} : { changes }),
          ...(kind === 'test' ? {} : { marks: request.marks(name) }),
        };
      },
      onPublished: async ({ name, kind }) => {
        if (kind !== 'test') await request.onPublished(name);
      },
    });
    this.#last = { plan, result };
    return result.nodes.map(resultOf);
  }

  async buildAside(request: Parameters<ModelRunner['buildAside']>[0]): Promise<AsideResult> {
    const names = (await this.nodes()).map(({ name }) => name);
    const { project, plan } = await this.#plan([], names, request.changes, { fullRefresh: true, withSql: false });
    const { clock, signal, artifacts, job } = this.#options;
    const { rawSchema, database } = project.target;
    const raw = new Set(
      Object.values(rawRelations(job.entity, rawSchema, '', database)).map(
        ({ schema, name }: RelationName) => `${schema}.${name}`,
      ),
    );
    const aside = await buildAside(project, plan, request.warehouse.models, {
      clock,
      suffix: request.suffix,
      keep: request.keep,
      isAside: ({ schema, name }) => raw.has(`${schema}.${name}`),
      ...(signal === undefined ? {} : { signal }),
      ...(artifacts === undefined ? {} : { artifacts }),
      hooks: ({ name }) => {
        const changes = request.changes.get(name);
        return { guard: request.guard, ...(changes === undefined ? {} : { changes }) };
      },
    });
    this.#last = { plan, result: aside.result };
    return { results: aside.result.nodes.map(resultOf), counts: aside.counts, swap: aside.swap };
  }

  async finish(): Promise<void> {
    if (this.#last === undefined || this.#options.writeResults === undefined) return;
    await this.#options.writeResults(await this.#compiled(), this.#last.plan, this.#last.result);
  }
}
