/**
 * The raw tables (CUSTOMER.md §3) as BigQuery has them: partitioned by month, clustered by key, loaded with an explicit schema.
 *
 * Two columns cannot be what they are on DuckDB:
 * - BigQuery refuses column names that begin with `_PARTITION`, in any case, so `_partition` is `_topic_partition` there, and landing
 *   has a member of that name;
 * - a load job computes nothing, so `_has_value` is a member of landing as well.
 * Both are REQUIRED: landing written without them is refused by the load instead of giving NULLs.
 *
 * The emulator takes every name, so there `_partition` stands beside `_topic_partition` and queries by CUSTOMER.md's names work.
 */
import { RAW_TABLES, type RawColumn, type RawTable } from '../../load/raw-columns.ts';
import type { FieldSchema, TableReference, TableResource, TableSchema } from './rest-types.ts';
import { typeName } from './values.ts';

const RENAMED: Readonly<Record<string, string>> = { _partition: '_topic_partition' };

/** Columns that every row of the stream has; `_seq` finds a batch's rows. */
const REQUIRED: Readonly<Record<RawTable, ReadonlySet<string>>> = {
  stream: new Set(['_topic', '_topic_partition', '_offset', '_has_value', '_batch_id', '_seq']),
  snapshot: new Set(['_snapshot_id', '_batch_id', '_seq']),
  snapshot_load: new Set(),
  dead_letter: new Set(['_batch_id', '_seq']),
};

export const RAW_TABLE_NAMES = Object.keys(RAW_TABLES) as RawTable[];

/** A raw column's name in BigQuery. */
export function rawColumnName(name: string): string {
  return RENAMED[name] ?? name;
}

function fieldOf(table: RawTable, column: RawColumn): FieldSchema {
  const name = rawColumnName(column.name);
  const mode = REQUIRED[table].has(name) ? 'REQUIRED' : 'NULLABLE';
  return { name, type: column.type, mode, description: column.description };
}

/** The columns that have another name in BigQuery, by the name that only the emulator takes. */
function documentedFields(table: RawTable): readonly FieldSchema[] {
  const columns: readonly RawColumn[] = RAW_TABLES[table].columns;
  return columns
    .filter(({ name }) => rawColumnName(name) !== name)
    .map(({ name, type, description }) => ({ name, type, mode: 'NULLABLE', description }));
}

/** Columns that a load into the table fills; the others are NULL until something updates them. */
export function loadSchema(table: RawTable, into: Pick<TableResource, 'schema'>): TableSchema {
  const columns: readonly RawColumn[] = RAW_TABLES[table].columns;
  const present = new Set((into.schema?.fields ?? []).map(({ name }) => name));
  const loaded = columns.filter(
    (column) => column.computed === undefined || REQUIRED[table].has(rawColumnName(column.name)),
  );
  const documented = documentedFields(table).filter(({ name }) => present.has(name));
  return { fields: [...loaded.map((column) => fieldOf(table, column)), ...documented] };
}

/** `takesAnyName`: on the emulator. */
export function rawTableResource(reference: TableReference, table: RawTable, takesAnyName = false): TableResource {
  const { columns, partitionBy, clusterBy } = RAW_TABLES[table];
  return {
    tableReference: reference,
    schema: {
      fields: [...columns.map((column) => fieldOf(table, column)), ...(takesAnyName ? documentedFields(table) : [])],
    },
    ...(partitionBy === null ? {} : { timePartitioning: { type: 'MONTH', field: partitionBy } }),
    ...(clusterBy === null ? {} : { clustering: { fields: [clusterBy] } }),
  };
}

/** `_sluice_batches`: which batches are in the raw tables, one row each, written after their load jobs succeeded. */
export function notesResource(reference: TableReference): TableResource {
  const fields: readonly FieldSchema[] = [
    { name: 'job', type: 'STRING', mode: 'REQUIRED', description: 'The sluice job' },
    { name: 'seq', type: 'INT64', mode: 'REQUIRED', description: 'Number of the batch within the job' },
    { name: 'batch_id', type: 'STRING', mode: 'REQUIRED', description: 'Batch' },
    { name: 'manifest', type: 'STRING', description: 'Fingerprint of what the batch contains' },
    { name: 'replayed_at', type: 'TIMESTAMP', description: 'Logical time, of a batch that replays dead letters' },
    {
      name: 'first_event_at',
      type: 'TIMESTAMP',
      description: 'Bounds of the events: where its rows lie in the stream table',
    },
    { name: 'last_event_at', type: 'TIMESTAMP', description: 'See first_event_at' },
    { name: 'stream_rows', type: 'INT64', description: 'Rows of the batch in the stream table' },
    { name: 'snapshot_rows', type: 'INT64', description: 'Rows of the batch in the snapshot table' },
    { name: 'snapshot_load_rows', type: 'INT64', description: '1 for a batch whose snapshot is admitted' },
    { name: 'dead_letter_rows', type: 'INT64', description: 'Rows of the batch in the dead-letter table' },
    { name: 'loaded_at', type: 'TIMESTAMP', description: 'When the note was written (wall clock, for people only)' },
  ];
  return { tableReference: reference, schema: { fields }, clustering: { fields: ['job', 'seq'] } };
}

export interface TableDifference {
  /** Columns to add. */
  readonly missing: readonly FieldSchema[];
  /** What nobody but a person can have changed, in words. */
  readonly changed: readonly string[];
}

/**
 * Columns that came with a later version than the table: added where they are missing, NULL for the rows of before. Any other column that a table
 * with rows lacks was dropped by somebody, and its values with it: added again as NULL it would say that there never were any.
 */
const ADDED_LATER: ReadonlySet<string> = new Set();

/** How a table that exists differs from what it was created as; further columns are the owner's business. */
export function compareTable(expected: TableResource, found: TableResource): TableDifference {
  const known = new Map((found.schema?.fields ?? []).map((field) => [field.name.toLowerCase(), field]));
  const missing: FieldSchema[] = [];
  const changed: string[] = [];
  for (const field of expected.schema?.fields ?? []) {
    const present = known.get(field.name.toLowerCase());
    if (present === undefined && Number(found.numRows ?? 0) > 0 && !ADDED_LATER.has(field.name))
      changed.push(`column ${field.name} is missing`);
    else if (present === undefined) missing.push({ ...field, mode: 'NULLABLE' });
    else if (typeName(present) !== typeName(field)) {
      changed.push(`column ${field.name} is ${typeName(present)}, expected ${typeName(field)}`);
    }
  }
  const partitioning = (table: TableResource): string => {
    const { timePartitioning } = table;
    return timePartitioning === undefined
      ? 'not partitioned'
      : `partitioned by ${timePartitioning.type ?? '?'} of ${timePartitioning.field ?? 'ingestion time'}`;
  };
  if (found.type !== undefined && found.type !== 'TABLE')
    changed.push(`it is a ${found.type.toLowerCase()}, expected a table`);
  else if (partitioning(found) !== partitioning(expected))
    changed.push(`it is ${partitioning(found)}, expected ${partitioning(expected)}`);
  return { missing, changed };
}
