/** How a table that exists differs from what its model says, in words: somebody changed it by hand, or the model since it was built. */
import { SluiceError } from '../../core/errors.ts';
import type { ColumnInfo, RelationInfo } from '../../core/relation.ts';
import type { ModelNode } from '../compile/node.ts';
import type { Dialect } from '../sql/dialect.ts';
import { differenceOf } from '../sql/schema-change.ts';
import { wantedStorage } from '../sql/table-storage.ts';

export function rebuildHint({ name }: Pick<ModelNode, 'name'>): string {
  return `Change it back, or rebuild it: sluice run --select ${name} --full-refresh`;
}

/** Partitions cannot be altered, and the literal conditions of an incremental run are made for those that the model names. Throws `table_changed`. */
export function checkPartitions(node: ModelNode, existing: RelationInfo, dialect: Dialect): void {
  if (existing.storage === undefined) return;
  const wanted = wantedStorage(node.config.build).partitions;
  const found = existing.storage.partitions;
  if (found === wanted) return;
  const words = (partitions: string): string =>
    partitions === 'none' ? 'not partitioned' : `partitioned by ${partitions}`;
  throw new SluiceError(
    'table_changed',
    `the table ${dialect.relation(existing.relation)} is ${words(found)}, the model says ${words(wanted)}`,
    { hint: rebuildHint(node) },
  );
}

/**
 * Other clusters cost bytes and change no row, so the run goes on and says so. A model that names none takes the table as it is: clusters that were
 * given by hand are kept.
 */
export function otherClusters(node: ModelNode, existing: RelationInfo, dialect: Dialect): readonly string[] {
  const wanted = wantedStorage(node.config.build).clusters;
  const found = existing.storage?.clusters;
  if (found === undefined || wanted.length === 0 || found.join() === wanted.join()) return [];
  const is = found.length === 0 ? 'not clustered' : `clustered by ${found.join(', ')}`;
  return [
    `the table ${dialect.relation(existing.relation)} is ${is}, the model says clustered by ${wanted.join(', ')}; ` +
      `to rebuild it so: sluice run --select ${node.name} --full-refresh`,
  ];
}

/** A column that only the model has is left out by the default of on_schema_change; who did not choose that is told. */
export function leftOutColumns(
  node: ModelNode,
  existing: RelationInfo,
  incoming: readonly ColumnInfo[],
): readonly string[] {
  const { written, build } = node.config;
  if (build.onSchemaChange !== 'ignore' || written['on_schema_change'] !== undefined) return [];
  const { added } = differenceOf(existing.columns, incoming);
  if (added.length === 0) return [];
  const names = added.map(({ name }) => name).join(', ');
  return [
    `the table of ${node.name} has no column ${names}, which the model gives: left out (on_schema_change is not set). ` +
      `To take it in: on_schema_change='append_new_columns' for rows to come, or sluice run --select ${node.name} --full-refresh for all`,
  ];
}

/** What the database said about a change of a table whose columns are not the model's, with what differs and what heals it. */
export function explained(
  error: SluiceError,
  node: ModelNode,
  {
    existing,
    incoming,
    dialect,
  }: { readonly existing: RelationInfo; readonly incoming: readonly ColumnInfo[]; readonly dialect: Dialect },
): SluiceError {
  if (error.code !== 'model_failed') return error;
  const { added, removed, retyped } = differenceOf(existing.columns, incoming);
  const parts = [
    ...retyped.map(({ before, after }) => `column ${before.name} is ${before.type}, the model gives ${after.type}`),
    ...added.map(({ name }) => `column ${name} is missing`),
    ...removed.map(({ name }) => `column ${name} is not the model's`),
  ];
  if (parts.length === 0) return error;
  return new SluiceError(
    'table_changed',
    `${error.message}. The table ${dialect.relation(existing.relation)} is not as the model builds it: ${parts.join('; ')}`,
    { hint: rebuildHint(node), cause: error },
  );
}
