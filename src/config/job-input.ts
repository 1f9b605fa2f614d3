/** What a user writes in `jobs/<name>.ts`: the argument of `defineJob`. Everything that has a sensible default may be left out. */
import type { JobLimits, Paginator } from '../core/job.ts';
import type { EventSchema, FieldOf } from './event-schema.ts';

/** Create, update or delete, in a word or as Debezium's letter. */
export type OpInput = 'c' | 'u' | 'd' | 'create' | 'update' | 'delete';

/** A duration: `'5 minutes'`, `'30s'`, `'1 h'`, or milliseconds. */
export type DurationInput = string | number;

/** Text, or the environment variable that holds it; an optional one that is not set leaves the setting out. */
export type ValueInput = string | { readonly env: string; readonly optional?: boolean };

export interface TopicInput<S extends EventSchema = EventSchema> {
  readonly name: string;
  /** The same for every record of the topic, or told by a field of the value. */
  readonly op: OpInput | { readonly field: FieldOf<S>; readonly values: Readonly<Record<string, OpInput>> };
}

export type AuthInput =
  | { readonly type: 'bearer'; readonly token: ValueInput }
  | { readonly type: 'basic'; readonly username: ValueInput; readonly password: ValueInput }
  | { readonly type: 'header'; readonly name: string; readonly value: ValueInput }
  | {
      readonly type: 'oauth2_client_credentials';
      readonly tokenUrl: ValueInput;
      readonly clientId: ValueInput;
      readonly clientSecret: ValueInput;
      readonly scope?: string;
    };

export interface RestSnapshotInput {
  readonly type: 'rest';
  /** Scheme, host and perhaps a first part of the path. */
  readonly baseUrl: ValueInput;
  readonly path: string;
  readonly params?: Readonly<Record<string, ValueInput>>;
  readonly headers?: Readonly<Record<string, ValueInput>>;
  readonly auth?: AuthInput;
  readonly paginator: Paginator;
  /** Dotted path of the list of items; left out: the body is the list. */
  readonly itemsPath?: string;
  /** Dotted path of the number of all items; left out: the API does not name it. */
  readonly totalPath?: string;
  /** How far the API may lag behind the change topics. Default 5 minutes. */
  readonly tolerance?: DurationInput;
  readonly maxRequestsPerSecond?: number;
  /** Default 10 seconds. */
  readonly connectTimeout?: DurationInput;
  /** Longest silence while a body arrives. Default 60 seconds. */
  readonly bodyTimeout?: DurationInput;
  /** Retries per page. Default 5. */
  readonly maxRetries?: number;
  /** The longest time one page may take with all its retries. Default 5 minutes. */
  readonly retryBudget?: DurationInput;
  /** Largest body that is accepted. Default 64 MB. */
  readonly maxPageBytes?: number;
}

export interface EventTimeInput<S extends EventSchema = EventSchema> {
  readonly field: FieldOf<S>;
  /** Earlier events are dead letters. Default 2000-01-01. */
  readonly earliest?: string;
  /** Events that lie further ahead of their broker timestamp are dead letters. Default 1 hour. */
  readonly maxFuture?: DurationInput;
}

export interface ParameterInput {
  readonly type: 'string' | 'number' | 'boolean';
  readonly description: string;
  readonly default?: string | number | boolean;
}

export interface JobInput<S extends EventSchema = EventSchema> {
  readonly name: string;
  /** Prefix of the raw tables (`raw_<entity>_stream`). Default: the name. */
  readonly entity?: string;
  readonly description?: string;
  readonly topics: readonly TopicInput<S>[];
  /** JSON Schema of the event value; its properties become the columns, in this order. */
  readonly schema: S;
  /**
   * The field that identifies an entity, and its column in the tables. Type string, or integer: then the record's key is the number's plain digits
   * (`7`; others are dead letters), and the column is a 64-bit integer.
   */
  readonly key: FieldOf<S> | { readonly field: FieldOf<S>; readonly column?: string };
  /** The field that says when the event happened. */
  readonly eventTime: FieldOf<S> | EventTimeInput<S>;
  /** soft (default): a deleted entity stays, marked. hard: it leaves current and, from that day on, history. */
  readonly deletes?: 'soft' | 'hard';
  /** SQL condition over the columns that also means deleted: `status = 'deactivated'`. */
  readonly deletedWhen?: string;
  /** The complete listing that `--full-load` downloads. */
  readonly snapshot?: RestSnapshotInput;
  /** First day of the history. Default: first_snapshot with a snapshot, else first_event. */
  readonly historyStart?: 'first_snapshot' | 'first_event' | `${number}-${number}-${number}`;
  /** The models that this job publishes; what they are built from runs with them. */
  readonly models: readonly string[];
  /** Cron expression of five fields. Shown by `sluice job list`, for whoever sets up the scheduler; nothing is started by it. */
  readonly schedule?: string;
  readonly limits?: Partial<JobLimits>;
  /** The job's own command line options; their values reach the models as vars. */
  readonly parameters?: Readonly<Record<string, ParameterInput>>;
}
