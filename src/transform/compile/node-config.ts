/** The settings of models, seeds and data tests in their typed form; names and meanings are dbt's where dbt has them. */
import type { YamlValue } from '../../config/yaml-source.ts';
import type { BuildOptions, IncrementalStrategy, OnSchemaChange } from '../sql/build.ts';
import { DELETE_FLAG } from '../sql/strategies/merge-parts.ts';
import { DIFFERS, PLACE, SOURCE_PLACE } from '../sql/strategies/replace-rows.ts';
import { isMap, textOfValue, type ConfigReader } from './config-reader.ts';
import { clusterBy, partitionBy, tableOptions } from './table-options.ts';

export type Materialization = 'view' | 'table' | 'incremental' | 'ephemeral';

export interface CommonConfig {
  readonly enabled: boolean;
  /** Custom schema and alias as written; `generate_schema_name` and `generate_alias_name` make names of them. */
  readonly schema: string | null;
  readonly database: string | null;
  readonly alias: string | null;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, YamlValue>>;
  readonly persistDocs: { readonly relation: boolean; readonly columns: boolean };
  /** false: `--full-refresh` leaves the table alone; true: every run rebuilds it; null: the flag decides. */
  readonly fullRefresh: boolean | null;
  /** Everything as it was written, for `config.get()` and the manifest. */
  readonly written: Readonly<Record<string, YamlValue>>;
}

export interface ModelConfig extends CommonConfig {
  readonly materialized: Materialization;
  /** null unless incremental. */
  readonly strategy: IncrementalStrategy | null;
  readonly build: BuildOptions;
  readonly preHooks: readonly string[];
  readonly postHooks: readonly string[];
}

export interface SeedConfig extends CommonConfig {
  readonly columnTypes: Readonly<Record<string, string>>;
  readonly delimiter: string;
}

export interface TestConfig {
  readonly enabled: boolean;
  readonly severity: 'error' | 'warn';
  /** Comparisons with the number of failures, `> 10`. */
  readonly warnIf: string;
  readonly errorIf: string;
  readonly where: string | null;
  readonly limit: number | null;
  readonly failCalc: string;
  readonly storeFailures: boolean;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, YamlValue>>;
  readonly written: Readonly<Record<string, YamlValue>>;
}

const MATERIALIZATIONS = ['view', 'table', 'incremental', 'ephemeral'] as const;
const STRATEGIES = ['merge', 'insert_overwrite', 'append', 'delete+insert', 'microbatch'] as const;
const SCHEMA_CHANGES = ['ignore', 'fail', 'append_new_columns', 'sync_all_columns'] as const;

type Written = CommonConfig['written'];

function commonConfig(reader: ConfigReader, written: Written): CommonConfig {
  reader.map('docs');
  return {
    enabled: reader.flag('enabled', true),
    schema: reader.text('schema') ?? reader.text('dataset'),
    database: reader.text('database') ?? reader.text('project'),
    alias: reader.text('alias'),
    tags: reader.texts('tags') ?? [],
    meta: reader.map('meta') ?? {},
    persistDocs: persistDocs(reader),
    fullRefresh: reader.optionalFlag('full_refresh'),
    written,
  };
}

/** On unless switched off: a description that nobody sees in the warehouse helps nobody there. */
function persistDocs(reader: ConfigReader): CommonConfig['persistDocs'] {
  const map = reader.map('persist_docs') ?? {};
  const unknown = Object.keys(map).filter((key) => key !== 'relation' && key !== 'columns');
  if (unknown.length > 0)
    reader.problem('persist_docs', `knows "relation" and "columns", came "${unknown.join('", "')}"`);
  return { relation: map['relation'] !== false, columns: map['columns'] !== false };
}

export function modelConfig(reader: ConfigReader, written: Written, warehouse: 'duckdb' | 'bigquery'): ModelConfig {
  const common = commonConfig(reader, written);
  const materialized = reader.word('materialized', MATERIALIZATIONS) ?? 'view';
  const build = buildOptions(reader, warehouse, materialized);
  const strategy = incrementalStrategy(reader, materialized, build);
  const config: ModelConfig = {
    ...common,
    materialized,
    strategy,
    build,
    preHooks: hooks(reader, 'pre_hook'),
    postHooks: hooks(reader, 'post_hook'),
  };
  if (warehouse === 'duckdb') reader.map('grants');
  else if (reader.map('grants') !== null) reader.problem('grants', 'is not supported yet');
  reader.unknown();
  return config;
}

/** A hook is SQL text, or dbt's map `{sql: …, transaction: …}`. */
function hooks(reader: ConfigReader, key: 'pre_hook' | 'post_hook'): readonly string[] {
  const raw = reader.raw(key);
  if (raw === undefined || raw === null) return [];
  const list: readonly YamlValue[] = Array.isArray(raw) ? (raw as readonly YamlValue[]) : [raw];
  return list.flatMap((hook) => {
    const sql = isMap(hook) ? hook['sql'] : hook;
    if (typeof sql === 'string') return [sql];
    reader.problem(key, 'expected SQL text or a list of SQL texts');
    return [];
  });
}

function incrementalStrategy(
  reader: ConfigReader,
  materialized: Materialization,
  build: BuildOptions,
): IncrementalStrategy | null {
  const word = reader.word('incremental_strategy', STRATEGIES);
  if (materialized !== 'incremental') return null;
  if (word === 'microbatch') {
    reader.problem(
      'incremental_strategy',
      "'microbatch' is not supported yet; use 'insert_overwrite' with partition_by",
    );
    return 'append';
  }
  // As in dbt: a key means merge. Without one nothing can be matched, and appending has to be asked for by name.
  const strategy = word ?? (build.uniqueKey.length > 0 ? 'merge' : null);
  if (strategy === null) {
    reader.problem('incremental_strategy', "is missing: 'merge' needs a unique_key, the others must be named");
    return 'append';
  }
  checkStrategy(reader, strategy, build);
  return strategy;
}

function checkStrategy(reader: ConfigReader, strategy: IncrementalStrategy, build: BuildOptions): void {
  if ((strategy === 'merge' || strategy === 'delete+insert') && build.uniqueKey.length === 0) {
    reader.problem('unique_key', `is missing: strategy '${strategy}' matches rows by it`);
  }
  if (strategy === 'insert_overwrite') {
    const partition = build.partitionBy;
    if (partition === null && !reader.has('partition_by'))
      reader.problem('partition_by', "is missing: strategy 'insert_overwrite' replaces its partitions");
    if (partition?.dataType === 'int64') {
      // Hours lie within a day, and a day's rows can be told within a month or a year: those work, only the price differs.
      reader.problem(
        'partition_by',
        "'insert_overwrite' replaces days, and integer ranges hold none: partition by a date or a time",
      );
    }
  }
  const only: Readonly<Record<string, boolean>> = {
    sequence_by: build.sequenceBy.length > 0,
    merge_update_columns: build.mergeUpdateColumns !== null,
    merge_exclude_columns: build.mergeExcludeColumns.length > 0,
    delete_when: build.deleteWhen !== null,
  };
  for (const [key, isSet] of Object.entries(only)) {
    if (isSet && strategy !== 'merge') reader.problem(key, `belongs to strategy 'merge', the model has '${strategy}'`);
  }
}

function buildOptions(
  reader: ConfigReader,
  warehouse: 'duckdb' | 'bigquery',
  materialized: Materialization,
): BuildOptions {
  const mergeUpdateColumns = reader.texts('merge_update_columns');
  const mergeExcludeColumns = reader.texts('merge_exclude_columns') ?? [];
  if (mergeUpdateColumns !== null && mergeExcludeColumns.length > 0) {
    reader.problem('merge_exclude_columns', 'cannot stand together with merge_update_columns');
  }
  const partition = partitionBy(reader);
  const kind = materialized === 'table' || materialized === 'incremental' ? 'table' : 'view';
  return {
    uniqueKey: reader.texts('unique_key') ?? [],
    sequenceBy: reader.texts('sequence_by') ?? [],
    deleteWhen: reader.text('delete_when'),
    mergeUpdateColumns,
    mergeExcludeColumns,
    incrementalPredicates: reader.texts('incremental_predicates') ?? [],
    partitionBy: partition,
    clusterBy: clusterBy(reader),
    onSchemaChange: reader.word<OnSchemaChange>('on_schema_change', SCHEMA_CHANGES) ?? 'ignore',
    tableOptions: tableOptions(reader, warehouse, { kind, partition }),
  };
}

export function seedConfig(reader: ConfigReader, written: Written): SeedConfig {
  const types = reader.map('column_types') ?? {};
  for (const [column, type] of Object.entries(types)) {
    if (typeof type !== 'string' || !COLUMN_TYPE.test(type)) {
      reader.problem(
        'column_types',
        `the type of "${column}" is no type name: expected text like int64, numeric(18,2), date`,
      );
    }
  }
  const delimiter = reader.text('delimiter') ?? ',';
  if (delimiter.length !== 1) reader.problem('delimiter', `came "${delimiter}", expected one character`);
  reader.optionalFlag('quote_columns');
  const config = {
    ...commonConfig(reader, written),
    columnTypes: Object.fromEntries(Object.entries(types).map(([column, type]) => [column, textOfValue(type)])),
    delimiter,
  };
  reader.unknown();
  return config;
}

/** A type name goes into DDL unquoted, so nothing but one may stand there. */
export const COLUMN_TYPE = /^[A-Za-z][A-Za-z0-9_ ]*(?:\(\s*\d+\s*(?:,\s*\d+\s*)?\))?(?:\[\])?$/;
const COMPARISON = /^\s*(?:=|==|!=|<>|<|<=|>|>=)\s*-?\d+(?:\.\d+)?\s*$/;

export function testConfig(reader: ConfigReader, written: Written): TestConfig {
  const comparison = (key: string): string => {
    const text = reader.text(key);
    if (text !== null && !COMPARISON.test(text))
      reader.problem(key, `came "${text}", expected a comparison such as ">10" or "!= 0"`);
    return text === null ? '!= 0' : text.replace('==', '=');
  };
  const severity = reader.text('severity')?.toLowerCase() ?? 'error';
  if (severity !== 'error' && severity !== 'warn')
    reader.problem('severity', `came "${severity}", expected error or warn`);
  const config: TestConfig = {
    enabled: reader.flag('enabled', true),
    severity: severity === 'warn' ? 'warn' : 'error',
    warnIf: comparison('warn_if'),
    errorIf: comparison('error_if'),
    where: reader.text('where'),
    limit: reader.number('limit'),
    failCalc: reader.text('fail_calc') ?? 'count(*)',
    storeFailures: reader.flag('store_failures', false),
    tags: reader.texts('tags') ?? [],
    meta: reader.map('meta') ?? {},
    written,
  };
  reader.unknown();
  return config;
}

/** Names that sluice itself puts beside a model's columns. */
export const RESERVED_COLUMNS: readonly string[] = [DELETE_FLAG, PLACE, SOURCE_PLACE, DIFFERS];
