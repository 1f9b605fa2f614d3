/**
 * Overwrites the day partitions of a *planned* window, and nothing else.
 *
 * dbt clears the partitions that the new rows happen to name, so a day whose rows all disappeared keeps its old ones, and rows without
 * a day pile up. Here the window comes with the run (`changes.window`): every day of it is cleared, an emptied day becomes empty, a NULL
 * partition value is an error, and so is a row outside of the window, which would land beside rows that nobody cleared.
 *
 * The rows are staged first, so that a model may read its own table (yesterday carried forward). The predicates are typed literals on the
 * partition column alone: they prune, and on BigQuery a delete of whole partitions costs nothing, also inside the transaction, which
 * makes `begin; delete; insert; commit` atomic over all days (FACTS.md §5).
 *
 * On DuckDB there is no partition that could be swapped, so cost follows rows: with `keys` known, only their rows are replaced in the
 * days that exist already, and whole days from `newDaysFrom` on. BigQuery always replaces whole days: there the delete is free, while
 * a delete by key would scan.
 */
import { addDays } from '../../../core/time.ts';
import { check, ddl, type BuildScript, type IncrementalInput, type OverwriteWindow, type Statement } from '../build.ts';
import { dayRange, nullPartitions, rowsOutsideWindow } from '../checks.ts';
import type { Dialect, PartitionType } from '../dialect.ts';
import { planSchemaChange } from '../schema-change.ts';
import { insertStatement } from './insert.ts';
import { stagedScript, stagingOf } from './staging.ts';

export interface OverwriteInput extends IncrementalInput {
  readonly window: OverwriteWindow;
  readonly partition: { readonly field: string; readonly dataType: PartitionType };
}

export function buildInsertOverwrite(input: OverwriteInput): BuildScript {
  const { dialect, target, window, partition } = input;
  const staging = stagingOf(input);
  const { alter, columns } = planSchemaChange(input);
  const column = dialect.identifier(partition.field);
  const whole = rangeOf(dialect, column, partition.dataType, window.from, window.to);
  const clearing = clearings(input, column);
  const staged = dialect.relation(staging.relation);
  const from = clearing.insertWhere === null ? staged : `${staged}\nwhere ${clearing.insertWhere}`;
  return stagedScript(dialect, staging, [
    check(nullPartitions(dialect, staging.relation, { ...partition, granularity: 'day' })),
    check(rowsOutsideWindow(dialect, staging.relation, partition.field, whole, window)),
    ...alter.map(ddl),
    ...clearing.deletes.map((where): Statement => ({
      sql: `delete from ${dialect.relation(target)}\nwhere ${where}`,
    })),
    { sql: insertStatement(dialect, target, columns, from), countRows: true },
  ]);
}

interface Clearing {
  readonly deletes: readonly string[];
  /** Which staged rows go in; null: all of them. */
  readonly insertWhere: string | null;
}

function clearings({ dialect, options, window, partition }: OverwriteInput, column: string): Clearing {
  const range = (from: string, to: string): string => rangeOf(dialect, column, partition.dataType, from, to);
  const key = options.uniqueKey[0];
  if (window.keys === null || dialect.name !== 'duckdb' || key === undefined || options.uniqueKey.length > 1) {
    return { deletes: [range(window.from, window.to)], insertWhere: null };
  }
  // `_key` is text, the key column may be a number; DuckDB drops a cast to what a column is anyway.
  const touched = `cast(${dialect.identifier(key)} as varchar) in (select cast(${dialect.identifier('_key')} as varchar) from ${dialect.relation(window.keys)})`;
  const fresh = window.newDaysFrom;
  if (fresh === null || fresh > window.to) {
    return { deletes: [`${range(window.from, window.to)}\nand ${touched}`], insertWhere: touched };
  }
  if (fresh <= window.from) return { deletes: [range(window.from, window.to)], insertWhere: null };
  return {
    deletes: [`${range(window.from, addDays(fresh, -1))}\nand ${touched}`, range(fresh, window.to)],
    insertWhere: `${column} >= ${dialect.dayLiteral(fresh, partition.dataType)} or ${touched}`,
  };
}

function rangeOf(dialect: Dialect, column: string, type: PartitionType, from: string, to: string): string {
  return dayRange(dialect, column, type, { from, before: addDays(to, 1) });
}

/** The condition that data tests of this run look through: the rows that it can have changed. */
export function windowPredicate(
  dialect: Dialect,
  partition: OverwriteInput['partition'],
  window: Pick<OverwriteWindow, 'from' | 'to'>,
): string {
  return rangeOf(dialect, dialect.identifier(partition.field), partition.dataType, window.from, window.to);
}
