/**
 * What the oracle is given and what it answers: plain JSON data, so that the TypeScript oracle (`oracle.ts`) and the Python one
 * (`oracle.py`) read the same file. Nothing in this folder imports from `src/`: a defect must be made twice to stay unseen.
 */

/** `NUMERIC(p,s)`, `INT64`, `STRING`, `BOOL`, `DATE`, `TIMESTAMP`, `FLOAT64` or `JSON`. */
export interface OracleColumn {
  readonly name: string;
  /** Top-level field of the value. */
  readonly field: string;
  readonly type: string;
  readonly required?: boolean;
  /** The only texts allowed, when the schema names them. */
  readonly values?: readonly string[];
  /** What a JSON column's schema wants, when it says so. */
  readonly json?: 'object' | 'array';
}

export type EventOp = 'c' | 'u' | 'd';

export interface OracleJob {
  readonly columns: readonly OracleColumn[];
  readonly keyField: string;
  readonly keyColumn: string;
  readonly eventTimeField: string;
  readonly topics: readonly {
    readonly name: string;
    readonly op: EventOp | { readonly field: string; readonly values: Readonly<Record<string, EventOp>> };
  }[];
  readonly toleranceMs: number;
  readonly deletes: 'soft' | 'hard';
  /** `column = equals`; NULL never holds. */
  readonly deletedWhen: { readonly column: string; readonly equals: string } | null;
  /** A local day, or where history begins by itself. */
  readonly historyStart: string;
  readonly timezone: string;
  /** event_time_bounds: RFC 3339, and milliseconds after the broker timestamp or the snapshot's end. */
  readonly earliest: string;
  readonly maxFutureMs: number;
}

export interface OracleRecord {
  readonly topic: string;
  readonly epoch: number;
  readonly partition: number;
  readonly offset: number;
  /** Broker timestamp. */
  readonly timestampMs: number;
  /** Base64 of the bytes; null: no key, a tombstone. */
  readonly key: string | null;
  readonly value: string | null;
}

export interface OracleSnapshot {
  readonly id: string;
  /** S0 and S1, RFC 3339. */
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Every page that came, each row with its exact text out of the response. */
  readonly pages: readonly { readonly items: readonly string[]; readonly total: number | null }[];
  readonly reachedLastPage: boolean;
  /** Offset or page-number pagination: first and last total must also be equal. */
  readonly shifting?: boolean;
  /** false: the guard keeps it out (its dead letters stay dead letters). */
  readonly admitted: boolean;
}

export interface GroundTruth {
  readonly job: OracleJob;
  readonly records: readonly OracleRecord[];
  readonly snapshots: readonly OracleSnapshot[];
  /** The last run's logical time, RFC 3339: its local day is *today*. */
  readonly logicalTime: string;
}

/**
 * Every cell as text: timestamps `2026-03-01T10:15:30.123000Z`, dates `2026-03-01`, decimals with all their places, booleans `true` and
 * `false`, FLOAT64 as the shortest digits that read back the same and JSON in canonical form (names sorted, numbers as `digits`e`exponent`).
 */
export type Row = Readonly<Record<string, string | null>>;

export interface ExpectedRow {
  readonly key: string;
  /** Business columns, `_op`, `_event_at`, `_is_deleted`. */
  readonly row: Row;
  /** The record that gave the columns: `topic/epoch/partition/offset` or `snapshot/page/row`; null when none has a value. */
  readonly from: string | null;
}

export interface ExpectedDeadLetter {
  /** `topic/epoch/partition/offset` or `snapshot/page/row` (both counted from 1). */
  readonly at: string;
  /** Everything that is wrong with it; the product names one. */
  readonly reasons: readonly string[];
}

export interface Expected {
  readonly today: string;
  /** First day of history; null: none. */
  readonly historyStart: string | null;
  readonly current: readonly ExpectedRow[];
  readonly history: readonly (ExpectedRow & { readonly day: string })[];
  readonly deadLetters: readonly ExpectedDeadLetter[];
  /** Good rows in the raw tables. */
  readonly counts: { readonly stream: number; readonly snapshot: number; readonly loads: number };
  readonly complete: Readonly<Record<string, boolean>>;
}
