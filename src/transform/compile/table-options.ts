/**
 * How a model's table is stored: partitions, clustering, and BigQuery's table options by dbt-bigquery's names. All of it is checked here, on every
 * target, against BigQuery's own limits, so that a mistake is found by `sluice parse` and not by a job at night. DuckDB has no such storage:
 * there the settings mean nothing but the partition column of `insert_overwrite`.
 */
import { didYouMean } from '../../config/suggest.ts';
import type { YamlValue } from '../../config/yaml-source.ts';
import type { PartitionBy } from '../sql/build.ts';
import { dialectOf } from '../sql/dialects/index.ts';
import { isMap, textOfValue, type ConfigReader } from './config-reader.ts';

export const PARTITION_TYPES = ['date', 'timestamp', 'datetime', 'int64'] as const;
export const GRANULARITIES = ['hour', 'day', 'month', 'year'] as const;
const PARTITION_KEYS = [
  'field',
  'data_type',
  'granularity',
  'range',
  'time_ingestion_partitioning',
  'copy_partitions',
] as const;

/** BigQuery's limits per table. */
const MAX_PARTITIONS = 10_000;
const MAX_CLUSTER_COLUMNS = 4;
const MAX_LABELS = 64;

const INGESTION_TIME =
  'partitioning by ingestion time is not supported: it puts a row where it was written, not where it belongs, so that a re-run would move it; ' +
  'name a column of the model as field';

export function partitionBy(reader: ConfigReader): PartitionBy | null {
  const raw = reader.raw('partition_by');
  if (raw === undefined || raw === null) return null;
  const map = typeof raw === 'string' ? { field: raw } : raw;
  const problem = (message: string): void => reader.problem('partition_by', message);
  if (!isMap(map)) {
    problem("expected a map with 'field', for example {field: day, data_type: date, granularity: day}");
    return null;
  }
  const known = checkedKeys(map, problem);
  const field = map['field'];
  if (typeof field !== 'string' || field === '') {
    // A misspelled key was named already.
    if (known) problem("'field' is missing: the column to partition by");
    return null;
  }
  if (/^_partition(?:time|date)$/i.test(field)) {
    problem(INGESTION_TIME);
    return null;
  }
  const dataType = wordOf(map, 'data_type', PARTITION_TYPES, problem) ?? 'date';
  const granularity = wordOf(map, 'granularity', GRANULARITIES, problem) ?? 'day';
  const range = integerRange(map, dataType === 'int64', problem);
  if (dataType === 'int64' && map['granularity'] !== undefined)
    problem("'granularity' belongs to dates and times; int64 has 'range'");
  if (dataType === 'date' && granularity === 'hour')
    problem('a date has no hours: give data_type timestamp or datetime, or granularity day');
  return { field, dataType, granularity, ...(range === undefined ? {} : { range }) };
}

/** Whether all keys are ones that dbt knows. */
function checkedKeys(map: Readonly<Record<string, YamlValue>>, problem: (message: string) => void): boolean {
  const unknown = Object.keys(map).filter((key) => !PARTITION_KEYS.some((known) => known === key));
  for (const key of unknown)
    problem(
      `does not know "${key}", expected ${PARTITION_KEYS.slice(0, 4).join(', ')}${didYouMean(key, PARTITION_KEYS)}`,
    );
  if (map['time_ingestion_partitioning'] === true) problem(INGESTION_TIME);
  if (map['copy_partitions'] === true) {
    problem(
      'copy_partitions is not supported: it replaces one partition after the other, and readers would see some days new and some old',
    );
  }
  return unknown.length === 0;
}

/** Case does not count, as in dbt-bigquery. undefined: not given, or wrong (and said so). */
function wordOf<T extends string>(
  map: Readonly<Record<string, YamlValue>>,
  key: string,
  words: readonly T[],
  problem: (message: string) => void,
): T | undefined {
  const value = map[key];
  if (value === undefined || value === null) return undefined;
  const text = textOfValue(value).toLowerCase();
  const word = words.find((candidate) => candidate === text);
  if (word === undefined)
    problem(`${key} came "${textOfValue(value)}", expected one of ${words.join(', ')}${didYouMean(text, words)}`);
  return word;
}

function integerRange(
  map: Readonly<Record<string, YamlValue>>,
  needed: boolean,
  problem: (message: string) => void,
): PartitionBy['range'] {
  const value = map['range'];
  if (!needed && (value === undefined || value === null)) return undefined;
  const range = isMap(value) ? value : {};
  const [start, end, interval] = [range['start'], range['end'], range['interval']].map(integerOf);
  if (!needed || start === undefined || end === undefined || interval === undefined || interval < 1 || end <= start) {
    problem(
      "'range' needs whole numbers: start, end (above start) and interval (1 or more), and belongs to data_type int64",
    );
    return undefined;
  }
  const partitions = Math.ceil((end - start) / interval);
  if (partitions > MAX_PARTITIONS)
    problem(
      `'range' makes ${String(partitions)} partitions, BigQuery has at most ${String(MAX_PARTITIONS)}: a larger interval is needed`,
    );
  return { start, end, interval };
}

function integerOf(value: YamlValue | undefined): number | undefined {
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}

export function clusterBy(reader: ConfigReader): readonly string[] {
  const columns = reader.texts('cluster_by') ?? [];
  if (columns.length > MAX_CLUSTER_COLUMNS)
    reader.problem(
      'cluster_by',
      `names ${String(columns.length)} columns, BigQuery clusters by at most ${String(MAX_CLUSTER_COLUMNS)}`,
    );
  const repeated = columns.find((column, index) => columns.findIndex((other) => sameName(column, other)) !== index);
  if (repeated !== undefined) reader.problem('cluster_by', `names "${repeated}" twice`);
  return columns;
}

function sameName(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

/** `kind`: what the options are for; a view has no partitions. */
export function tableOptions(
  reader: ConfigReader,
  warehouse: 'duckdb' | 'bigquery',
  { kind, partition }: { readonly kind: 'table' | 'view'; readonly partition: PartitionBy | null },
): Readonly<Record<string, string>> {
  const dialect = dialectOf('bigquery');
  const filter = reader.optionalFlag('require_partition_filter');
  const days = positive(reader, 'partition_expiration_days');
  const hours = positive(reader, 'hours_to_expiration');
  const kms = kmsKey(reader);
  const labels = labelsOf(reader);
  if (kind === 'table') checkPartitioned(reader, { filter, days, partition });
  if (warehouse === 'duckdb') return {};
  const ofTables = {
    ...(filter === null ? {} : { require_partition_filter: String(filter) }),
    ...(days === null ? {} : { partition_expiration_days: String(days) }),
    ...(kms === null ? {} : { kms_key_name: dialect.text(kms) }),
  };
  const pairs = labels.map(([name, value]) => `(${dialect.text(name)}, ${dialect.text(value)})`);
  return {
    ...(kind === 'table' ? ofTables : {}),
    ...(hours === null
      ? {}
      : { expiration_timestamp: `timestamp_add(current_timestamp(), interval ${String(hours)} hour)` }),
    ...(pairs.length === 0 ? {} : { labels: `[${pairs.join(', ')}]` }),
  };
}

function positive(reader: ConfigReader, key: string): number | null {
  const value = reader.number(key);
  if (value === 0) reader.problem(key, 'came 0, expected a whole number of 1 or more; leave it out for no expiration');
  return value;
}

function checkPartitioned(
  reader: ConfigReader,
  options: { readonly filter: boolean | null; readonly days: number | null; readonly partition: PartitionBy | null },
): void {
  const { filter, days, partition } = options;
  const isMissing = partition === null && !reader.has('partition_by');
  if (filter === true && isMissing)
    reader.problem('require_partition_filter', 'needs partition_by: there is nothing to filter by');
  if (days === null) return;
  if (isMissing) reader.problem('partition_expiration_days', 'needs partition_by: the table has no partitions');
  else if (partition?.dataType === 'int64')
    reader.problem('partition_expiration_days', 'belongs to partitions by time, the model has integer ranges');
}

const KMS_KEY = /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/;

function kmsKey(reader: ConfigReader): string | null {
  const name = reader.text('kms_key_name');
  if (name === null || KMS_KEY.test(name)) return name;
  reader.problem(
    'kms_key_name',
    `came "${name}", expected projects/<project>/locations/<location>/keyRings/<ring>/cryptoKeys/<key>`,
  );
  return null;
}

/** International letters are allowed, capitals are not. */
const LABEL_KEY = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u;
const LABEL_VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u;

function labelsOf(reader: ConfigReader): readonly (readonly [name: string, value: string])[] {
  const labels = Object.entries(reader.map('labels') ?? {}).map(([name, value]): [string, string] => [
    name,
    value === null ? '' : textOfValue(value),
  ]);
  if (labels.length > MAX_LABELS)
    reader.problem('labels', `has ${String(labels.length)} labels, BigQuery takes at most ${String(MAX_LABELS)}`);
  for (const [name, value] of labels) {
    if (!LABEL_KEY.test(name))
      reader.problem(
        'labels',
        `"${name}" cannot be a label: a small letter, then small letters, digits, "_" and "-", 63 characters`,
      );
    if (!LABEL_VALUE.test(value))
      reader.problem(
        'labels',
        `"${name}" has the value "${value}": small letters, digits, "_" and "-", at most 63 characters`,
      );
  }
  return labels;
}

const POLICY_TAG = /^projects\/[^/\s]+\/locations\/[^/\s]+\/taxonomies\/[^/\s]+\/policyTags\/[^/\s]+$/;

/** The tags of one column that are sound. */
export function policyTags(tags: readonly string[], problem: (message: string) => void): readonly string[] {
  if (tags.length > 1) problem(`a column has at most one policy tag, came ${String(tags.length)}`);
  const wrong = tags.find((tag) => !POLICY_TAG.test(tag));
  if (wrong !== undefined) {
    problem(`came "${wrong}", expected projects/<project>/locations/<location>/taxonomies/<taxonomy>/policyTags/<tag>`);
  }
  return wrong === undefined && tags.length <= 1 ? tags : [];
}
