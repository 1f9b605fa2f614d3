/**
 * The bytes of a segment: batches, one behind the other, little endian.
 *
 *   batch   u32 bytes of the whole batch | u32 crc32 of all that follows | u8 version | 3 x 0 | u32 records | u64 first offset
 *   record  f64 timestamp (ms; exact up to 2^53) | i32 key bytes (-1: null) | i32 value bytes (-1: null) | u32 header bytes
 *           key | value | headers: { u32 name bytes | i32 value bytes (-1: null) | name | value } …
 *
 * Offsets inside a batch are dense. One checksum per batch and not per record: a call of zlib.crc32 costs 250 ns whatever the
 * size, which alone would be a quarter of the time at a million small records a second. Where the acknowledged part of a
 * segment ends stands in topic.json, so a torn batch is never even looked at; the checksum guards against damage.
 */
import { crc32 } from 'node:zlib';
import type { NewRecord, RecordHeaders, SourceRecord } from '../../core/record.ts';

export const BATCH_HEADER_BYTES = 24;
const FORMAT_VERSION = 1;
const RECORD_HEADER_BYTES = 20;
const FIELD_HEADER_BYTES = 8;

/** Batches are closed at this size: big enough to make the checksum call cheap, small enough to seek by. */
export const BATCH_TARGET_BYTES = 128 * 1024;

/** A record larger than this is refused: batch sizes are u32 and a reader holds one batch in memory. */
export const MAX_RECORD_BYTES = 512 * 1024 * 1024;

export interface BatchHeader {
  readonly bytes: number;
  readonly crc: number;
  readonly version: number;
  readonly count: number;
  readonly firstOffset: bigint;
}

export function readBatchHeader(buffer: Buffer, at: number): BatchHeader {
  return {
    bytes: buffer.readUInt32LE(at),
    crc: buffer.readUInt32LE(at + 4),
    version: buffer.readUInt8(at + 8),
    count: buffer.readUInt32LE(at + 12),
    firstOffset: buffer.readBigUInt64LE(at + 16),
  };
}

/** Says what is wrong with a whole batch at `at`, null when it is sound. */
export function checkBatch(buffer: Buffer, at: number, header: BatchHeader): string | null {
  if (header.version !== FORMAT_VERSION) return `format version ${header.version}, expected ${FORMAT_VERSION}`;
  const actual = crc32(buffer.subarray(at + 8, at + header.bytes));
  return actual === header.crc ? null : 'its checksum does not match';
}

function decodeHeaders(buffer: Buffer, from: number, to: number): RecordHeaders {
  const headers: [string, Uint8Array | null][] = [];
  let at = from;
  while (at < to) {
    const nameBytes = buffer.readUInt32LE(at);
    const valueBytes = buffer.readInt32LE(at + 4);
    const name = buffer.toString('utf8', at + FIELD_HEADER_BYTES, at + FIELD_HEADER_BYTES + nameBytes);
    at += FIELD_HEADER_BYTES + nameBytes;
    headers.push([name, valueBytes < 0 ? null : buffer.subarray(at, at + valueBytes)]);
    if (valueBytes > 0) at += valueBytes;
  }
  return headers;
}

/** Appends the batch's records with offsets in [from, to) to `out`; keys and values are views into `buffer`. */
export function decodeBatch(
  buffer: Buffer,
  start: number,
  header: BatchHeader,
  range: { readonly from: bigint; readonly to: bigint },
  out: SourceRecord[],
): void {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  // Offsets as doubles inside the loop: a topic log never gets near 2^53 records.
  const first = Number(header.firstOffset);
  const from = Number(range.from);
  const last = Math.min(first + header.count, Number(range.to));
  let at = start + BATCH_HEADER_BYTES;
  for (let offset = first; offset < last; offset += 1) {
    const timestampMs = view.getFloat64(at, true);
    const keyBytes = view.getInt32(at + 8, true);
    const valueBytes = view.getInt32(at + 12, true);
    const headerBytes = view.getUint32(at + 16, true);
    const keyAt = at + RECORD_HEADER_BYTES;
    const valueAt = keyBytes > 0 ? keyAt + keyBytes : keyAt;
    const headersAt = valueBytes > 0 ? valueAt + valueBytes : valueAt;
    at = headersAt + headerBytes;
    if (offset < from) continue;
    const key = keyBytes < 0 ? null : buffer.subarray(keyAt, valueAt);
    const value = valueBytes < 0 ? null : buffer.subarray(valueAt, headersAt);
    out.push(
      headerBytes === 0
        ? { offset: BigInt(offset), timestampMs, key, value }
        : { offset: BigInt(offset), timestampMs, key, value, headers: decodeHeaders(buffer, headersAt, at) },
    );
  }
}

type Field = string | Uint8Array | null;

function fieldBytes(field: Field): number {
  if (field === null) return 0;
  return typeof field === 'string' ? Buffer.byteLength(field) : field.length;
}

/** Collects records into one batch after another; the buffer of `finish` is overwritten by the next batch. */
export class BatchBuilder {
  #firstOffset: bigint;
  /** Grows to a full batch only when there is one: most appends are a handful of records. */
  #buffer: Buffer = Buffer.allocUnsafeSlow(4096);
  #length = BATCH_HEADER_BYTES;
  #count = 0;

  constructor(firstOffset: bigint) {
    this.#firstOffset = firstOffset;
  }

  begin(firstOffset: bigint): void {
    this.#firstOffset = firstOffset;
    this.#length = BATCH_HEADER_BYTES;
    this.#count = 0;
    if (this.#buffer.length > 4 * BATCH_TARGET_BYTES) this.#buffer = Buffer.allocUnsafeSlow(BATCH_TARGET_BYTES);
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#length;
  }

  add(record: NewRecord, timestampMs: number): void {
    const headers = record.headers ?? [];
    let headerBytes = 0;
    for (const [name, value] of headers) headerBytes += FIELD_HEADER_BYTES + fieldBytes(name) + fieldBytes(value);
    const keyBytes = fieldBytes(record.key);
    const valueBytes = fieldBytes(record.value);
    this.#reserve(RECORD_HEADER_BYTES + keyBytes + valueBytes + headerBytes);
    const at = this.#length;
    this.#buffer.writeDoubleLE(timestampMs, at);
    this.#buffer.writeInt32LE(record.key === null ? -1 : keyBytes, at + 8);
    this.#buffer.writeInt32LE(record.value === null ? -1 : valueBytes, at + 12);
    this.#buffer.writeUInt32LE(headerBytes, at + 16);
    this.#length += RECORD_HEADER_BYTES;
    this.#put(record.key);
    this.#put(record.value);
    for (const [name, value] of headers) {
      this.#buffer.writeUInt32LE(fieldBytes(name), this.#length);
      this.#buffer.writeInt32LE(value === null ? -1 : fieldBytes(value), this.#length + 4);
      this.#length += FIELD_HEADER_BYTES;
      this.#put(name);
      this.#put(value);
    }
    this.#count += 1;
  }

  finish(): Buffer {
    const batch = this.#buffer.subarray(0, this.#length);
    batch.writeUInt32LE(this.#length, 0);
    batch.writeUInt8(FORMAT_VERSION, 8);
    batch.fill(0, 9, 12);
    batch.writeUInt32LE(this.#count, 12);
    batch.writeBigUInt64LE(this.#firstOffset, 16);
    batch.writeUInt32LE(crc32(batch.subarray(8)), 4);
    return batch;
  }

  #put(field: Field): void {
    if (field === null) return;
    if (typeof field === 'string') this.#length += this.#buffer.write(field, this.#length);
    else {
      this.#buffer.set(field, this.#length);
      this.#length += field.length;
    }
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

/** Bytes that the record takes in a batch. */
export function recordBytes(record: NewRecord): number {
  let bytes = RECORD_HEADER_BYTES + fieldBytes(record.key) + fieldBytes(record.value);
  for (const [name, value] of record.headers ?? []) bytes += FIELD_HEADER_BYTES + fieldBytes(name) + fieldBytes(value);
  return bytes;
}
