/** runPlan: executes a plan in the order of its graph. A failing node skips what is below it; everything else goes on. */
import type { Clock } from '../../core/clock.ts';
import { isSluiceError, SluiceError, type ErrorCode } from '../../core/errors.ts';
import type { RelationInfo, RelationName } from '../../core/relation.ts';
import type { Project } from '../compile/project.ts';
import type { PlannedNode, RunPlan } from '../plan/plan.ts';
import { RelationMap } from '../plan/relation-map.ts';
import { sameRelation } from '../plan/situation.ts';
import { seedLedger } from '../sql/seed.ts';
import { NO_ARTIFACTS, type ArtifactSink } from './artifact-sink.ts';
import { NodeRunner, type Begun, type Built } from './node-runner.ts';
import type { NodeHooks, NodeRunnerOptions } from './prepare-node.ts';
import type { GateResult, ModelWarehouse, NodeWarehouse } from './ports.ts';
import { nodeError, type NodeError, type NodeResult, type RunResult, type TestResult } from './results.ts';
import { runSchedule, type Gate } from './schedule.ts';

/** What happens, for the terminal; nothing depends on it. */
export interface ModelObserver {
  started(node: PlannedNode, position: { readonly index: number; readonly of: number }): void;
  finished(node: PlannedNode, result: NodeResult): void;
}

export interface RunOptions {
  readonly clock: Clock;
  /** Nodes at once; default: the target's. */
  readonly threads?: number;
  readonly observer?: ModelObserver;
  readonly signal?: AbortSignal;
  /** Starts nothing more after the first failure. */
  readonly failFast?: boolean;
  readonly hooks?: (node: PlannedNode) => NodeHooks;
  /**
   * Right after the node's change is committed, before anything below it starts (what only tests it may go on). What it throws stops the run.
   */
  readonly onPublished?: (node: PlannedNode, result: NodeResult) => Promise<void>;
  readonly artifacts?: ArtifactSink;
  /** Keeps the failing rows of tests that gate nothing, in `<schema>_dbt_test__audit`. */
  readonly storeFailures?: boolean;
  /** What stands under the targets' names, from a caller who has just asked; left out: the run asks itself. */
  readonly relations?: readonly RelationInfo[];
  /** Builds everything under other names (see build-aside.ts). */
  readonly map?: (relation: RelationName) => RelationName;
  /** The select of each node as it was built. */
  readonly onBuilt?: (node: PlannedNode, select: string | null) => void;
}

/** Errors that are about one node; anything else (lost lease, full disk, interrupt, defect) ends the run. */
const NODE_ERRORS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'model_failed',
  'test_failed',
  'compile_error',
  'env_missing',
  'unsupported',
  'table_changed',
]);

export async function runPlan(
  project: Project,
  plan: RunPlan,
  warehouse: ModelWarehouse,
  options: RunOptions,
): Promise<RunResult> {
  const started = options.clock.monotonic();
  const run = new Run(project, plan, warehouse, options);
  await run.prepare();
  await runSchedule(plan.nodes, options.threads ?? project.target.threads, (node, gate) => run.node(node, gate));
  const nodes = plan.nodes.flatMap((node) => run.results.get(node.id) ?? []);
  return {
    nodes,
    seconds: seconds(options.clock, started),
    ok: nodes.every(({ state }) => state === 'done'),
  };
}

function seconds(clock: Clock, since: number): number {
  return Math.round(clock.monotonic() - since) / 1000;
}

type SchemaName = Omit<RelationName, 'name'>;

function schemaOf({ database, schema }: RelationName): SchemaName {
  return { ...(database === undefined ? {} : { database }), schema };
}

function schemaKey(relation: RelationName): string {
  return JSON.stringify(schemaOf(relation));
}

class Run {
  readonly results = new Map<string, NodeResult>();
  readonly #project: Project;
  readonly #plan: RunPlan;
  readonly #warehouse: ModelWarehouse;
  readonly #options: RunOptions;
  #prepared: NodeRunnerOptions | undefined;
  #started = 0;
  #failed = false;

  constructor(project: Project, plan: RunPlan, warehouse: ModelWarehouse, options: RunOptions) {
    this.#project = project;
    this.#plan = plan;
    this.#warehouse = warehouse;
    this.#options = options;
  }

  /** Schemas, and one look at what is there. */
  async prepare(): Promise<void> {
    const map = this.#options.map ?? sameRelation;
    const targets = this.#plan.nodes.flatMap(({ relation }) => (relation === null ? [] : [map(relation)]));
    const { dialect } = this.#project.renderer;
    const found = this.#options.relations ?? (await this.#warehouse.relations(targets));
    // Where something stands there is a schema: on BigQuery making sure would be a job in each run.
    const known = new Set(found.map(({ relation }) => schemaKey(relation)));
    const schemas = new Map(targets.map((relation) => [schemaKey(relation), schemaOf(relation)]));
    for (const [key, schema] of schemas)
      if (!known.has(key)) await this.#warehouse.execute(dialect.createSchema(schema));
    const relations = new RelationMap(found, this.#project.target.type);
    const seedHashes = await this.#seedHashes(relations, map);
    this.#prepared = {
      project: this.#project,
      warehouse: this.#warehouse,
      relations,
      fullRefresh: this.#plan.fullRefresh,
      map,
      artifacts: this.#options.artifacts ?? NO_ARTIFACTS,
      seedHashes,
      storeFailures: this.#options.storeFailures === true,
    };
  }

  async #seedHashes(
    relations: RelationMap,
    map: (relation: RelationName) => RelationName,
  ): Promise<ReadonlyMap<string, string>> {
    const { dialect } = this.#project.renderer;
    const hashes = new Map<string, string>();
    const seeds = this.#plan.nodes.flatMap(({ kind, relation }) =>
      kind === 'seed' && relation !== null ? [map(relation)] : [],
    );
    const schemas = new Map(seeds.map((relation) => [schemaKey(relation), schemaOf(relation)]));
    for (const schema of schemas.values()) {
      const ledger = seedLedger(dialect, schema);
      await this.#warehouse.execute(ledger.create);
      const { rows } = await this.#warehouse.query(ledger.read);
      for (const [seed, hash] of rows) hashes.set(relations.key({ ...schema, name: String(seed) }), String(hash));
    }
    return hashes;
  }

  async node(planned: PlannedNode, gate: Gate): Promise<void> {
    const { clock, observer } = this.#options;
    const startedAt = new Date(clock.now()).toISOString();
    const since = clock.monotonic();
    const obstacle = this.#obstacle(planned.after);
    if (obstacle !== null) {
      const skipped: NodeResult = { ...this.#base(planned, startedAt), state: 'skipped', reason: obstacle };
      this.results.set(planned.id, skipped);
      observer?.finished(planned, skipped);
      return;
    }
    observer?.started(planned, { index: ++this.#started, of: this.#plan.nodes.length });
    const result = await this.#build(planned, { gate, startedAt, since });
    if (result.state === 'failed') this.#failed = true;
    this.results.set(planned.id, result);
    gate.letPass();
    if (result.state === 'done') await this.#options.onPublished?.(planned, result);
    observer?.finished(planned, result);
  }

  /** Why a node that waited for these nodes must not go on; null: it may. */
  #obstacle(waitedFor: readonly string[]): string | null {
    const { signal, failFast } = this.#options;
    if (signal?.aborted === true)
      throw new SluiceError('interrupted', 'Interrupted before all models had run', { cause: signal.reason });
    const blocker = waitedFor
      .map((id) => this.results.get(id))
      .find((result) => result !== undefined && result.state !== 'done');
    if (blocker !== undefined) return `${blocker.name} ${blocker.state === 'failed' ? 'failed' : 'was skipped'}`;
    return failFast === true && this.#failed ? 'an earlier node failed' : null;
  }

  async #build(
    planned: PlannedNode,
    { gate, startedAt, since }: { readonly gate: Gate; readonly startedAt: string; readonly since: number },
  ): Promise<NodeResult> {
    const base = this.#base(planned, startedAt);
    if (this.#prepared === undefined) throw new SluiceError('internal', 'prepare() was not called');
    const view: NodeWarehouse | undefined = this.#warehouse.forNode?.(planned.name);
    let begun: Begun | undefined;
    try {
      const runner = new NodeRunner({ ...this.#prepared, warehouse: view ?? this.#warehouse });
      begun = await runner.begin(planned, this.#options.hooks?.(planned) ?? {});
      const obstacle = (await gate.pass()) ? this.#obstacle(planned.finishAfter) : 'the run was stopped';
      if (obstacle !== null) return { ...base, state: 'skipped', reason: obstacle };
      const built = await runner.finish(begun);
      this.#options.onBuilt?.(planned, built.select);
      const rejected = built.outcome.status === 'rejected';
      return {
        ...base,
        mode: built.mode,
        state: rejected ? 'failed' : 'done',
        rows: built.rows,
        partitions: built.partitions,
        seconds: seconds(this.#options.clock, since),
        compiledPath: built.compiledPath,
        tests: testResults(planned, built),
        error: rejected ? rejection(planned, built) : null,
        usage: view?.usage() ?? null,
        warnings: warningsOf(planned, built),
      };
    } catch (error) {
      if (!isSluiceError(error) || !NODE_ERRORS.has(error.code)) throw error;
      return {
        ...base,
        state: 'failed',
        seconds: seconds(this.#options.clock, since),
        tests: skippedTests(planned, 'error'),
        error: this.#placed(planned, nodeError(error)),
        usage: view?.usage() ?? null,
      };
    } finally {
      await begun?.session?.close();
    }
  }

  #placed(planned: PlannedNode, error: NodeError): NodeError {
    const compiled =
      this.#options.artifacts === undefined ? '' : ` (compiled: ${this.#options.artifacts.pathOf(planned.file)})`;
    const what = planned.kind === 'test' ? `data test ${planned.name}` : `${planned.kind} ${planned.name}`;
    const where = error.code === 'model_failed' || error.code === 'table_changed' ? compiled : '';
    return { ...error, message: `${what} in ${planned.file}${where}: ${error.message}` };
  }

  #base(planned: PlannedNode, startedAt: string): NodeResult {
    return {
      id: planned.id,
      name: planned.name,
      kind: planned.kind,
      mode: planned.mode,
      state: 'done',
      rows: null,
      partitions: [],
      startedAt,
      seconds: 0,
      compiledPath: null,
      tests: skippedTests(planned, 'skipped'),
      error: null,
      usage: null,
      warnings: [],
      reason: null,
    };
  }
}

function skippedTests(planned: PlannedNode, status: 'skipped' | 'error'): readonly TestResult[] {
  // A test alone is itself what failed; the tests of a model that failed were never asked.
  const given = planned.kind === 'test' ? status : 'skipped';
  return planned.tests.map(({ id, name, severity }) => ({
    id,
    name,
    severity,
    status: given,
    failures: 0,
    compiledPath: null,
  }));
}

function testResults(planned: PlannedNode, built: Built): readonly TestResult[] {
  const byId = new Map<string, GateResult>(built.outcome.tests.map((test) => [test.id, test]));
  return planned.tests.map(({ id, name, severity }) => {
    const result = byId.get(id);
    return {
      id,
      name,
      severity,
      status: result?.status ?? 'skipped',
      failures: result?.failures ?? 0,
      compiledPath: built.testPaths.get(id) ?? null,
    };
  });
}

function warningsOf(planned: PlannedNode, built: Built): readonly string[] {
  const tests = testResults(planned, built)
    .filter(({ status }) => status === 'warn')
    .map(({ name, failures }) => `the data test ${name} of ${planned.name} warns: ${String(failures)} failing`);
  return [...built.warnings, ...tests];
}

function rejection(planned: PlannedNode, built: Built): NodeError {
  const failed = testResults(planned, built).filter(({ status }) => status === 'fail');
  const list = failed.map(({ name, failures }) => `${name} (${String(failures)})`).join(', ');
  const paths = failed.flatMap(({ compiledPath }) => compiledPath ?? []);
  const what =
    planned.kind === 'test'
      ? 'the data test'
      : `${planned.kind} ${planned.name}: readers keep the old state, because the data test`;
  return {
    code: 'test_failed',
    message: `${what}${failed.length > 1 ? 's' : ''} failed: ${list}`,
    ...(paths.length === 0 ? {} : { hint: `Run the query to see the rows: ${paths.join(', ')}` }),
  };
}
