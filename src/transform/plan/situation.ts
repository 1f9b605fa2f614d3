/** Whether a model runs incrementally, and what its templates see of the changes: one rule for plans, runs and previews. */
import type { RelationInfo, RelationName } from '../../core/relation.ts';
import { Effects } from '../compile/context/effects.ts';
import type { Situation } from '../compile/compile-node.ts';
import type { ModelNode } from '../compile/node.ts';
import type { Project } from '../compile/project.ts';
import { noChanges } from '../compile/renderer.ts';
import { GONE_SINCE, type ModelChanges } from './changes.ts';
import { columnKey } from '../sql/schema-change.ts';
import type { BuildMode } from './plan.ts';

export interface ModelState {
  /** What stands under the model's name. */
  readonly existing: RelationInfo | undefined;
  /** From the job's run; undefined: no job runs the model. */
  readonly changes: ModelChanges | undefined;
  readonly fullRefresh: boolean;
}

export const sameRelation = (relation: RelationName): RelationName => relation;

/**
 * dbt's is_incremental(): an incremental model, whose relation exists, is a table, and is not refreshed whole. `full_refresh` of the
 * model beats the flag. A job that says `full` rebuilds the table too.
 */
export function runsIncrementally(node: ModelNode, state: ModelState): boolean {
  if (node.config.materialized !== 'incremental' || state.existing?.kind !== 'table') return false;
  const refresh = node.config.fullRefresh ?? state.fullRefresh;
  return !refresh && state.changes?.full !== true;
}

export function situationOf(
  project: Project,
  node: ModelNode,
  state: ModelState,
  map: (relation: RelationName) => RelationName = sameRelation,
): Situation {
  const isIncremental = runsIncrementally(node, state);
  const changes = state.changes ?? noChanges(project.renderer.environment);
  return {
    effects: new Effects(),
    map,
    isIncremental,
    // A model that builds everything is told so, also where the job thought its table was there.
    changes:
      isIncremental || state.changes === undefined ? remembering(changes, state.existing) : { ...changes, full: true },
  };
}

/** A table that does not remember cannot be what new rows are made from. */
function remembering(changes: ModelChanges, existing: RelationInfo | undefined): ModelChanges {
  const remembers = existing?.columns.some(({ name }) => columnKey(name) === GONE_SINCE) ?? false;
  return remembers ? changes : { ...changes, base: null, lacksMemory: true };
}

export function buildModeOf(node: ModelNode, isIncremental: boolean): BuildMode {
  const { materialized, strategy } = node.config;
  if (materialized === 'view') return 'view';
  if (materialized !== 'incremental' || strategy === null) return 'table';
  return isIncremental ? strategy : 'full';
}
