/**
 * Literal bounds of a merge's staged keys on the column that the target is clustered by: a join on that column prunes nothing on BigQuery,
 * literals do (FACTS.md §5). Only where rows are staged outside of the transaction can their bounds be known before the statement.
 */
import type { ColumnInfo, RelationName } from '../../core/relation.ts';
import type { BuildOptions } from '../sql/build.ts';
import type { Dialect } from '../sql/dialect.ts';
import { columnKey } from '../sql/schema-change.ts';
import type { MergeInput } from '../sql/strategies/merge-parts.ts';
import type { CellValue, ModelWarehouse } from './ports.ts';

/** Types whose order is the order of the cluster's blocks. */
const ORDERED = /^(?:INT64|STRING|DATE|TIMESTAMP|DATETIME|NUMERIC)\b/i;

/** The column to bound; undefined: the target is not clustered by a part of its key. */
export function rangeColumn(options: BuildOptions, incoming: readonly ColumnInfo[]): ColumnInfo | undefined {
  const first = options.clusterBy[0];
  if (first === undefined || !options.uniqueKey.some((key) => columnKey(key) === columnKey(first))) return undefined;
  return incoming.find(({ name, type }) => columnKey(name) === columnKey(first) && ORDERED.test(type));
}

/** Literals; of an empty staging table NULLs, between which nothing lies. */
export async function readKeyRange(
  warehouse: ModelWarehouse,
  dialect: Dialect,
  staging: RelationName,
  column: ColumnInfo,
): Promise<NonNullable<MergeInput['keyRange']>> {
  const name = dialect.identifier(column.name);
  const { rows } = await warehouse.query(`select min(${name}), max(${name}) from ${dialect.relation(staging)}`);
  const [low, high] = rows[0] ?? [];
  if (low === undefined || low === null || high === undefined || high === null) {
    // Nothing is staged, so nothing may match: without a range the merge would read the whole target to find that out.
    const none = dialect.castText('null', column.type);
    return { column: column.name, low: none, high: none };
  }
  return { column: column.name, low: literal(dialect, low, column.type), high: literal(dialect, high, column.type) };
}

function literal(dialect: Dialect, value: Exclude<CellValue, null>, type: string): string {
  if (typeof value !== 'string') return String(value);
  return /^STRING\b/i.test(type) ? dialect.text(value) : dialect.castText(dialect.text(value), type);
}
