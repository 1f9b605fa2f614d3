/**
 * Builds one node: render, look at what is there, make the script, publish it with its tests. Everything that changes a table happens in
 * one `publish` of the warehouse; if the process dies before it, readers keep the old state.
 */
import { SluiceError } from '../../core/errors.ts';
import type { ColumnInfo, RelationInfo, RelationName } from '../../core/relation.ts';
import { addDays } from '../../core/time.ts';
import { compileModel, compileTest, type Situation } from '../compile/compile-node.ts';
import { Effects } from '../compile/context/effects.ts';
import type { ModelNode, SeedNode, TestNode } from '../compile/node.ts';
import type { Project } from '../compile/project.ts';
import { parseSeed } from '../compile/seed-rows.ts';
import { contentHash } from '../compile/test-name.ts';
import type { ModelChanges } from '../plan/changes.ts';
import type { BuildMode, PlannedNode } from '../plan/plan.ts';
import { plainSituation } from '../plan/plan-run.ts';
import type { RelationMap } from '../plan/relation-map.ts';
import { buildModeOf, situationOf, type ModelState } from '../plan/situation.ts';
import { scriptText, type BuildScript, type Statement } from '../sql/build.ts';
import { commentStatements } from '../sql/comments.ts';
import { buildSeed, markSeed } from '../sql/seed.ts';
import { windowPredicate } from '../sql/strategies/insert-overwrite.ts';
import type { ArtifactSink } from './artifact-sink.ts';
import { modelScript, type ModelBuild } from './build-script.ts';
import { rangeColumn, readKeyRange } from './key-range.ts';
import { explainedChange, explainedSelect, type IncrementalTable } from './explain-failure.ts';
import { checkPartitions, leftOutColumns, otherClusters } from './table-differences.ts';
import { auditRelation, testFile } from './test-places.ts';
import { wantedComments } from './wanted-comments.ts';
import { wantedTags } from './wanted-tags.ts';
import type { GateTest, ModelSession, ModelWarehouse, PublishOutcome, PublishUnit } from './ports.ts';

/** What a caller adds to one node. */
export interface NodeHooks {
  readonly changes?: ModelChanges;
  /** SQL that belongs into the transaction that publishes the node. */
  readonly marks?: readonly string[];
  /** Runs inside that transaction right before it commits; throwing rolls it back. */
  readonly guard?: () => Promise<void>;
}

export interface NodeRunnerOptions {
  readonly project: Project;
  readonly warehouse: ModelWarehouse;
  readonly relations: RelationMap;
  readonly fullRefresh: boolean;
  readonly map: (relation: RelationName) => RelationName;
  readonly artifacts: ArtifactSink;
  /** Content hashes of the seeds that the warehouse holds, by key of their relation. */
  readonly seedHashes: ReadonlyMap<string, string>;
  readonly storeFailures: boolean;
}

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

interface Prepared {
  readonly mode: BuildMode;
  readonly target: RelationName;
  readonly script: BuildScript | null;
  /** A merge whose statement is made again when the bounds of its staged keys are known. */
  readonly ranged: ModelBuild | null;
  /** An incremental run of a model, for what an error of the database is about. */
  readonly incremental: IncrementalTable | null;
  readonly policyTags: PublishUnit['policyTags'];
  readonly warnings: readonly string[];
  readonly comments: readonly string[];
  readonly marks: readonly string[];
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly situation: Situation;
  readonly partitions: readonly string[];
  readonly compiledPath: string | null;
  readonly select: string | null;
}

export class NodeRunner {
  readonly #options: NodeRunnerOptions;

  constructor(options: NodeRunnerOptions) {
    this.#options = options;
  }

  /** `ahead`: the nodes that only its tests read are still at work, and what takes its time can be done meanwhile. */
  async begin(planned: PlannedNode, hooks: NodeHooks, ahead: boolean): Promise<Begun> {
    const node = this.#options.project.nodes.get(planned.id);
    if (node === undefined || node.kind === 'source')
      throw new SluiceError('internal', `the project has no node ${planned.id}`);
    const prepared = await this.#prepare(node, hooks);
    const session = ahead ? await this.#stageAhead(prepared) : null;
    return { planned, hooks, prepared, session };
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

  #prepare(node: ModelNode | SeedNode | TestNode, hooks: NodeHooks): Promise<Prepared> {
    if (node.kind === 'model') return this.#prepareModel(node, hooks);
    if (node.kind === 'seed') return this.#prepareSeed(node, hooks);
    return Promise.resolve({
      mode: 'tests',
      target: { schema: '', name: '' },
      script: null,
      ranged: null,
      incremental: null,
      policyTags: undefined,
      warnings: [],
      comments: [],
      marks: hooks.marks ?? [],
      before: [],
      after: [],
      situation: { ...plainSituation(this.#options.project), map: this.#options.map },
      partitions: [],
      compiledPath: null,
      select: null,
    });
  }

  async #prepareModel(node: ModelNode, hooks: NodeHooks): Promise<Prepared> {
    const { project, warehouse, relations, fullRefresh, map, artifacts } = this.#options;
    const { dialect } = project.renderer;
    const target = map(node.relation);
    const existing = relations.get(target);
    const state: ModelState = { existing, changes: hooks.changes, fullRefresh };
    const situation = situationOf(project, node, state, map);
    const compiled = await situation.effects.settle(warehouse, () => compileModel(project, node, situation));
    const compiledPath = artifacts.compiled(node.file, compiled.select);
    const { isIncremental, changes } = situation;
    const mode = buildModeOf(node, isIncremental);
    const grows = isIncremental ? existing : undefined;
    if (grows !== undefined) checkPartitions(node, grows, dialect);
    const needsColumns = isIncremental || this.#hasColumnComments(node, existing);
    const incoming = needsColumns
      ? await warehouse
          .describe(compiled.select)
          .catch((thrown: unknown) => explainedSelect(thrown, { project, warehouse, map, node, existing: grows }))
      : undefined;
    const build: ModelBuild = { node, mode, dialect, target, select: compiled.select, existing, changes, incoming };
    const { window } = changes;
    const isDaily = node.config.strategy === 'insert_overwrite' && (mode === 'insert_overwrite' || mode === 'full');
    return {
      mode,
      target,
      script: modelScript(build),
      ranged: mode === 'merge' && !dialect.stagesInTransaction ? build : null,
      incremental: grows === undefined || incoming === undefined ? null : { node, existing: grows, incoming },
      policyTags: this.#policyTags(node, target, existing, !isIncremental),
      warnings: [
        ...(grows === undefined ? [] : otherClusters(node, grows, dialect)),
        ...(grows === undefined || incoming === undefined ? [] : leftOutColumns(node, grows, incoming)),
      ],
      comments: this.#comments(node, target, existing, !isIncremental, incoming ?? []),
      marks: hooks.marks ?? [],
      before: compiled.preHooks,
      after: compiled.postHooks,
      situation: { ...situation, ...this.#testFilter(node, mode, changes) },
      partitions: isDaily && window !== null ? daysOf(window.from, window.to) : [],
      compiledPath,
      select: compiled.select,
    };
  }

  #testFilter(node: ModelNode, mode: BuildMode, { window }: ModelChanges): Pick<Situation, 'testFilter'> {
    const partition = node.config.build.partitionBy;
    if (mode !== 'insert_overwrite' || window === null || partition === null || partition.dataType === 'int64')
      return {};
    const { dialect } = this.#options.project.renderer;
    const predicate = windowPredicate(dialect, { field: partition.field, dataType: partition.dataType }, window);
    return { testFilter: { node: node.id, predicate } };
  }

  /** Whether columns are described, here or by hand in the warehouse: then the new relation's columns must be known. */
  #hasColumnComments(node: ModelNode, existing: RelationInfo | undefined): boolean {
    return (
      wantedComments(node).columns.length > 0 || (existing?.columns ?? []).some(({ comment }) => comment !== undefined)
    );
  }

  #comments(
    node: ModelNode | SeedNode,
    target: RelationName,
    existing: RelationInfo | undefined,
    recreated: boolean,
    columns: readonly ColumnInfo[],
  ): readonly string[] {
    // What is built aside gets its comments when it is put in place, where they would be lost anyway.
    if (target !== node.relation) return [];
    const kind = node.kind === 'model' && node.config.materialized === 'view' ? 'view' : 'table';
    return commentStatements(
      this.#options.project.renderer.dialect,
      { kind, relation: target, columns: columns.map(({ name }) => name) },
      wantedComments(node),
      { info: existing, recreated },
    );
  }

  #policyTags(
    node: ModelNode | SeedNode,
    target: RelationName,
    existing: RelationInfo | undefined,
    recreated: boolean,
  ): PublishUnit['policyTags'] {
    if (this.#options.project.renderer.dialect.name !== 'bigquery') return undefined;
    return wantedTags(node, { target, existing, recreated });
  }

  async #prepareSeed(node: SeedNode, hooks: NodeHooks): Promise<Prepared> {
    const { project, relations, fullRefresh, map, seedHashes } = this.#options;
    const { dialect } = project.renderer;
    const target = map(node.relation);
    const existing = relations.get(target);
    const hash = contentHash([node.text, node.config.columnTypes, node.config.delimiter]);
    const refresh = node.config.fullRefresh ?? fullRefresh;
    const isCurrent = !refresh && existing?.kind === 'table' && seedHashes.get(relations.key(target)) === hash;
    const table = isCurrent ? null : await parseSeed(node);
    const columns = table?.columns ?? existing?.columns ?? [];
    return {
      mode: 'seed',
      target,
      script: table === null ? null : buildSeed(dialect, target, table, existing),
      ranged: null,
      incremental: null,
      policyTags: isCurrent ? undefined : this.#policyTags(node, target, existing, true),
      warnings: [],
      comments: this.#comments(node, target, existing, !isCurrent, columns),
      marks: [...(isCurrent ? [] : markSeed(dialect, target, hash)), ...(hooks.marks ?? [])],
      before: [],
      after: [],
      situation: { ...plainSituation(project), map },
      partitions: [],
      compiledPath: null,
      select: null,
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

  /**
   * Outside of the transaction that will publish, which must see what its tests read. Nobody else writes what was staged from meanwhile: a
   * model's own table is changed by its own node alone. Statements before the model may be what its select builds on.
   */
  async #stageAhead({ script, before, incremental }: Prepared): Promise<ModelSession | null> {
    const { project, warehouse } = this.#options;
    const { stagesInTransaction } = project.renderer.dialect;
    if (script === null || !stagesInTransaction || script.stage.length === 0 || before.length > 0) return null;
    const session = await warehouse.session?.();
    if (session === undefined) return null;
    try {
      for (const sql of script.stage) await session.execute(sql);
      return session;
    } catch (error) {
      await session.close();
      throw explainedChange(error, project, incremental);
    }
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

function daysOf(from: string, to: string): readonly string[] {
  const days: string[] = [];
  for (let day = from; day <= to; day = addDays(day, 1)) days.push(day);
  return days;
}
