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
 * DuckDB runs all of it in one transaction. BigQuery stages into an ordinary table before the script, and takes literal bounds of
 * the staged keys on the clustered target (`keyRange`): a join on a clustered column alone prunes nothing (FACTS.md §5).
 */
import type { ColumnInfo } from '../../../core/relation.ts';
import { check, ddl, type BuildScript, type IncrementalInput } from '../build.ts';
import { duplicateKeys, nullKeys } from '../checks.ts';
import { columnKey, planSchemaChange } from '../schema-change.ts';
import { DEST, SOURCE } from './source-alias.ts';

/** Marks staged rows that delete. Ours alone: a model's column of this name does not compile. */
export const DELETE_FLAG = '__sluice_delete';

export interface MergeInput extends IncrementalInput {
  /** Literal bounds of the staged values of the target's first cluster column, as SQL. */
  readonly keyRange?: { readonly column: string; readonly low: string; readonly high: string };
}

export function buildMerge(input: MergeInput): BuildScript {
  const { dialect, options } = input;
  const staging = dialect.stagingRelation(input.target);
  const { alter, columns } = planSchemaChange(input);
  return {
    stage: [dialect.createStaging(staging, stagedSelect(input))],
    change: [
      check(nullKeys(dialect, staging, options.uniqueKey)),
      check(duplicateKeys(dialect, staging, options.uniqueKey)),
      ...alter.map(ddl),
      { sql: mergeStatement(input, columns), countRows: true },
    ],
    cleanup: [dialect.dropStaging(staging)],
  };
}

function stagedSelect({ dialect, select, options }: MergeInput): string {
  if (options.deleteWhen === null) return select;
  const flag = `coalesce((${options.deleteWhen}), false) as ${dialect.identifier(DELETE_FLAG)}`;
  return `select ${SOURCE}.*, ${flag} from (\n${select}\n) as ${SOURCE}`;
}

function mergeStatement(input: MergeInput, columns: readonly ColumnInfo[]): string {
  const { dialect, options } = input;
  const source = (name: string): string => `${SOURCE}.${dialect.identifier(name)}`;
  const dest = (name: string): string => `${DEST}.${dialect.identifier(name)}`;
  const deletes = options.deleteWhen === null ? null : source(DELETE_FLAG);
  const newer = sequenceGuard(options.sequenceBy, source, dest);
  const updated = updatedColumns(input, columns);
  const differs = updated.map(
    ({ name, type }) =>
      `${dialect.comparable(dest(name), type)} is distinct from ${dialect.comparable(source(name), type)}`,
  );
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
