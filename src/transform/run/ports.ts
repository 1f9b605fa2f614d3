/** The model side of the warehouse: what transform and publish need. */
import type { ColumnInfo, RelationInfo, RelationName } from '../../core/relation.ts';

export type CellValue = string | number | bigint | boolean | null;

export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Values as plain data: timestamps, dates, decimals and JSON as text, 64-bit integers as bigint. */
  readonly rows: readonly (readonly CellValue[])[];
}

/** A data test inside the transaction that publishes. `sql` returns one row: failures BIGINT, should_warn BOOL, should_error BOOL. */
export interface GateTest {
  readonly id: string;
  readonly severity: 'error' | 'warn';
  readonly sql: string;
}

/**
 * One atomic change: all statements, then the tests; when no `error` test fails, `marks` and commit, else roll back.
 * `countRows` names the statement whose affected rows are the node's rows.
 */
export interface PublishUnit {
  readonly node: string;
  readonly statements: readonly { readonly sql: string; readonly countRows?: boolean }[];
  readonly tests: readonly GateTest[];
  /**
   * BigQuery's policy tags by column, all of them or none: set before the rows can be read. Absent: the table's columns have the tags that they are
   * to have, or none.
   */
  readonly policyTags?: {
    readonly relation: RelationName;
    readonly columns: Readonly<Record<string, readonly string[]>>;
  };
  /** Written in the same transaction after the tests passed (the ledger's marks in the warehouse). */
  readonly marks: readonly string[];
}

export interface GateResult {
  readonly id: string;
  readonly status: 'pass' | 'warn' | 'fail';
  readonly failures: number;
}

export type PublishOutcome =
  | { readonly status: 'published'; readonly rows: number; readonly tests: readonly GateResult[] }
  | { readonly status: 'rejected'; readonly tests: readonly GateResult[] };

/** What work cost in a warehouse that is paid by use. Bytes, and milliseconds of slot time; null where it names none. */
export interface Usage {
  readonly project: string;
  readonly location: string;
  /** Jobs that the work took, queries included. */
  readonly jobs: number;
  /** The job that published, by the warehouse's id; null when none did (yet). */
  readonly jobId: string | null;
  /** The warehouse's word for what that job ran (`SCRIPT`). */
  readonly statementType: string | null;
  readonly bytesProcessed: number | null;
  readonly bytesBilled: number | null;
  readonly slotMs: number | null;
}

/**
 * Runs compiled SQL. Errors: `model_failed` with the database's message (the caller adds model and file); `warehouse_locked`;
 * write-write conflicts are retried by the adapter as a whole unit. Several units may run at once on different connections.
 */
export interface ModelWarehouse {
  readonly dialect: 'duckdb' | 'bigquery';
  relation(name: RelationName): Promise<RelationInfo | undefined>;
  /**
   * Those of the named relations that exist. One call for many, because asking a catalogue one by one costs more than a small model:
   * a run asks once and from then on knows what it did itself.
   */
  relations(names: readonly RelationName[]): Promise<readonly RelationInfo[]>;
  /** Columns of a query without running it, with the same type names as `relation` gives (DuckDB: describe, BigQuery: a dry run). */
  describe(sql: string): Promise<readonly ColumnInfo[]>;
  query(sql: string): Promise<QueryResult>;
  /** One statement outside of any unit (create schema, helper tables). */
  execute(sql: string): Promise<void>;
  publish(unit: PublishUnit, guard?: () => Promise<void>): Promise<PublishOutcome>;
  /** A session whose temporary tables last from one call to the next. Absent where staging leaves ordinary tables (BigQuery). */
  session?(): Promise<ModelSession>;
  /**
   * The warehouse as the work for one node sees it: its jobs carry the node's name, and what they cost is counted by itself. Absent where
   * nothing is paid by use (DuckDB).
   */
  forNode?(name: string): NodeWarehouse;
  /** Bytes that a query would read, without running it; null where the warehouse does not say. Absent like `forNode`. */
  estimate?(sql: string): Promise<number | null>;
  close(): Promise<void>;
}

export interface ModelSession extends Pick<ModelWarehouse, 'execute' | 'describe' | 'publish'> {
  /** Ends it; its temporary tables are gone. */
  close(): Promise<void>;
}

export interface NodeWarehouse extends ModelWarehouse {
  /** So far. */
  usage(): Usage;
}
