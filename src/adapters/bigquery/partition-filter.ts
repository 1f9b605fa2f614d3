/**
 * Tables with `require_partition_filter`: BigQuery answers no query over them that has no condition on the partition column. Data tests and the
 * count of the rows of a new table have none, so such a table is tested and counted without the option, or with a condition that every row meets.
 */
import { selectOf } from './sql-text.ts';

const OPTION = /require_partition_filter\s*=\s*true/i;
const PARTITION = /partition\s+by\s+(?:\w+\s*\(\s*)?(`[^`]+`|\w+)/i;

/** Whether the table that this statement creates will want a filter. */
export function wantsFilter(creation: string): boolean {
  return OPTION.test(selectOf(creation).head);
}

/** The same creation of a table that may be asked anything. */
export function withoutFilter(creation: string): string {
  const { head } = selectOf(creation);
  return head.replace(OPTION, 'require_partition_filter = false') + creation.slice(head.length);
}

/** The number of rows as an SQL select of one column `n`; answered from metadata, for nothing. */
export function rowCount(relation: string, creation: string): string {
  const column = wantsFilter(creation) ? PARTITION.exec(selectOf(creation).head)?.[1] : undefined;
  return column === undefined ? `select count(*) as n from ${relation}` : rowCountByPartition(relation, column);
}

/** Two conditions on the partition column alone, one of which every row meets. */
function rowCountByPartition(relation: string, column: string): string {
  const part = (condition: string): string => `(select count(*) from ${relation} where ${column} ${condition})`;
  return `select ${part('is not null')} + ${part('is null')} as n`;
}
