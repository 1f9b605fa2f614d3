/** What a strategy takes and gives: data in, SQL text out, nothing executed. */
import type { ColumnInfo, RelationInfo, RelationName } from '../../core/relation.ts';
import type { Dialect, PartitionType } from './dialect.ts';

export type IncrementalStrategy = 'merge' | 'insert_overwrite' | 'append' | 'delete+insert';
export type OnSchemaChange = 'ignore' | 'fail' | 'append_new_columns' | 'sync_all_columns';

export interface PartitionBy {
  readonly field: string;
  readonly dataType: PartitionType | 'int64';
  readonly granularity: 'hour' | 'day' | 'month' | 'year';
  /** Integer ranges (BigQuery only). */
  readonly range?: { readonly start: number; readonly end: number; readonly interval: number };
}

/** The part of a model's config that its SQL depends on. */
export interface BuildOptions {
  readonly uniqueKey: readonly string[];
  readonly sequenceBy: readonly string[];
  /** SQL condition over the select's columns: rows for which it holds are deleted, and never inserted. */
  readonly deleteWhen: string | null;
  /** null: all columns but the key. */
  readonly mergeUpdateColumns: readonly string[] | null;
  readonly mergeExcludeColumns: readonly string[];
  /** Conditions over DBT_INTERNAL_DEST and DBT_INTERNAL_SOURCE. */
  readonly incrementalPredicates: readonly string[];
  readonly partitionBy: PartitionBy | null;
  readonly clusterBy: readonly string[];
  readonly onSchemaChange: OnSchemaChange;
  /** BigQuery's table options by their names in DDL, values as SQL: `require_partition_filter` -> `true`. */
  readonly tableOptions: Readonly<Record<string, string>>;
}

/** Days that insert_overwrite replaces, both inclusive, and the keys whose rows can differ in those that exist already. */
export interface OverwriteWindow {
  readonly from: string;
  readonly to: string;
  /** Days from here on are replaced whole; null: none of them. Only used with `keys`. */
  readonly newDaysFrom: string | null;
  /** Relation with one column `_key`; null: every key, so whole days. */
  readonly keys: RelationName | null;
}

export interface BuildInput {
  readonly dialect: Dialect;
  readonly target: RelationName;
  /** The model's compiled select, without a trailing semicolon. */
  readonly select: string;
  readonly options: BuildOptions;
  /** What stands under the target's name now. */
  readonly existing: RelationInfo | undefined;
}

export interface IncrementalInput extends BuildInput {
  readonly existing: RelationInfo;
  /** Columns of the select. */
  readonly incoming: readonly ColumnInfo[];
}

export interface Statement {
  readonly sql: string;
  /** Its affected rows are the model's rows. */
  readonly countRows?: boolean;
  /** ddl: defines a relation. check: a query that fails when a rule is broken. Otherwise it changes rows. */
  readonly kind?: 'ddl' | 'check';
}

/**
 * `stage` makes the staging table, `change` belongs into the transaction that publishes, `cleanup` drops the staging table. Where the
 * dialect stages in the transaction, all three run in it in this order.
 */
export interface BuildScript {
  readonly stage: readonly string[];
  readonly change: readonly Statement[];
  readonly cleanup: readonly string[];
}

export function plainScript(...change: readonly Statement[]): BuildScript {
  return { stage: [], change, cleanup: [] };
}

export function ddl(sql: string): Statement {
  return { sql, kind: 'ddl' };
}

export function check(sql: string): Statement {
  return { sql, kind: 'check' };
}

/**
 * One text, as `target/run/` shows it and the golden files hold it. BigQuery has no DDL in transactions: its adapter runs what defines
 * relations before them, and a script that only defines without one.
 */
export function scriptText(script: BuildScript, dialect: Dialect, staged: 'ahead' | 'inside' = 'inside'): string {
  return `${orderedTexts(script, dialect, staged).join(';\n\n')};\n`;
}

function orderedTexts(
  { stage, change, cleanup }: BuildScript,
  dialect: Dialect,
  staged: 'ahead' | 'inside',
): readonly string[] {
  const texts = (statements: readonly Statement[]): readonly string[] => statements.map(({ sql }) => sql);
  if (staged === 'ahead') return [...stage, 'begin transaction', ...texts(change), ...cleanup, 'commit'];
  if (dialect.stagesInTransaction) return ['begin transaction', ...stage, ...texts(change), ...cleanup, 'commit'];
  if (change.every(({ kind }) => kind !== undefined)) return [...stage, ...texts(change), ...cleanup];
  const before = change.filter(({ kind }) => kind === 'ddl');
  const inside = change.filter(({ kind }) => kind !== 'ddl');
  return [...stage, ...texts(before), 'begin transaction', ...texts(inside), 'commit transaction', ...cleanup];
}
