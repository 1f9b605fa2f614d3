/**
 * Rules that a model's rows must keep, as statements that fail inside the transaction: the database then rolls back, and nothing wrong
 * is ever published. `error()` exists in both dialects; its text always depends on the counted rows, so that no optimizer can evaluate it
 * before the count is known.
 */
import type { RelationName } from '../../core/relation.ts';
import type { PartitionBy } from './build.ts';
import type { Dialect, PartitionType } from './dialect.ts';

function failWhenAny(dialect: Dialect, counting: string, message: string, example?: string): string {
  const rows = `cast(found.n as ${dialect.typeName('string')})`;
  const detail = example === undefined ? '' : ` || coalesce(${example}, '')`;
  return [
    `select case when found.n > 0 then error(${dialect.text(`${message}: `)} || ${rows} || ' rows'${detail}) end`,
    `from (${counting}) as found`,
  ].join('\n');
}

/** A key with a NULL in it matches nothing, so its row would be inserted again by every run. */
export function nullKeys(dialect: Dialect, rows: RelationName, key: readonly string[]): string {
  const condition = key.map((column) => `${dialect.identifier(column)} is null`).join(' or ');
  const counting = `select count(*) as n from ${dialect.relation(rows)} where ${condition}`;
  return failWhenAny(dialect, counting, `unique_key (${key.join(', ')}) is NULL in the model's rows`);
}

/** BigQuery's MERGE fails on these, DuckDB's takes one of them at random: both must fail, and say which column. */
export function duplicateKeys(dialect: Dialect, rows: RelationName, key: readonly string[]): string {
  const columns = key.map((column) => dialect.identifier(column)).join(', ');
  const duplicates = `select count(*) - 1 as extra from ${dialect.relation(rows)} group by ${columns} having count(*) > 1`;
  const counting = `select coalesce(sum(repeated.extra), 0) as n from (${duplicates}) as repeated`;
  return failWhenAny(
    dialect,
    counting,
    `unique_key (${key.join(', ')}) stands more than once in the model's rows, surplus`,
  );
}

/**
 * The rows of a table, by a condition on its partition column that every row meets: a table with `require_partition_filter` answers nothing else, and
 * on BigQuery either way is answered from metadata.
 */
export function countRows(dialect: Dialect, rows: RelationName, partitionColumn: string | null): string {
  const relation = dialect.relation(rows);
  if (partitionColumn === null || dialect.name === 'duckdb') return `select count(*) from ${relation}`;
  const part = (condition: string): string =>
    `(select count(*) from ${relation} where ${dialect.identifier(partitionColumn)} ${condition})`;
  return `select ${part('is not null')} + ${part('is null')}`;
}

export function nullPartitions(dialect: Dialect, rows: RelationName, partition: PartitionBy): string {
  const counting = `select count(*) as n from ${dialect.relation(rows)} where ${dialect.identifier(partition.field)} is null`;
  return failWhenAny(dialect, counting, `the partition column ${partition.field} is NULL in the model's rows`);
}

/** Rows outside of the planned window would be added to partitions that nobody cleared. */
export function rowsOutsideWindow(
  dialect: Dialect,
  rows: RelationName,
  field: string,
  inside: string,
  window: { readonly from: string; readonly to: string },
): string {
  const column = dialect.identifier(field);
  const string = dialect.typeName('string');
  const counting = `select count(*) as n, min(${column}) as lowest, max(${column}) as highest from ${dialect.relation(rows)} where not (${inside})`;
  const example = `', from ' || cast(found.lowest as ${string}) || ' to ' || cast(found.highest as ${string})`;
  const message = `the model gives rows outside of the planned window ${window.from} to ${window.to} (${field})`;
  return failWhenAny(dialect, counting, message, example);
}

/** `field >= <first day> and field < <day after the last>`: typed literals on the right side, so that partitions are pruned. */
export function dayRange(
  dialect: Dialect,
  column: string,
  type: PartitionType,
  days: { readonly from: string; readonly before: string },
): string {
  return `${column} >= ${dialect.dayLiteral(days.from, type)} and ${column} < ${dialect.dayLiteral(days.before, type)}`;
}
