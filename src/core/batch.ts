/**
 * Batches, intents and manifests: the records that make every step repeatable (DESIGN.md §2). Everything here is plain
 * data that survives JSON: offsets are decimal strings, times are RFC 3339 in UTC with microseconds, nothing is derived from
 * the wall clock or from randomness, so that one intent has one batch id and one set of object names.
 */

export type BatchKind = 'stream' | 'snapshot' | 'replay';

/**
 * planned: the intent is stored. landed: objects written, manifest sealed. loaded: in the raw tables. void: given up before
 * anything was read (a snapshot whose first page never came). Publication is per model and lives in the ledger.
 */
export type BatchState = 'planned' | 'landed' | 'loaded' | 'void';

/** `<job>-<seq, 8 digits>`, e.g. `customer-00000012`. */
export type BatchId = string;

export function batchId(job: string, seq: number): BatchId {
  return `${job}-${String(seq).padStart(8, '0')}`;
}

/** An offset range as JSON. */
export interface RangeJson {
  readonly topic: string;
  readonly epoch: number;
  readonly partition: number;
  readonly from: string;
  readonly to: string;
}

/** A loss the operator accepted: these offsets were deleted before they were read. `to` is null for a recreated topic. */
export interface GapJson {
  readonly topic: string;
  readonly epoch: number;
  readonly partition: number;
  readonly from: string;
  readonly to: string | null;
  readonly reason: 'retention' | 'recreated';
}

export interface StreamIntent {
  readonly kind: 'stream';
  readonly ranges: readonly RangeJson[];
  readonly gaps: readonly GapJson[];
}

export interface SnapshotIntent {
  readonly kind: 'snapshot';
  /** `s` + the batch's number, e.g. `s00000003`. */
  readonly snapshotId: string;
}

export interface ReplayIntent {
  readonly kind: 'replay';
  /** The dead letters judged again, by the manifest objects they came from. */
  readonly objects: readonly string[];
  readonly sourceBatches: readonly BatchId[];
}

export type BatchIntent = StreamIntent | SnapshotIntent | ReplayIntent;

/** One object of landing that belongs to a batch. Only objects that stand in a sealed manifest are ever read. */
export interface ManifestObject {
  readonly name: string;
  /** stream / snapshot: good rows. dead: dead letters. page: a REST page as it came (kept for resuming). */
  readonly role: 'stream' | 'snapshot' | 'dead' | 'page';
  readonly rows: number;
  /** Bytes and checksum of the object as stored (compressed where it is compressed). */
  readonly bytes: number;
  /** `crc32:<8 hex digits>`. */
  readonly checksum: string;
  /** Bytes of the longest line, where one is longer than `LONG_LINE_BYTES`: JSON readers need a buffer of that size. */
  readonly maxLineBytes?: number;
}

/** DuckDB's JSON reader takes lines of 16 MB without being told; half of it leaves room for escaping. */
export const LONG_LINE_BYTES = 8_000_000;

export interface ManifestRange extends RangeJson {
  /** Records read, = landed + quarantined. */
  readonly read: number;
  readonly landed: number;
  readonly quarantined: number;
  /** The last record read in this range: reading it again tells whether the topic was recreated. */
  readonly last: { readonly offset: string; readonly checksum: string } | null;
}

/** Bounds of the batch's good records; they decide which day partitions can change. RFC 3339 UTC, microseconds. */
export interface ManifestTimes {
  /** Effective and assertion time of events (updated_at; broker timestamp of tombstones). */
  readonly minEventAt: string;
  readonly maxEventAt: string;
  readonly minBrokerAt: string;
  readonly maxBrokerAt: string;
}

export interface SnapshotSummary {
  readonly snapshotId: string;
  /** S0 and S1, RFC 3339 UTC. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly complete: boolean;
  /** Why it is not complete. */
  readonly reason: string | null;
  readonly rows: number;
  readonly distinctIds: number;
  /** `total` of the last page; null when the API names none. */
  readonly total: number | null;
  readonly pages: number;
  readonly toleranceMs: number;
}

export interface DriftField {
  /** JSON path of a field that the schema does not know. */
  readonly path: string;
  readonly records: number;
}

export interface Manifest {
  readonly version: 1;
  readonly job: string;
  readonly seq: number;
  readonly batchId: BatchId;
  readonly kind: BatchKind;
  /** RFC 3339 UTC. */
  readonly logicalTime: string;
  readonly void?: true;
  readonly ranges: readonly ManifestRange[];
  readonly gaps: readonly GapJson[];
  readonly objects: readonly ManifestObject[];
  readonly counts: { readonly read: number; readonly landed: number; readonly quarantined: number };
  readonly times: ManifestTimes | null;
  readonly drift: readonly DriftField[];
  readonly snapshot?: SnapshotSummary;
  readonly replay?: { readonly sourceBatches: readonly BatchId[]; readonly objects: readonly string[] };
}

/** Whether a complete snapshot's absences count (CUSTOMER.md §2, guard). Recorded in landing beside the manifest. */
export interface Admission {
  readonly batchId: BatchId;
  readonly admitted: boolean;
  /** true: an operator let it in with --accept-deletes. */
  readonly accepted: boolean;
  readonly keysThere: number;
  readonly keysGone: number;
}
