/** The verdict over one record: made once, when it is landed, and never again but by `dlq replay` (CUSTOMER.md §1). */
import type { Op } from '../core/record.ts';
import type { EventInstant } from '../core/time.ts';

export type ReasonCode =
  | 'key_null'
  | 'key_invalid'
  | 'key_mismatch'
  | 'id_missing'
  | 'op_unknown'
  | 'utf8_invalid'
  | 'json_invalid'
  | 'json_too_deep'
  | 'surrogate_lone'
  | 'wrong_type'
  | 'required_missing'
  | 'value_not_allowed'
  | 'schema_violation'
  | 'too_many_decimals'
  | 'number_out_of_range'
  | 'date_impossible'
  | 'timestamp_unreadable'
  | 'event_time_missing'
  | 'event_time_unreadable'
  | 'event_time_out_of_bounds'
  | 'broker_timestamp_out_of_bounds'
  | 'record_too_large';

export interface GoodVerdict {
  readonly ok: true;
  readonly key: string;
  readonly op: Op;
  /** The event time; null for a snapshot row that names none. */
  readonly eventAt: EventInstant | null;
  /** The value's text as it came; null for a tombstone. */
  readonly value: string | null;
  /**
   * The value rewritten where the warehouses' JSON readers would read something else than what stands there: numbers of more
   * than fifteen digits in numeric columns as strings, JSON columns as the text of their JSON, the last of duplicate names. null: `value`
   * reads right as it is.
   */
  readonly json: string | null;
}

export interface BadVerdict {
  readonly ok: false;
  readonly code: ReasonCode;
  /** One sentence; never the payload itself (that stands beside it, whole). */
  readonly reason: string;
  /** JSON path of the offending field, null when it is not about one. */
  readonly path: string | null;
  /** The key where it can be read, so that a dead snapshot row still counts as present. */
  readonly key: string | null;
}

export type Verdict = GoodVerdict | BadVerdict;

/** Thrown inside the decoder only and turned into a BadVerdict there. */
export class Rejection extends Error {
  readonly code: ReasonCode;
  readonly path: string | null;

  constructor(code: ReasonCode, reason: string, path: string | null = null) {
    super(reason);
    this.code = code;
    this.path = path;
  }
}
