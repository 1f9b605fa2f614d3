import type { ColumnInfo, RelationName } from '../../../core/relation.ts';
import type { Dialect } from '../dialect.ts';

/** `insert … select` with the columns named on both sides: their order in the model does not matter. */
export function insertStatement(
  dialect: Dialect,
  target: RelationName,
  columns: readonly ColumnInfo[],
  from: string,
): string {
  const names = columns.map(({ name }) => dialect.identifier(name)).join(', ');
  return `insert into ${dialect.relation(target)} (${names})\nselect ${names}\nfrom ${from}`;
}
