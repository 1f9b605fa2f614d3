/**
 * Builds one node: render, look at what is there, make the script, publish it with its tests. Everything that changes a table happens in
 * one `publish` of the warehouse; if the process dies before it, readers keep the old state.
 */
import { SluiceError } from '../../core/errors.ts';
import type { ColumnInfo } from '../../core/relation.ts';
import { compileTest, type Situation } from '../compile/compile-node.ts';
import { Effects } from '../compile/context/effects.ts';
import type { TestNode } from '../compile/node.ts';
import type { BuildMode, PlannedNode } from '../plan/plan.ts';
import { scriptText, type BuildScript, type Statement } from '../sql/build.ts';
import { DELETE_FLAG } from '../sql/strategies/merge-parts.ts';
import type { Staging } from '../sql/strategies/staging.ts';
import { modelScript } from './build-script.ts';
import { rangeColumn, readKeyRange } from './key-range.ts';
import { explainedChange } from './explain-failure.ts';
import { auditRelation, testFile } from './test-places.ts';
import type { GateTest, ModelSession, PublishOutcome, PublishUnit } from './ports.ts';
import { NodePreparer, type Draft, type NodeHooks, type NodeRunnerOptions, type Prepared } from './prepare-node.ts';

export interface Built {
  readonly mode: BuildMode;
  readonly outcome: PublishOutcome;
  readonly rows: number | null;
  readonly partitions: readonly string[];
  /** What the user should know of the table. */
  readonly warnings: readonly string[];
  readonly compiledPath: string | null;
  readonly testPaths: ReadonlyMap<string, string | null>;
  /** The select as it was built; null for seeds and tests. */
  readonly select: string | null;
}

/** A node whose SQL stands and, where it was begun ahead of its turn, whose rows are staged. */
export interface Begun {
  readonly planned: PlannedNode;
  readonly hooks: NodeHooks;
  readonly prepared: Prepared;
  /** Holds what was staged ahead; close it in every case. */
  readonly session: ModelSession | null;
}

export class NodeRunner {
  readonly #options: NodeRunnerOptions;

  constructor(options: NodeRunnerOptions) {
    this.#options = options;
  }

  /** Does what takes its time and changes nothing: the nodes that only its tests read may still be at work. */
  async begin(planned: PlannedNode, hooks: NodeHooks): Promise<Begun> {
    const node = this.#options.project.nodes.get(planned.id);
    if (node === undefined || node.kind === 'source')
      throw new SluiceError('internal', `the project has no node ${planned.id}`);
    const draft = await new NodePreparer(this.#options).draft(node, hooks);
    const session = draft.staging === null ? undefined : await this.#options.warehouse.session?.();
    if (draft.staging === null || session === undefined)
      return { planned, hooks, prepared: await draft.prepare(), session: null };
    try {
      const columns = await this.#stage(planned, session, draft, draft.staging);
      return { planned, hooks, prepared: await draft.prepare(columns), session };
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Gives the columns of the staged rows, which costs less than asking for those of the select. */
  async #stage(
    planned: PlannedNode,
    session: ModelSession,
    draft: Draft,
    { relation, sql }: Staging,
  ): Promise<readonly ColumnInfo[]> {
    const { project, artifacts } = this.#options;
    artifacts.run(planned.file, `${sql};\n`);
    try {
      await session.execute(sql);
    } catch (error) {
      throw await draft.explain(error);
    }
    const columns = await session.describe(`select * from ${project.renderer.dialect.relation(relation)}`);
    return columns.filter(({ name }) => name !== DELETE_FLAG);
  }

  async finish({ planned, hooks, prepared, session }: Begun): Promise<Built> {
    const tests = await this.#tests(planned, prepared.situation);
    const outcome = await this.#publish(planned, prepared, tests.gates, { hooks, session }).catch((error: unknown) => {
      throw explainedChange(error, this.#options.project, prepared.incremental);
    });
    const counts = prepared.mode !== 'view' && prepared.mode !== 'tests' && outcome.status === 'published';
    return {
      mode: prepared.mode,
      outcome,
      rows: counts ? outcome.rows : null,
      partitions: outcome.status === 'published' ? prepared.partitions : [],
      warnings: prepared.warnings,
      compiledPath: prepared.compiledPath,
      testPaths: tests.paths,
      select: prepared.select,
    };
  }

  async #tests(
    planned: PlannedNode,
    situation: Situation,
  ): Promise<{ readonly gates: readonly GateTest[]; readonly paths: ReadonlyMap<string, string | null> }> {
    const { project, warehouse, artifacts } = this.#options;
    const gates: GateTest[] = [];
    const paths = new Map<string, string | null>();
    for (const { id } of planned.tests) {
      const node = project.nodes.get(id);
      if (node?.kind !== 'test') throw new SluiceError('internal', `the project has no test ${id}`);
      const own = { ...situation, effects: new Effects() };
      const compiled = await own.effects.settle(warehouse, () => compileTest(project, node, own));
      paths.set(id, artifacts.compiled(testFile(node), compiled.select));
      if (planned.kind === 'test') await this.#storeFailures(node, compiled.select);
      gates.push({ id, severity: node.config.severity, sql: compiled.query });
    }
    return { gates, paths };
  }

  /** Outside of any transaction: the failing rows are wanted just when the test fails. */
  async #storeFailures(node: TestNode, select: string): Promise<void> {
    if (!node.config.storeFailures && !this.#options.storeFailures) return;
    const { project, warehouse } = this.#options;
    const { dialect, target } = project.renderer;
    const audit = auditRelation(node, target);
    await warehouse.execute(dialect.createSchema(audit));
    await warehouse.execute(`create or replace table ${dialect.relation(audit)} as\n${select}`);
  }

  async #publish(
    planned: PlannedNode,
    prepared: Prepared,
    tests: readonly GateTest[],
    { hooks, session }: Pick<Begun, 'hooks' | 'session'>,
  ): Promise<PublishOutcome> {
    const { project, warehouse, artifacts } = this.#options;
    const { dialect } = project.renderer;
    const { script } = prepared;
    if (script !== null && session !== null) {
      artifacts.run(planned.file, scriptText(script, dialect, 'ahead'));
      const statements = [...script.change, ...plain(script.cleanup)];
      return session.publish(unitOf(planned, prepared, statements, tests), hooks.guard);
    }
    if (script === null || dialect.stagesInTransaction || script.stage.length === 0) {
      if (script !== null) artifacts.run(planned.file, scriptText(script, dialect));
      const { stage = [], change = [], cleanup = [] } = script ?? {};
      const statements = [...plain(stage), ...change, ...plain(cleanup)];
      return warehouse.publish(unitOf(planned, prepared, statements, tests), hooks.guard);
    }
    try {
      for (const sql of script.stage) await warehouse.execute(sql);
      const bounded = await this.#bounded(prepared, script);
      artifacts.run(planned.file, scriptText(bounded, dialect));
      return await warehouse.publish(unitOf(planned, prepared, bounded.change, tests), hooks.guard);
    } finally {
      // A leftover is replaced by the next run and expires by itself, so that a failing clean-up must not hide the real error.
      for (const sql of script.cleanup) await warehouse.execute(sql).catch(() => undefined);
    }
  }

  async #bounded({ ranged, target }: Prepared, script: BuildScript): Promise<BuildScript> {
    const column = ranged === null ? undefined : rangeColumn(ranged.node.config.build, ranged.incoming ?? []);
    if (ranged === null || column === undefined) return script;
    const { dialect } = this.#options.project.renderer;
    const range = await readKeyRange(this.#options.warehouse, dialect, dialect.stagingRelation(target), column);
    return modelScript({ ...ranged, keyRange: range }) ?? script;
  }
}

function plain(list: readonly string[]): readonly Statement[] {
  return list.map((sql) => ({ sql }));
}

function unitOf(
  planned: PlannedNode,
  prepared: Prepared,
  statements: readonly Statement[],
  tests: readonly GateTest[],
): PublishUnit {
  return {
    node: planned.id,
    statements: [...plain(prepared.before), ...statements, ...plain(prepared.comments), ...plain(prepared.after)],
    tests,
    marks: prepared.marks,
    ...(prepared.policyTags === undefined ? {} : { policyTags: prepared.policyTags }),
  };
}
