/**
 * A job as data: where an entity's changes come from, their schema, which models it publishes. `defineJob` (config/define-job.ts)
 * checks what the user wrote and fills in the defaults; everything behind it sees only this frozen form.
 */
import type { Op } from './record.ts';

/** Column types that both warehouses know. `NUMERIC(p,s)` is exact; JSON stays JSON. */
export type SqlType =
  'STRING' | 'INT64' | 'FLOAT64' | 'BOOL' | 'DATE' | 'TIMESTAMP' | 'JSON' | `NUMERIC(${number},${number})`;

export interface EntityColumn {
  /** Column in the published tables. */
  readonly name: string;
  /** Field of the event value (top level). */
  readonly field: string;
  readonly type: SqlType;
  readonly required: boolean;
  /** Allowed values for strings, if the schema names them (`enum`). */
  readonly values?: readonly string[];
}

export interface TopicDefinition {
  readonly name: string;
  /** Fixed by the topic, or read from a field of the value (`values` maps its texts; anything else is a dead letter). */
  readonly op:
    Exclude<Op, 'r'> | { readonly field: string; readonly values: Readonly<Record<string, Exclude<Op, 'r'>>> };
}

export type Paginator =
  | {
      readonly type: 'cursor';
      readonly parameter: string;
      readonly nextPath: string;
      readonly limitParameter?: string;
      readonly limit?: number;
    }
  | {
      readonly type: 'page_number';
      readonly parameter: string;
      readonly first: number;
      readonly limitParameter?: string;
      readonly limit: number;
    }
  | { readonly type: 'offset'; readonly parameter: string; readonly limitParameter: string; readonly limit: number }
  | { readonly type: 'header_link' }
  | { readonly type: 'json_link'; readonly nextPath: string };

export type RestAuth =
  | { readonly type: 'bearer'; readonly token: string }
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  | { readonly type: 'header'; readonly name: string; readonly value: string }
  | {
      readonly type: 'oauth2_client_credentials';
      readonly tokenUrl: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope?: string;
    };

/** A REST listing, all values resolved (secrets included: this object is never printed or stored). */
export interface RestEndpoint {
  readonly baseUrl: string;
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly auth: RestAuth | null;
  readonly paginator: Paginator;
  /** Dotted path of the array of items in the body; empty: the body is the array. */
  readonly itemsPath: string;
  /** Dotted path of the total, null when the API names none. */
  readonly totalPath: string | null;
  readonly maxRequestsPerSecond: number | null;
  readonly connectTimeoutMs: number;
  /** Longest silence while a body arrives. */
  readonly bodyTimeoutMs: number;
  /** Retries per page and the longest time that one page may take with all its retries. */
  readonly maxRetries: number;
  readonly retryBudgetMs: number;
  /** Largest decompressed body that is accepted. */
  readonly maxPageBytes: number;
}

export interface SnapshotDefinition {
  /** How far the API may lag behind the stream (CUSTOMER.md §2). */
  readonly toleranceMs: number;
  /** Environment variables this endpoint needs; checked only when a snapshot is downloaded. */
  readonly endpoint: (env: (name: string, fallback?: string) => string) => RestEndpoint;
  /** Headers whose values come from the environment; the other ones stand in the job file for everybody to read. */
  readonly environmentHeaders: readonly string[];
}

export interface JobLimits {
  readonly maxBatchRows: number;
  readonly maxBatchBytes: number;
  readonly maxRecordBytes: number;
  readonly maxQuarantineRatio: number;
  /** Records a batch needs before the ratio counts. */
  readonly minQuarantineRecords: number;
  readonly maxDeleteRatio: number;
  readonly minDeletes: number;
  readonly maxShrinkRatio: number;
  readonly maxRecomputeDays: number;
}

/** Defaults by CUSTOMER.md; a reason on every limit. */
export const DEFAULT_LIMITS: JobLimits = {
  /** About 1 GB of 500-byte rows: one batch stays loadable in one BigQuery job and one DuckDB transaction. */
  maxBatchRows: 2_000_000,
  maxBatchBytes: 1_000_000_000,
  /** BigQuery refuses JSON rows over 100 MB; 16 MB leaves room for escaping. Larger records become dead letters. */
  maxRecordBytes: 16_000_000,
  maxQuarantineRatio: 0.5,
  minQuarantineRecords: 100,
  maxDeleteRatio: 0.2,
  minDeletes: 10,
  maxShrinkRatio: 0.2,
  maxRecomputeDays: 400,
};

export interface JobDefinition {
  readonly name: string;
  /** Prefix of the raw tables: `raw_<entity>_stream`. */
  readonly entity: string;
  readonly description: string;
  readonly topics: readonly TopicDefinition[];
  /** The event value's JSON Schema as the user wrote it. */
  readonly schema: Readonly<Record<string, unknown>>;
  readonly columns: readonly EntityColumn[];
  /** Field that holds the key, and the published column it becomes. */
  readonly key: { readonly field: string; readonly column: string };
  readonly eventTime: { readonly field: string; readonly earliest: string; readonly maxFutureMs: number };
  readonly deletes: 'soft' | 'hard';
  /** SQL condition over the business columns; null: only delete records delete. */
  readonly deletedWhen: string | null;
  readonly snapshot: SnapshotDefinition | null;
  readonly historyStart: 'first_snapshot' | 'first_event' | `${number}-${number}-${number}`;
  /** The models this job publishes; their ancestors run with them. */
  readonly models: readonly string[];
  /** Cron expression, a wake-up only. */
  readonly schedule: string | null;
  readonly limits: JobLimits;
  /** The job's own parameters: yargs options by name; their values reach the models as vars. */
  readonly parameters: Readonly<
    Record<
      string,
      {
        readonly type: 'string' | 'number' | 'boolean';
        readonly description: string;
        readonly default?: string | number | boolean;
      }
    >
  >;
}
