/** Takes Fetch responses (versions 4 to 11) apart without decoding any record. One partition is asked for per request. */
import { SluiceError } from '../../core/errors.ts';
import type { WireResponse } from './kafkajs-internals.ts';

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

export interface FetchedPartition {
  readonly errorCode: number;
  /** Exclusive end of what read-committed readers may see; -1 in error responses. */
  readonly lastStableOffset: bigint;
  /** -1 where the broker is too old to tell. */
  readonly logStartOffset: bigint;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches as they lie in the log, the last one possibly cut off. */
  readonly records: Buffer;
  /** The broker holds the client back by a quota: no data then proves nothing. */
  readonly throttled: boolean;
}

interface DecodedFetch {
  /** Read by kafkajs. */
  readonly clientSideThrottleTime: number;
  readonly partition: FetchedPartition;
}

const NO_RECORDS: Buffer = Buffer.alloc(0);

class Reader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  int16(): number {
    this.#at += 2;
    return this.#buffer.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#buffer.readInt32BE(this.#at - 4);
  }

  int64(): bigint {
    this.#at += 8;
    return this.#buffer.readBigInt64BE(this.#at - 8);
  }

  skipString(): void {
    const bytes = this.int16();
    if (bytes > 0) this.#at += bytes;
  }

  bytes(): Buffer {
    const bytes = this.int32();
    if (bytes <= 0) return NO_RECORDS;
    if (this.#at + bytes > this.#buffer.length) throw new RangeError('the records reach beyond the response');
    this.#at += bytes;
    return this.#buffer.subarray(this.#at - bytes, this.#at);
  }
}

function decodeFetch(payload: Buffer, version: number): DecodedFetch {
  const reader = new Reader(payload);
  const throttleMs = reader.int32();
  const sessionError = version >= 7 ? reader.int16() : 0;
  if (version >= 7) reader.int32(); // session id
  let errorCode = sessionError;
  let lastStableOffset = -1n;
  let logStartOffset = -1n;
  let aborted: readonly AbortedTransaction[] = [];
  let records = NO_RECORDS;
  if (reader.int32() > 0) {
    reader.skipString(); // topic
    if (reader.int32() > 0) {
      reader.int32(); // partition
      errorCode = reader.int16();
      reader.int64(); // high watermark
      lastStableOffset = reader.int64();
      if (version >= 5) logStartOffset = reader.int64();
      aborted = Array.from({ length: Math.max(0, reader.int32()) }, () => ({
        producerId: reader.int64(),
        firstOffset: reader.int64(),
      }));
      if (version >= 11) reader.int32(); // preferred read replica: not used, we read from leaders
      records = reader.bytes();
    }
  }
  return {
    // From version 8 on the client has to hold itself back (KIP-219).
    clientSideThrottleTime: version >= 8 ? throttleMs : 0,
    partition: { errorCode, lastStableOffset, logStartOffset, aborted, records, throttled: throttleMs > 0 },
  };
}

export function fetchResponse(version: number): WireResponse {
  if (version < 4) {
    throw new SluiceError('unsupported', `The broker speaks Fetch up to version ${version}, at least 4 is needed`, {
      hint: 'Use Kafka 0.11 or newer: older ones have no transactions, so there is no read-committed view to read.',
    });
  }
  return {
    decode: (payload) => Promise.resolve().then(() => decodeFetch(payload, version)),
    parse: (decoded) => Promise.resolve((decoded as DecodedFetch).partition),
  };
}
