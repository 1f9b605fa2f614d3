/** The vocabulary of records on their way from a source to landing. */

/** Debezium's op codes: create, update, delete, snapshot read. */
export type Op = 'c' | 'u' | 'd' | 'r';

/** Header names and raw values in the order of the log; a name may stand more than once. */
export type RecordHeaders = readonly (readonly [name: string, value: Uint8Array | null])[];

/** One record of a topic partition as the broker keeps it. */
export interface SourceRecord {
  readonly offset: bigint;
  /** Broker timestamp (CreateTime or LogAppendTime), milliseconds since the epoch; -1 when the log has none. */
  readonly timestampMs: number;
  /** null: the record has no key. */
  readonly key: Uint8Array | null;
  /** null: a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers?: RecordHeaders;
}

/** A record on its way into a topic. Text is stored as UTF-8; null stays null. */
export interface NewRecord {
  readonly key: string | Uint8Array | null;
  /** null: a tombstone. */
  readonly value: string | Uint8Array | null;
  readonly headers?: readonly (readonly [name: string, value: string | Uint8Array | null])[];
  /** Milliseconds since the epoch; the time of appending where absent. */
  readonly timestampMs?: number;
  /** By Kafka's hash of the key where absent; records without a key go round the partitions. */
  readonly partition?: number;
}

/** Offsets [from, to) of one partition of one life (`epoch`) of a topic. */
export interface OffsetRange {
  readonly topic: string;
  /** 0 for the first life of the topic under this job; +1 each time a recreated topic was accepted. */
  readonly epoch: number;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

/** What a log holds now: the first offset still there and the last stable offset (exclusive end). */
export interface PartitionOffsets {
  readonly topic: string;
  readonly partition: number;
  readonly start: bigint;
  readonly end: bigint;
}
