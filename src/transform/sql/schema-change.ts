/** `on_schema_change`: what to do when the model's select no longer has the table's columns (names as in dbt). */
import { SluiceError } from '../../core/errors.ts';
import type { ColumnInfo } from '../../core/relation.ts';
import type { IncrementalInput } from './build.ts';

export interface SchemaChange {
  /** DDL to run before rows are written. */
  readonly alter: readonly string[];
  /** Columns to write, in the table's order, with the types they have afterwards. */
  readonly columns: readonly ColumnInfo[];
}

export interface Difference {
  readonly added: readonly ColumnInfo[];
  readonly removed: readonly ColumnInfo[];
  readonly retyped: readonly { readonly before: ColumnInfo; readonly after: ColumnInfo }[];
}

/** Column names are compared as both warehouses do: without case. */
export function columnKey(name: string): string {
  return name.toLowerCase();
}

export function differenceOf(existing: readonly ColumnInfo[], incoming: readonly ColumnInfo[]): Difference {
  const before = new Map(existing.map((column) => [columnKey(column.name), column]));
  const after = new Map(incoming.map((column) => [columnKey(column.name), column]));
  const retyped = existing.flatMap((column) => {
    const now = after.get(columnKey(column.name));
    return now === undefined || now.type === column.type ? [] : [{ before: column, after: now }];
  });
  return {
    added: incoming.filter((column) => !before.has(columnKey(column.name))),
    removed: existing.filter((column) => !after.has(columnKey(column.name))),
    retyped,
  };
}

export function planSchemaChange(input: IncrementalInput): SchemaChange {
  const existing = input.existing.columns;
  const difference = differenceOf(existing, input.incoming);
  switch (input.options.onSchemaChange) {
    case 'ignore':
      // As in dbt: new columns wait for a full refresh; a missing one has no value that would be right.
      if (difference.removed.length > 0) throw changed(input, difference);
      return { alter: [], columns: existing };
    case 'fail':
      if (difference.added.length + difference.removed.length + difference.retyped.length > 0) {
        throw changed(input, difference);
      }
      return { alter: [], columns: existing };
    case 'append_new_columns': {
      const kept = existing.filter((column) => !difference.removed.includes(column));
      return { alter: adding(input, difference), columns: [...kept, ...difference.added] };
    }
    case 'sync_all_columns':
      return {
        alter: [...adding(input, difference), ...dropping(input, difference), ...retyping(input, difference)],
        columns: synced(existing, difference),
      };
  }
}

function synced(existing: readonly ColumnInfo[], difference: Difference): readonly ColumnInfo[] {
  const types = new Map(difference.retyped.map(({ before, after }) => [before, after.type]));
  const kept = existing.filter((column) => !difference.removed.includes(column));
  return [
    ...kept.map((column) => ({ name: column.name, type: types.get(column) ?? column.type })),
    ...difference.added,
  ];
}

function adding({ dialect, target }: IncrementalInput, difference: Difference): string[] {
  return altering(
    { dialect, target },
    difference.added.map(({ name, type }) => `add column if not exists ${dialect.identifier(name)} ${type}`),
  );
}

function dropping({ dialect, target }: IncrementalInput, difference: Difference): string[] {
  return altering(
    { dialect, target },
    difference.removed.map(({ name }) => `drop column if exists ${dialect.identifier(name)}`),
  );
}

/**
 * `if not exists`: DDL is in no transaction on BigQuery, so a script that runs again (it lost against another one) finds it done. One statement
 * for all columns there: BigQuery takes five changes of a table in ten seconds; DuckDB takes one column per statement.
 */
function altering(
  { dialect, target }: Pick<IncrementalInput, 'dialect' | 'target'>,
  changes: readonly string[],
): string[] {
  const head = `alter table ${dialect.relation(target)} `;
  if (changes.length === 0) return [];
  return dialect.name === 'bigquery' ? [head + changes.join(', ')] : changes.map((change) => head + change);
}

function retyping({ dialect, target }: IncrementalInput, difference: Difference): string[] {
  return difference.retyped.map(
    ({ after }) =>
      `alter table ${dialect.relation(target)} alter column ${dialect.identifier(after.name)} set data type ${after.type}`,
  );
}

function changed(input: IncrementalInput, difference: Difference): SluiceError {
  const list = (columns: readonly ColumnInfo[]): string =>
    columns.map(({ name, type }) => `${name} ${type}`).join(', ');
  const parts = [
    difference.added.length === 0 ? '' : `new: ${list(difference.added)}`,
    difference.removed.length === 0 ? '' : `missing: ${list(difference.removed)}`,
    difference.retyped.length === 0
      ? ''
      : `other type: ${difference.retyped.map(({ before, after }) => `${before.name} ${before.type} -> ${after.type}`).join(', ')}`,
  ].filter((part) => part !== '');
  return new SluiceError(
    'model_failed',
    `the columns of ${input.dialect.relation(input.target)} and of the model differ (${parts.join('; ')}), and on_schema_change is '${input.options.onSchemaChange}'`,
    {
      hint: "Rebuild the model with --full-refresh, or set on_schema_change to 'append_new_columns' or 'sync_all_columns'.",
    },
  );
}
