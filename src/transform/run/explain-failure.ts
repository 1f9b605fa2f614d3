/** An error of the database during an incremental run, and what of the table it may be about. */
import { isSluiceError } from '../../core/errors.ts';
import type { ColumnInfo, RelationInfo, RelationName } from '../../core/relation.ts';
import { compileModel } from '../compile/compile-node.ts';
import type { ModelNode } from '../compile/node.ts';
import type { Project } from '../compile/project.ts';
import { situationOf } from '../plan/situation.ts';
import type { ModelWarehouse } from './ports.ts';
import { explained } from './table-differences.ts';

export interface IncrementalTable {
  readonly node: ModelNode;
  readonly existing: RelationInfo;
  /** Columns that the model gives. */
  readonly incoming: readonly ColumnInfo[];
}

export function explainedChange(thrown: unknown, project: Project, table: IncrementalTable | null): unknown {
  if (table === null || !isSluiceError(thrown)) return thrown;
  return explained(thrown, table.node, { ...table, dialect: project.renderer.dialect });
}

export interface SelectFailure {
  readonly project: Project;
  readonly warehouse: ModelWarehouse;
  readonly map: (relation: RelationName) => RelationName;
  readonly node: ModelNode;
  /** undefined: the run is not incremental. */
  readonly existing: RelationInfo | undefined;
}

/**
 * A select that reads the model's own table may fail because somebody changed that table. What the model gives when it reads its inputs alone says
 * what differs; asking costs nothing.
 */
export async function explainedSelect(thrown: unknown, failure: SelectFailure): Promise<never> {
  const { project, warehouse, map, node, existing } = failure;
  if (existing === undefined || !isSluiceError(thrown, 'model_failed')) throw thrown;
  const situation = situationOf(project, node, { existing: undefined, changes: undefined, fullRefresh: true }, map);
  const { select } = await situation.effects.settle(warehouse, () => compileModel(project, node, situation));
  const incoming = await warehouse.describe(select).catch(() => null);
  throw incoming === null ? thrown : explainedChange(thrown, project, { node, existing, incoming });
}
