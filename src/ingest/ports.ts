/** The ports of ingest: where records come from, and the object store that keeps them (landing). */
import type { PartitionOffsets, SourceRecord } from '../core/record.ts';

export interface ReadRequest {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly signal?: AbortSignal;
}

/**
 * `records` are in offset order inside [from, to); `nextOffset` is the position after the chunk. A chunk may be empty and only
 * move the position (control records, compaction holes).
 */
export interface RecordChunk {
  readonly records: readonly SourceRecord[];
  readonly nextOffset: bigint;
}

/**
 * Reads change topics by offset range. Duties: read-committed view only (aborted transactions and control records never appear);
 * the last chunk's `nextOffset` is exactly `to`; a time-out, a dead broker or an offset that is gone throws a SluiceError
 * (`broker_unreachable`, `offset_out_of_range`, …) and is never an early end. Not its duty: remembering positions.
 */
export interface StreamSource {
  /** Every partition of every topic, sorted by topic and partition. Missing topics: one `topic_missing` that names all. */
  partitions(topics: readonly string[], signal?: AbortSignal): Promise<readonly PartitionOffsets[]>;
  read(request: ReadRequest): AsyncIterable<RecordChunk>;
  /** The record at exactly this offset; undefined when the log has none there (compacted, control record, deleted, beyond end). */
  recordAt(topic: string, partition: number, offset: bigint, signal?: AbortSignal): Promise<SourceRecord | undefined>;
  /** Advisory, for lag monitors: commits `offset` (the next to read) per partition for the group. Never read back. */
  commitOffsets(group: string, offsets: readonly { topic: string; partition: number; offset: bigint }[]): Promise<void>;
  close(): Promise<void>;
}

/** One page of a REST listing as it came. */
export interface SnapshotPage {
  /** 1, 2, 3 … */
  readonly number: number;
  /** The items, each with its exact source text out of the response body (numbers untouched). */
  readonly items: readonly string[];
  /** The `total` the page named, if the API names one. */
  readonly total: number | null;
  /** What to hand to `pages({resume})` to continue behind this page; null: this was the last page. JSON-able. */
  readonly next: string | null;
}

/**
 * Lists an entity over REST. Duties: retry inside a budget (allow-list), Retry-After, rate limit, time-outs, never send
 * credentials to another origin, detect a cursor loop, and never yield a page that was not read whole and valid.
 */
export interface SnapshotSource {
  /** From the start, or behind the page whose `next` is given. Throws `rest_failed`, `rest_unauthorized`. */
  pages(options: {
    readonly resume?: string;
    readonly resumePage?: number;
    readonly signal?: AbortSignal;
  }): AsyncIterable<SnapshotPage>;
  /** Offset and page-number pagination shift when rows move: then the first and last `total` must be equal (CUSTOMER.md §1). */
  readonly shifting: boolean;
}

export interface StoredObject {
  readonly bytes: number;
  /** `crc32:<8 hex digits>` of the stored bytes. */
  readonly checksum: string;
}

/**
 * Streams one object. `write` resolves when the writer can take more (bounded memory) and no longer needs the chunk, whose bytes the caller
 * may then use again. Nothing is visible under the name
 * before `commit`. After `commit` the bytes are durable (file and folder fsynced, or acknowledged by the service).
 */
export interface ObjectWriter {
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Create-only: `created`, or `identical` when the name exists with the same bytes. Other bytes: throws `object_conflict`.
   * `guard` runs immediately before the object becomes visible; when it throws (lease lost) nothing is created.
   */
  commit(guard?: () => Promise<void>): Promise<StoredObject & { readonly outcome: 'created' | 'identical' }>;
  /** Gives up: no trace is left under the name. Safe after a failed write or commit. */
  abort(): Promise<void>;
}

/**
 * The object store behind landing. Names are `/`-separated, made by `core/object-key.ts`; an adapter maps them injectively and
 * never lets one escape its root. Errors: `store_full` (ENOSPC), `store_read_only` (EROFS, EACCES), `store_failed`, `object_missing`.
 */
export interface ObjectStore {
  create(name: string): Promise<ObjectWriter>;
  /** The object's bytes as stored, in chunks; `object_missing` when there is none. */
  read(name: string): AsyncIterable<Uint8Array>;
  /** undefined when there is no such object. `checksum` only where it is had without reading the object. */
  stat(name: string): Promise<{ readonly bytes: number; readonly checksum?: string } | undefined>;
  /** Names under a prefix in ascending order (prefix ends with `/`). Only recovery and clean-up use it. */
  list(prefix: string): AsyncIterable<string>;
  /** Idempotent: deleting what is not there is fine. */
  delete(name: string): Promise<void>;
  /** How the warehouse reads the object: an absolute local path or `gs://bucket/name`. */
  location(name: string): string;
  close(): Promise<void>;
}
