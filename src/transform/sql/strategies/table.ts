/**
 * The whole table anew: materialization `table`, the first run of an incremental model, and its full refresh.
 *
 * DuckDB: `create or replace table … as` inside the transaction. The select may read the old table, readers see the old one until the
 * commit, and a rollback (a failed test) brings it back; building under another name and renaming would do the same in three
 * statements more. Comments are lost by it, so `comments.ts` puts them back in the same transaction (FACTS.md §7).
 *
 * BigQuery: one `create or replace table … as`, atomic by itself. What must be checked (keys, partition values) is staged first, because
 * DDL is not part of a transaction there and a failed check must come before the replacement.
 */
import type { RelationInfo, RelationName } from '../../../core/relation.ts';
import {
  check,
  ddl,
  type BuildInput,
  type BuildOptions,
  type BuildScript,
  type IncrementalStrategy,
  type PartitionBy,
  type Statement,
} from '../build.ts';
import { duplicateKeys, nullKeys, nullPartitions } from '../checks.ts';
import type { Dialect } from '../dialect.ts';
import { isSameStorage, wantedStorage } from '../table-storage.ts';
import { SOURCE } from './source-alias.ts';
import { stagedScript, stagingOf } from './staging.ts';

export function dropStatement(dialect: Dialect, existing: RelationInfo): string {
  return `drop ${existing.kind} ${dialect.relation(existing.relation)}`;
}

/** `strategy` undefined: a plain table, of which nothing but the select is known. */
export function buildTable(input: BuildInput, strategy?: IncrementalStrategy): BuildScript {
  const { dialect, target } = input;
  const select = withoutDeleted(input);
  const dropped = mustDrop(input) ? [ddl(dropStatement(dialect, input.existing))] : [];
  const checks = (rows: RelationName): Statement[] => rowChecks(dialect, rows, input.options, strategy);
  if (dialect.stagesInTransaction || checks(target).length === 0) {
    const create: Statement = { sql: createTable(input, select), countRows: true, kind: 'ddl' };
    return { stage: [], change: [...dropped, create, ...checks(target)], cleanup: [] };
  }
  const staging = stagingOf({ ...input, select });
  const create: Statement = {
    sql: createTable(input, `select * from ${dialect.relation(staging.relation)}`),
    countRows: true,
    kind: 'ddl',
  };
  return stagedScript(dialect, staging, [...checks(staging.relation), ...dropped, create]);
}

/** A view, or a table that `create or replace` cannot replace. */
function mustDrop(input: BuildInput): input is BuildInput & { readonly existing: RelationInfo } {
  const { existing, options } = input;
  if (existing === undefined) return false;
  return (
    existing.kind === 'view' ||
    (existing.storage !== undefined && !isSameStorage(existing.storage, wantedStorage(options)))
  );
}

/** Rows that a merge would delete do not enter a new table either. */
function withoutDeleted(input: BuildInput): string {
  if (input.options.deleteWhen === null) return input.select;
  return `select * from (\n${input.select}\n) as ${SOURCE}\nwhere (${input.options.deleteWhen}) is not true`;
}

function rowChecks(
  dialect: Dialect,
  rows: RelationName,
  options: BuildOptions,
  strategy: IncrementalStrategy | undefined,
): Statement[] {
  const checks: string[] = [];
  if (strategy === 'merge' || strategy === 'delete+insert') checks.push(nullKeys(dialect, rows, options.uniqueKey));
  if (strategy === 'merge') checks.push(duplicateKeys(dialect, rows, options.uniqueKey));
  if (strategy === 'insert_overwrite' && options.partitionBy !== null) {
    checks.push(nullPartitions(dialect, rows, options.partitionBy));
  }
  return checks.map(check);
}

function createTable(input: BuildInput, select: string): string {
  const { dialect, target, options } = input;
  const clauses = dialect.name === 'bigquery' ? storageClauses(dialect, options) : [];
  return [`create or replace table ${dialect.relation(target)}`, ...clauses, `as`].join('\n') + `\n${select}`;
}

function storageClauses(dialect: Dialect, options: BuildOptions): string[] {
  const clauses: string[] = [];
  if (options.partitionBy !== null) clauses.push(`partition by ${partitionExpression(dialect, options.partitionBy)}`);
  if (options.clusterBy.length > 0) {
    clauses.push(`cluster by ${options.clusterBy.map((column) => dialect.identifier(column)).join(', ')}`);
  }
  const tableOptions = Object.entries(options.tableOptions).map(([name, value]) => `${name} = ${value}`);
  if (tableOptions.length > 0) clauses.push(`options (${tableOptions.join(', ')})`);
  return clauses;
}

function partitionExpression(dialect: Dialect, partition: PartitionBy): string {
  const column = dialect.identifier(partition.field);
  if (partition.dataType === 'int64') {
    const { start, end, interval } = partition.range ?? { start: 0, end: 0, interval: 1 };
    return `range_bucket(${column}, generate_array(${start}, ${end}, ${interval}))`;
  }
  if (partition.dataType === 'date' && partition.granularity === 'day') return column;
  return `${partition.dataType}_trunc(${column}, ${partition.granularity})`;
}
