/** The raw tables' columns (CUSTOMER.md §3 and ours behind them), in types that both warehouses have. */

export type RawType = 'STRING' | 'INT64' | 'BOOL' | 'TIMESTAMP';

export interface RawColumn {
  readonly name: string;
  readonly type: RawType;
  /** Not a member of the envelope: computed while loading, as SQL over the envelope's members. */
  readonly computed?: string;
  readonly description: string;
}

const EPOCH: RawColumn = {
  name: '_epoch',
  type: 'INT64',
  description: "The topic's life under this job: +1 each time a recreated topic was accepted",
};
const SEQ: RawColumn = { name: '_seq', type: 'INT64', description: 'Number of the batch within the job' };
const BATCH: RawColumn = { name: '_batch_id', type: 'STRING', description: 'Batch that landed the record' };
const OBJECT: RawColumn = { name: '_object', type: 'STRING', description: 'Landing object that holds the record' };
const JSON_COLUMN: RawColumn = {
  name: '_json',
  type: 'STRING',
  description:
    'The value rewritten where a JSON reader would lose digits or take the first of duplicate names; else null',
};

export const STREAM_COLUMNS: readonly RawColumn[] = [
  { name: '_topic', type: 'STRING', description: 'Topic' },
  { name: '_partition', type: 'INT64', description: 'Partition' },
  { name: '_offset', type: 'INT64', description: 'Offset' },
  { name: '_timestamp', type: 'TIMESTAMP', description: 'Broker timestamp (UTC)' },
  { name: '_key', type: 'STRING', description: 'Record key' },
  { name: '_headers', type: 'STRING', description: 'Headers as a JSON list of {key, value}' },
  { name: '_op', type: 'STRING', description: 'c create, u update, d delete' },
  { name: '_event_at', type: 'TIMESTAMP', description: 'Event time (UTC); broker timestamp for a tombstone' },
  { name: 'value', type: 'STRING', description: 'The text as it came; null for a tombstone' },
  BATCH,
  OBJECT,
  EPOCH,
  SEQ,
  JSON_COLUMN,
  { name: '_has_value', type: 'BOOL', computed: 'value is not null', description: 'False for a tombstone' },
];

export const SNAPSHOT_COLUMNS: readonly RawColumn[] = [
  { name: '_snapshot_id', type: 'STRING', description: 'Snapshot' },
  { name: '_snapshot_started_at', type: 'TIMESTAMP', description: 'S0: start of the download (UTC)' },
  { name: '_page', type: 'INT64', description: 'Page, from 1' },
  { name: '_row', type: 'INT64', description: 'Place within the page, from 0' },
  { name: '_key', type: 'STRING', description: 'Id of the row' },
  { name: 'value', type: 'STRING', description: 'The row as it came' },
  BATCH,
  OBJECT,
  { name: '_event_at', type: 'TIMESTAMP', description: 'Event time of the row (UTC); null when the API names none' },
  SEQ,
  JSON_COLUMN,
];

export const SNAPSHOT_LOAD_COLUMNS: readonly RawColumn[] = [
  { name: '_snapshot_id', type: 'STRING', description: 'Admitted snapshot' },
  { name: '_snapshot_started_at', type: 'TIMESTAMP', description: 'S0: start of the download (UTC)' },
  { name: '_snapshot_finished_at', type: 'TIMESTAMP', description: 'S1: end of the download (UTC)' },
  { name: '_snapshot_complete', type: 'BOOL', description: 'Its absences count' },
  { name: '_rows', type: 'INT64', description: 'Good rows' },
  { name: '_total', type: 'INT64', description: "The last page's total" },
  BATCH,
  SEQ,
];

/** Dead letters of events and of REST rows; the members that one kind lacks are null. */
export const DEAD_LETTER_COLUMNS: readonly RawColumn[] = [
  { name: '_topic', type: 'STRING', description: 'Topic; null for a REST row' },
  { name: '_partition', type: 'INT64', description: 'Partition' },
  { name: '_offset', type: 'INT64', description: 'Offset' },
  { name: '_timestamp', type: 'TIMESTAMP', description: 'Broker timestamp (UTC)' },
  { name: '_snapshot_id', type: 'STRING', description: 'Snapshot of a REST row' },
  { name: '_page', type: 'INT64', description: 'Page of a REST row' },
  { name: '_row', type: 'INT64', description: 'Place within the page' },
  { name: 'key_base64', type: 'STRING', description: 'Key bytes in base64' },
  { name: 'value_base64', type: 'STRING', description: 'Value bytes in base64' },
  { name: 'reason_code', type: 'STRING', description: 'Why it is bad, as a code' },
  { name: 'reason', type: 'STRING', description: 'Why it is bad, in words' },
  { name: 'json_path', type: 'STRING', description: 'Path of the offending field' },
  BATCH,
  {
    name: '_replayed_at',
    type: 'TIMESTAMP',
    computed: 'cast(null as timestamp)',
    description: 'Logical time of the replay that landed it after all',
  },
  { name: '_key', type: 'STRING', description: 'The key as text, where it is readable' },
  { name: '_headers', type: 'STRING', description: 'Headers as a JSON list of {key, value}' },
  OBJECT,
  EPOCH,
  SEQ,
];

/** Partition column of each raw table (month); `raw_<entity>_snapshot_load` has none. */
export const RAW_TABLES = {
  stream: { columns: STREAM_COLUMNS, partitionBy: '_event_at', clusterBy: '_key' },
  snapshot: { columns: SNAPSHOT_COLUMNS, partitionBy: '_snapshot_started_at', clusterBy: '_key' },
  snapshot_load: { columns: SNAPSHOT_LOAD_COLUMNS, partitionBy: null, clusterBy: null },
  dead_letter: { columns: DEAD_LETTER_COLUMNS, partitionBy: '_timestamp', clusterBy: null },
} as const;

export type RawTable = keyof typeof RAW_TABLES;

export function rawTableName(entity: string, table: RawTable, suffix = ''): string {
  return `raw_${entity}_${table}${suffix}`;
}

/** Which role of landing objects fills which table. */
export const ROLE_TABLES = { stream: 'stream', snapshot: 'snapshot', dead: 'dead_letter' } as const;
