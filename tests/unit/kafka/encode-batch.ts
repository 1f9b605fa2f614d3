/** Encodes record batches (format v2) for tests, independently of the decoder: https://kafka.apache.org/documentation/#recordbatch */
import { crc32c } from '../../../src/adapters/kafka/crc32c.ts';

export interface TestRecord {
  readonly offset: number;
  readonly key?: string | Buffer | null;
  readonly value?: string | Buffer | null;
  readonly timestamp?: number;
  readonly headers?: readonly (readonly [string, string | null])[];
}

export interface TestBatch {
  readonly baseOffset: number;
  /** Default: the last record's. Larger: the records behind it were compacted away. */
  readonly lastOffset?: number;
  readonly records?: readonly TestRecord[];
  readonly producerId?: bigint;
  readonly transactional?: boolean;
  /** A control batch: the marker that ends a transaction. */
  readonly marker?: 'abort' | 'commit';
  readonly logAppendTime?: number;
  readonly codec?: number;
  readonly compress?: (records: Buffer) => Buffer;
  readonly magic?: number;
  /** Announced number of records, when it is to be wrong. */
  readonly count?: number;
}

function varint(value: number): Buffer {
  if (value >= -64 && value < 64) return Buffer.from([value < 0 ? -value * 2 - 1 : value * 2]);
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  const bytes: number[] = [];
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

function field(value: string | Buffer | null): Buffer {
  if (value === null) return varint(-1);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(bytes.length), bytes]);
}

function encodeRecord(record: TestRecord, baseOffset: number, baseTimestamp: number): Buffer {
  const headers = record.headers ?? [];
  const body = Buffer.concat([
    Buffer.from([0]),
    varint((record.timestamp ?? baseTimestamp) - baseTimestamp),
    varint(record.offset - baseOffset),
    field(record.key ?? null),
    field(record.value ?? null),
    varint(headers.length),
    ...headers.flatMap(([name, value]) => [field(name), field(value)]),
  ]);
  return Buffer.concat([varint(body.length), body]);
}

export function encodeBatch(batch: TestBatch): Buffer {
  const marker: TestRecord[] = [
    { offset: batch.baseOffset, key: Buffer.from([0, 0, 0, batch.marker === 'abort' ? 0 : 1]), value: Buffer.alloc(6) },
  ];
  const records = batch.marker === undefined ? (batch.records ?? []) : marker;
  const baseTimestamp = records[0]?.timestamp ?? 0;
  const encoded = Buffer.concat(records.map((record) => encodeRecord(record, batch.baseOffset, baseTimestamp)));
  const payload = batch.compress?.(encoded) ?? encoded;
  const lastOffset = batch.lastOffset ?? records.at(-1)?.offset ?? batch.baseOffset;
  const transactional = batch.transactional === true || batch.marker !== undefined;
  const out = Buffer.alloc(61 + payload.length);
  out.writeBigInt64BE(BigInt(batch.baseOffset), 0);
  out.writeInt32BE(out.length - 12, 8);
  out.writeInt8(batch.magic ?? 2, 16);
  const flags =
    (batch.logAppendTime === undefined ? 0 : 8) | (transactional ? 16 : 0) | (batch.marker === undefined ? 0 : 32);
  out.writeInt16BE((batch.codec ?? 0) | flags, 21);
  out.writeInt32BE(lastOffset - batch.baseOffset, 23);
  out.writeBigInt64BE(BigInt(baseTimestamp), 27);
  out.writeBigInt64BE(BigInt(batch.logAppendTime ?? baseTimestamp), 35);
  out.writeBigInt64BE(batch.producerId ?? -1n, 43);
  out.writeInt32BE(batch.count ?? records.length, 57);
  payload.copy(out, 61);
  return sealed(out);
}

/** Puts the right checksum into a batch that was changed. */
export function sealed(batch: Buffer): Buffer {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.length);
  batch.writeUInt32BE(crc32c(view, 21, batch.length), 17);
  return batch;
}
