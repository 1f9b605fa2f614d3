/**
 * What a node is about to do, as data: its SQL with what it replaces and takes along. Reads the catalogue and, for columns, describes the select; changes
 * nothing but the files under target/.
 */
import type { ColumnInfo, RelationInfo, RelationName } from '../../core/relation.ts';
import { addDays } from '../../core/time.ts';
import { compileModel, type CompiledModel, type Situation } from '../compile/compile-node.ts';
import type { ModelNode, SeedNode, TestNode } from '../compile/node.ts';
import type { Project } from '../compile/project.ts';
import { parseSeed } from '../compile/seed-rows.ts';
import { contentHash } from '../compile/test-name.ts';
import type { ModelChanges } from '../plan/changes.ts';
import type { BuildMode } from '../plan/plan.ts';
import { plainSituation } from '../plan/plan-run.ts';
import type { RelationMap } from '../plan/relation-map.ts';
import { buildModeOf, situationOf, type ModelState } from '../plan/situation.ts';
import type { BuildScript } from '../sql/build.ts';
import { commentStatements } from '../sql/comments.ts';
import { buildSeed, markSeed } from '../sql/seed.ts';
import { windowPredicate } from '../sql/strategies/insert-overwrite.ts';
import type { Staging } from '../sql/strategies/staging.ts';
import type { ArtifactSink } from './artifact-sink.ts';
import { modelScript, modelStaging, type ModelBuild } from './build-script.ts';
import { explainedChange, explainedSelect, type IncrementalTable } from './explain-failure.ts';
import { checkPartitions, leftOutColumns, otherClusters } from './table-differences.ts';
import { wantedComments } from './wanted-comments.ts';
import { wantedTags } from './wanted-tags.ts';
import type { ModelWarehouse, PublishUnit } from './ports.ts';

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

export interface Prepared {
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

type DraftBuild = Omit<ModelBuild, 'incoming'>;

interface ModelDraft {
  readonly compiled: CompiledModel;
  readonly compiledPath: string | null;
  readonly situation: Situation;
  readonly hooks: NodeHooks;
  /** The table that an incremental run changes. */
  readonly grows: RelationInfo | undefined;
}

/** A node whose SQL is known but for what depends on its columns. */
export interface Draft {
  /** Its rows can be staged before anything else; null where there are none to stage, or only inside the transaction. */
  readonly staging: Staging | null;
  /** `columns`: of the staged rows. Without them the warehouse is asked for what the select gives. */
  readonly prepare: (columns?: readonly ColumnInfo[]) => Promise<Prepared>;
  /** What an error of the staging is about. */
  readonly explain: (thrown: unknown) => Promise<unknown>;
}

export class NodePreparer {
  readonly #options: NodeRunnerOptions;

  constructor(options: NodeRunnerOptions) {
    this.#options = options;
  }

  async draft(node: ModelNode | SeedNode | TestNode, hooks: NodeHooks): Promise<Draft> {
    if (node.kind === 'model') return this.#draftModel(node, hooks);
    const prepared = node.kind === 'seed' ? await this.#prepareSeed(node, hooks) : this.#prepareTest(hooks);
    return { staging: null, prepare: () => Promise.resolve(prepared), explain: (thrown) => Promise.resolve(thrown) };
  }

  #prepareTest(hooks: NodeHooks): Prepared {
    return {
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
    };
  }

  async #draftModel(node: ModelNode, hooks: NodeHooks): Promise<Draft> {
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
    const describe = (): Promise<readonly ColumnInfo[]> =>
      warehouse
        .describe(compiled.select)
        .catch((thrown: unknown) => explainedSelect(thrown, { project, warehouse, map, node, existing: grows }));
    const build: DraftBuild = { node, mode, dialect, target, select: compiled.select, existing, changes };
    // Outside of the transaction that will publish, which must see what its tests read. Nobody else writes what is staged from meanwhile: a model's
    // own table is changed by its own node alone. Statements before the model may be what its select builds on.
    const stagesFirst =
      dialect.stagesInTransaction && warehouse.session !== undefined && compiled.preHooks.length === 0;
    return {
      staging: stagesFirst ? modelStaging(build) : null,
      prepare: async (columns) => {
        const incoming = columns ?? (needsColumns ? await describe() : undefined);
        return this.#prepareModel({ ...build, incoming }, { compiled, compiledPath, situation, hooks, grows });
      },
      explain: async (thrown) => {
        if (grows === undefined) return thrown;
        const incoming = await describe();
        return explainedChange(thrown, project, { node, existing: grows, incoming });
      },
    };
  }

  #prepareModel(build: ModelBuild, { compiled, compiledPath, situation, hooks, grows }: ModelDraft): Prepared {
    const { node, mode, dialect, target, existing, changes, incoming } = build;
    const { isIncremental } = situation;
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
}

function daysOf(from: string, to: string): readonly string[] {
  const days: string[] = [];
  for (let day = from; day <= to; day = addDays(day, 1)) days.push(day);
  return days;
}
