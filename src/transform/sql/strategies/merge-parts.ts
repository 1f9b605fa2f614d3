/** What MERGE and what stands in for it on DuckDB have in common: which columns, which conditions. */
import type { ColumnInfo } from '../../../core/relation.ts';
import type { BuildInput, IncrementalInput } from '../build.ts';
import type { Dialect } from '../dialect.ts';
import { columnKey } from '../schema-change.ts';
import { DEST, SOURCE } from './source-alias.ts';
import { stagingOf, type Staging } from './staging.ts';

/** Marks staged rows that delete. Ours alone: a model's column of this name does not compile. */
export const DELETE_FLAG = '__sluice_delete';

export interface MergeInput extends IncrementalInput {
  /** Literal bounds of the staged values of the target's first cluster column, as SQL. */
  readonly keyRange?: { readonly column: string; readonly low: string; readonly high: string };
}

/** The model's rows, with the flag where some of them delete. */
export function mergeStaging(input: BuildInput): Staging {
  const { dialect, select, options } = input;
  if (options.deleteWhen === null) return stagingOf(input);
  const flag = `coalesce((${options.deleteWhen}), false) as ${dialect.identifier(DELETE_FLAG)}`;
  return stagingOf({ ...input, select: `select ${SOURCE}.*, ${flag} from (\n${select}\n) as ${SOURCE}` });
}

export type Side = (name: string) => string;

export interface MergeParts {
  readonly source: Side;
  readonly dest: Side;
  /** Marks the staged rows that delete; null: none does. */
  readonly deletes: string | null;
  readonly newer: string | null;
  readonly updated: readonly ColumnInfo[];
}

export function mergeParts(input: MergeInput, columns: readonly ColumnInfo[]): MergeParts {
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
  };
}

export function distinctions(
  dialect: Dialect,
  columns: readonly ColumnInfo[],
  source: Side,
  dest: Side,
): readonly string[] {
  return columns.map(
    ({ name, type }) =>
      `${dialect.comparable(dest(name), type)} is distinct from ${dialect.comparable(source(name), type)}`,
  );
}

export function onConditions({ options, keyRange }: MergeInput, source: Side, dest: Side): string[] {
  const range = keyRange === undefined ? [] : [`${dest(keyRange.column)} between ${keyRange.low} and ${keyRange.high}`];
  return [
    ...options.uniqueKey.map((column) => `${source(column)} = ${dest(column)}`),
    ...range,
    ...options.incrementalPredicates.map((predicate) => `(${predicate})`),
  ];
}

/** The columns that a matched row takes over: dbt's rules, and never the key itself. */
export function updatedColumns({ options }: MergeInput, columns: readonly ColumnInfo[]): readonly ColumnInfo[] {
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
