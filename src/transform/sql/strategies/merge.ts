/**
 * MERGE by `unique_key`: one row per key, changed rows only.
 *
 * The rows are staged first: MERGE takes a named table as its source (BigQuery's emulator takes nothing else), the select may read the
 * target, and keys are checked before anything changes. Where dbt has "matched: update" and "not matched: insert" alone, this one
 *
 * - leaves a row untouched when no column differs (`is distinct from`), so that its cost and its row count follow the change;
 * - never lets an older row overwrite a newer one (`sequence_by`, compared in order, NULL first; equal counts as newer, so that a
 *   corrected row of the same version comes through);
 * - deletes the rows for which `delete_when` holds, and does not insert them;
 * - refuses NULL and repeated keys instead of doing something else silently.
 *
 * DuckDB runs all of it in one transaction, and where whole rows are written it does the same without MERGE (`replaceStatements`). BigQuery stages into an ordinary table before the script, and takes literal bounds of
 * the staged keys on the clustered target (`keyRange`): a join on a clustered column alone prunes nothing (FACTS.md §5).
 */
import type { ColumnInfo } from '../../../core/relation.ts';
import { check, ddl, type BuildScript, type IncrementalInput, type Statement } from '../build.ts';
import { duplicateKeys, nullKeys } from '../checks.ts';
import { columnKey, planSchemaChange } from '../schema-change.ts';
import { insertStatement } from './insert.ts';
import { DEST, SOURCE } from './source-alias.ts';

/** Marks staged rows that delete. Ours alone: a model's column of this name does not compile. */
export const DELETE_FLAG = '__sluice_delete';

/** The place of the row that a changed row replaces. Ours alone as well. */
export const PLACE = '__sluice_place';

export interface MergeInput extends IncrementalInput {
  /** Literal bounds of the staged values of the target's first cluster column, as SQL. */
  readonly keyRange?: { readonly column: string; readonly low: string; readonly high: string };
}

export function buildMerge(input: MergeInput): BuildScript {
  const { dialect, options } = input;
  const staging = dialect.stagingRelation(input.target);
  const { alter, columns } = planSchemaChange(input);
  const writes: readonly Statement[] = writesWholeRows(input, columns)
    ? replaceStatements(input, columns)
    : [{ sql: mergeStatement(input, columns), countRows: true }];
  return {
    stage: [dialect.createStaging(staging, stagedSelect(input))],
    change: [
      check(nullKeys(dialect, staging, options.uniqueKey)),
      check(duplicateKeys(dialect, staging, options.uniqueKey)),
      ...alter.map(ddl),
      ...writes,
    ],
    cleanup: [dialect.dropStaging(staging)],
  };
}

function stagedSelect({ dialect, select, options }: MergeInput): string {
  if (options.deleteWhen === null) return select;
  const flag = `coalesce((${options.deleteWhen}), false) as ${dialect.identifier(DELETE_FLAG)}`;
  return `select ${SOURCE}.*, ${flag} from (\n${select}\n) as ${SOURCE}`;
}

/** Whether a matched row gets a new value in every column, so that nothing of it has to stay. */
function writesWholeRows(input: MergeInput, columns: readonly ColumnInfo[]): boolean {
  const { dialect, options, existing } = input;
  if (dialect.name !== 'duckdb') return false;
  const written = new Set(
    [...options.uniqueKey, ...updatedColumns(input, columns).map(({ name }) => name)].map(columnKey),
  );
  const staying = options.onSchemaChange === 'sync_all_columns' ? columns : [...columns, ...existing.columns];
  // A column of that name hides the row's place.
  return staying.every(({ name }) => written.has(columnKey(name)) && columnKey(name) !== 'rowid');
}

/**
 * MERGE's rows and its count on DuckDB, in a third of the time (10,000 rows of 200,000: 0.4 s with the commit): an update there goes column by
 * column, and the commit writes every row group that it touched all over again, whereas deleted rows are marks and new ones are appended, which
 * DuckDB puts together every few runs. Rows go by their place, so that a key that stands twice in the target is dealt with as MERGE does.
 */
function replaceStatements(input: MergeInput, columns: readonly ColumnInfo[]): readonly Statement[] {
  const { dialect, options, target } = input;
  const staging = dialect.stagingRelation(target);
  const changed = { ...staging, name: `${staging.name} changed` };
  const { source, dest, deletes, newer, differs } = mergeParts(input, columns);
  const keys = new Set(options.uniqueKey.map(columnKey));
  const values = columns.map(({ name }) => {
    const column = dialect.identifier(name);
    // A matched row keeps its key as it is written there: equal keys may be different texts.
    return keys.has(columnKey(name)) ? `coalesce(${dest(name)}, ${source(name)}) as ${column}` : source(name);
  });
  const place = dialect.identifier(PLACE);
  const differing = [...(deletes === null ? [] : [deletes]), ...differs];
  const matched = [
    `${DEST}.rowid is not null`,
    ...(newer === null ? [] : [newer]),
    `(\n  ${differing.join('\n  or ')}\n)`,
  ];
  const select = [
    `select ${values.join(', ')}, ${DEST}.rowid as ${place}${deletes === null ? '' : `, ${deletes}`}`,
    `from ${dialect.relation(staging)} as ${SOURCE}`,
    `left join ${dialect.relation(target)} as ${DEST} on ${onConditions(input, source, dest).join('\n  and ')}`,
    `where ${DEST}.rowid is null${deletes === null ? '' : ` and not ${deletes}`}`,
    ...(differing.length === 0 ? [] : [`or ${matched.join(' and ')}`]),
  ];
  const rows = dialect.relation(changed);
  const inserted = deletes === null ? rows : `${rows}\nwhere not ${dialect.identifier(DELETE_FLAG)}`;
  return [
    { sql: dialect.createStaging(changed, select.join('\n')), countRows: true },
    { sql: `delete from ${dialect.relation(target)}\nwhere rowid in (select ${place} from ${rows})` },
    { sql: insertStatement(dialect, target, columns, inserted) },
    { sql: dialect.dropStaging(changed) },
  ];
}

interface MergeParts {
  readonly source: Side;
  readonly dest: Side;
  /** Marks the staged rows that delete; null: none does. */
  readonly deletes: string | null;
  readonly newer: string | null;
  readonly updated: readonly ColumnInfo[];
  readonly differs: readonly string[];
}

function mergeParts(input: MergeInput, columns: readonly ColumnInfo[]): MergeParts {
  const { dialect, options } = input;
  const source = (name: string): string => `${SOURCE}.${dialect.identifier(name)}`;
  const dest = (name: string): string => `${DEST}.${dialect.identifier(name)}`;
  const updated = updatedColumns(input, columns);
  return {
    source,
    dest,
    deletes: options.deleteWhen === null ? null : source(DELETE_FLAG),
    newer: sequenceGuard(options.sequenceBy, source, dest),
    updated,
    differs: updated.map(
      ({ name, type }) =>
        `${dialect.comparable(dest(name), type)} is distinct from ${dialect.comparable(source(name), type)}`,
    ),
  };
}

function mergeStatement(input: MergeInput, columns: readonly ColumnInfo[]): string {
  const { dialect } = input;
  const { source, dest, deletes, newer, updated, differs } = mergeParts(input, columns);
  const insertable = deletes === null ? '' : ` and not ${deletes}`;
  const names = columns.map(({ name }) => dialect.identifier(name)).join(', ');
  const lines = [
    `merge into ${dialect.relation(input.target)} as ${DEST}`,
    `using ${dialect.relation(dialect.stagingRelation(input.target))} as ${SOURCE}`,
    `on ${onConditions(input, source, dest).join('\n  and ')}`,
  ];
  if (deletes !== null) lines.push(`when matched${and(newer)} and ${deletes} then delete`);
  if (updated.length > 0) {
    const sets = updated.map(({ name }) => `  ${dialect.identifier(name)} = ${source(name)}`);
    lines.push(
      `when matched${and(newer)}${insertable} and (\n  ${differs.join('\n  or ')}\n) then update set\n${sets.join(',\n')}`,
    );
  }
  const values = columns.map(({ name }) => source(name)).join(', ');
  lines.push(`when not matched${insertable} then insert (${names})\nvalues (${values})`);
  return lines.join('\n');
}

function and(condition: string | null): string {
  return condition === null ? '' : ` and ${condition}`;
}

type Side = (name: string) => string;

function onConditions({ options, keyRange }: MergeInput, source: Side, dest: Side): string[] {
  const range = keyRange === undefined ? [] : [`${dest(keyRange.column)} between ${keyRange.low} and ${keyRange.high}`];
  return [
    ...options.uniqueKey.map((column) => `${source(column)} = ${dest(column)}`),
    ...range,
    ...options.incrementalPredicates.map((predicate) => `(${predicate})`),
  ];
}

/** The columns that a matched row takes over: dbt's rules, and never the key itself. */
function updatedColumns({ options }: MergeInput, columns: readonly ColumnInfo[]): readonly ColumnInfo[] {
  const keys = new Set(options.uniqueKey.map(columnKey));
  const excluded = new Set(options.mergeExcludeColumns.map(columnKey));
  const only = options.mergeUpdateColumns === null ? null : new Set(options.mergeUpdateColumns.map(columnKey));
  return columns.filter(({ name }) => {
    const key = columnKey(name);
    return !keys.has(key) && !excluded.has(key) && (only === null || only.has(key));
  });
}

/** true for a source row that is not older: its sequence columns, compared one after the other, are greater or all equal. */
export function sequenceGuard(sequence: readonly string[], source: Side, dest: Side): string | null {
  const [first, ...rest] = sequence;
  if (first === undefined) return null;
  const tail = sequenceGuard(rest, source, dest);
  const [s, d] = [source(first), dest(first)];
  if (tail === null) return `(${d} is null or ${s} >= ${d})`;
  const greater = `(${d} is null and ${s} is not null) or ${s} > ${d}`;
  return `(${greater} or (${s} is not distinct from ${d} and ${tail}))`;
}
