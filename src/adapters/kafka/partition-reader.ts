/**
 * Reads [from, to) of one partition as a read-committed consumer sees it.
 *
 * The range ends when the *position* reaches `to`, never when a record of some offset came: the last slot may hold a transaction's
 * control record or nothing at all (compaction). Every whole batch says which offsets it covers, so holes move the position too. What
 * remains is a response without a whole batch although `to` lies below the last stable offset, see `#withoutProgress`.
 *
 * The next fetch is under way while the records of the one before are decoded and worked on.
 */
import { SluiceError } from '../../core/errors.ts';
import type { SourceRecord } from '../../core/record.ts';
import type { ReadRequest, RecordChunk } from '../../ingest/ports.ts';
import { pause } from './abortable.ts';
import { BrokerReply, ERROR_CODE } from './failures.ts';
import type { AbortedTransaction, FetchedPartition } from './fetch-response.ts';
import {
  BadBatch,
  type BatchHeader,
  decodeBatch,
  isAbortMarker,
  isControl,
  isTransactional,
  type ScannedBatches,
  scanBatches,
} from './record-batch.ts';

/** Where a partition's bytes come from. */
export interface PartitionFetcher {
  /** Retries what passes by itself; the error code is NONE or OFFSET_OUT_OF_RANGE. */
  fetch(offset: bigint, maxBytes: number, signal?: AbortSignal): Promise<FetchedPartition>;
  /** Log start and last stable offset now. */
  bounds(signal?: AbortSignal): Promise<{ readonly start: bigint; readonly end: bigint }>;
}

export interface ReadSettings {
  /** Asked for per fetch. The broker sends at least one batch however large, so this is no limit on records. */
  readonly fetchBytes: number;
  /** A chunk is closed at about this size; compressed batches unpack to many times what was fetched. */
  readonly chunkBytes: number;
  /** How long the last stable offset may stay below `to`: a new leader learns it within moments. */
  readonly endWaitMs: number;
}

/**
 * Half a megabyte: 12 partitions at once stay at 230 MB of process memory, with 1 MB it is 340 MB for a tenth more speed (a million
 * records of 155 bytes; V8 lets buffers pile up in proportion to their size).
 */
export const DEFAULT_READ: ReadSettings = { fetchBytes: 512 * 1024, chunkBytes: 512 * 1024, endWaitMs: 10_000 };

/** Answers without data at one offset before the next ones are asked for too. */
const EMPTY_ANSWERS = 3;
/** A larger batch than this is not what it seems. */
const MAX_BATCH_BYTES = 1024 * 1024 * 1024;
/** Held back by a quota for longer than this, the run should say so. */
const THROTTLED_FOR_MS = 300_000;
const POLL_MS = 50;

interface Progress {
  /** Next offset to hand out. */
  position: bigint;
  /** Next offset to ask for; differs from `position` while stepping over what looks like a hole. */
  ask: bigint;
  maxBytes: number;
  emptyAnswers: number;
  /** When the last batch came. */
  since: number;
}

export class PartitionReader {
  readonly #fetcher: PartitionFetcher;
  readonly #request: ReadRequest;
  readonly #settings: ReadSettings;

  constructor(fetcher: PartitionFetcher, request: ReadRequest, settings: ReadSettings) {
    this.#fetcher = fetcher;
    this.#request = request;
    this.#settings = settings;
  }

  async *chunks(): AsyncGenerator<RecordChunk> {
    const { from, to } = this.#request;
    const progress: Progress = {
      position: from,
      ask: from,
      maxBytes: this.#settings.fetchBytes,
      emptyAnswers: 0,
      since: performance.now(),
    };
    let ahead: Promise<FetchedPartition> | null = null;
    while (progress.position < to) {
      this.#request.signal?.throwIfAborted();
      const fetched: FetchedPartition = await (ahead ?? this.#fetch(progress));
      ahead = null;
      if (fetched.errorCode === ERROR_CODE.OFFSET_OUT_OF_RANGE) throw await this.#outOfRange(progress.position);
      const scanned = this.#checked(progress.position, () => scanBatches(fetched.records));
      const last = scanned.batches.at(-1);
      if (last === undefined || last.lastOffset < progress.position) {
        await this.#withoutProgress(fetched, scanned, progress);
        if (progress.position >= to) yield { records: [], nextOffset: to };
        continue;
      }
      const position = progress.position;
      const next = last.lastOffset + 1n;
      Object.assign(progress, { position: next, ask: next, maxBytes: this.#settings.fetchBytes, emptyAnswers: 0 });
      if (next < to) {
        ahead = this.#fetch(progress);
        // Awaited in the next round; whoever stops reading before must not cause an unhandled rejection.
        ahead.catch(() => undefined);
      }
      yield* this.#decoded(fetched, scanned.batches, position);
      progress.since = performance.now();
    }
  }

  async #fetch({ ask, maxBytes }: Progress): Promise<FetchedPartition> {
    return this.#fetcher.fetch(ask, maxBytes, this.#request.signal);
  }

  *#decoded(fetched: FetchedPartition, batches: readonly BatchHeader[], from: bigint): Generator<RecordChunk> {
    const { to } = this.#request;
    const transactions = new AbortedTransactions(fetched.aborted);
    let records: SourceRecord[] = [];
    let bytes = 0;
    let nextOffset = from;
    for (const batch of batches) {
      if (batch.baseOffset >= to) {
        nextOffset = to;
        break;
      }
      if (bytes >= this.#settings.chunkBytes) {
        yield { records, nextOffset };
        records = [];
        bytes = 0;
      }
      const visible = this.#checked(batch.baseOffset, () => transactions.isVisible(fetched.records, batch));
      if (batch.lastOffset < from) continue;
      if (visible) {
        bytes += this.#checked(batch.baseOffset, () => decodeBatch(fetched.records, batch, { from, to }, records));
      }
      nextOffset = batch.lastOffset < to ? batch.lastOffset + 1n : to;
    }
    yield { records, nextOffset };
  }

  /**
   * No whole batch at or behind the position. Either one is larger than what was asked for (brokers since 0.10.1 send it anyway), or
   * the client is throttled, or the log's stable end lies below `to`, or there is a hole up to the end: the last batch was a tombstone
   * or control record that the cleaner removed. A hole is believed only after several answers in a row without data, at the position
   * and at offsets stepping (1, 2, 4, …) up to `to`, each of them saying that the log is stable beyond `to`.
   */
  async #withoutProgress(fetched: FetchedPartition, scanned: ScannedBatches, progress: Progress): Promise<void> {
    const { to } = this.#request;
    const waited = performance.now() - progress.since;
    if (scanned.cutOffBytes > 0) {
      if (scanned.cutOffBytes > MAX_BATCH_BYTES) {
        throw this.#undecodable(progress.position, `a batch claims to have ${scanned.cutOffBytes} bytes`, undefined);
      }
      progress.maxBytes = Math.max(scanned.cutOffBytes, progress.maxBytes * 2);
      return;
    }
    if (fetched.throttled) {
      if (waited > THROTTLED_FOR_MS) {
        throw new SluiceError(
          'broker_error',
          `${this.#place(progress.position)}: the broker's quota lets no data through`,
        );
      }
      await pause(POLL_MS, this.#request.signal);
      return;
    }
    if (fetched.lastStableOffset < to) {
      if (waited > this.#settings.endWaitMs) throw await this.#outOfRange(progress.position);
      await pause(POLL_MS, this.#request.signal);
      return;
    }
    progress.emptyAnswers += 1;
    progress.maxBytes = Math.min(progress.maxBytes * 2, MAX_BATCH_BYTES);
    if (progress.emptyAnswers < EMPTY_ANSWERS) return;
    if (progress.ask + 1n >= to) progress.position = to;
    else progress.ask = progress.position + 2n ** BigInt(progress.emptyAnswers - EMPTY_ANSWERS);
    if (progress.ask >= to) progress.ask = to - 1n;
  }

  #checked<T>(offset: bigint, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof SluiceError) throw error;
      const what = error instanceof Error ? error.message : String(error);
      throw this.#undecodable(error instanceof BadBatch ? error.offset : offset, what, error);
    }
  }

  #undecodable(offset: bigint, what: string, cause: unknown): SluiceError {
    const { topic, partition } = this.#request;
    return new SluiceError(
      'record_undecodable',
      `The batch at offset ${offset} of ${topic} partition ${partition} cannot be decoded: ${what}`,
      {
        cause,
        hint: 'Check the broker’s log and disk (kafka-dump-log.sh --deep-iteration); --accept-gap goes on behind it after a trim.',
        details: { topic, partition, offset: String(offset) },
      },
    );
  }

  async #outOfRange(offset: bigint): Promise<SluiceError> {
    const { topic, partition, to, signal } = this.#request;
    const { start, end } = await this.#fetcher.bounds(signal);
    return new SluiceError(
      'offset_out_of_range',
      `Offsets ${offset} to ${to} of ${topic} partition ${partition} are not there: the log holds ${start} to ${end}`,
      {
        details: {
          topic,
          partition,
          offset: String(offset),
          to: String(to),
          logStart: String(start),
          logEnd: String(end),
        },
      },
    );
  }

  #place(offset: bigint): string {
    const { topic, partition } = this.#request;
    return `Reading ${topic} partition ${partition} at offset ${offset}`;
  }
}

/** Raw failures of a fetch's partition; out of range is the reader's to explain. */
export function throwUnlessReadable(fetched: FetchedPartition, place: string): FetchedPartition {
  switch (fetched.errorCode) {
    case ERROR_CODE.NONE:
    case ERROR_CODE.OFFSET_OUT_OF_RANGE:
      return fetched;
    case ERROR_CODE.CORRUPT_MESSAGE:
      throw new SluiceError('record_undecodable', `${place}: the broker says that its log is damaged there`, {
        hint: 'Check the broker’s log and disk (kafka-dump-log.sh --deep-iteration).',
      });
    default:
      throw new BrokerReply(fetched.errorCode, place);
  }
}

/**
 * Which batches of one response belong to aborted transactions. The broker names every aborted transaction that touches the response by
 * producer and first offset; it ends with that producer's abort marker. (The same walk as the Java consumer's.)
 */
class AbortedTransactions {
  readonly #waiting: AbortedTransaction[];
  readonly #aborting = new Set<bigint>();

  constructor(aborted: readonly AbortedTransaction[]) {
    // Latest first, so that the next one to begin is at the end.
    this.#waiting = aborted.toSorted((a, b) => (a.firstOffset < b.firstOffset ? 1 : -1));
  }

  /** Has to be asked for every batch in order. */
  isVisible(buffer: Buffer, batch: BatchHeader): boolean {
    for (
      let next = this.#waiting.at(-1);
      next !== undefined && next.firstOffset <= batch.lastOffset;
      next = this.#waiting.at(-1)
    ) {
      this.#aborting.add(next.producerId);
      this.#waiting.pop();
    }
    if (isControl(batch)) {
      if (this.#aborting.has(batch.producerId) && isAbortMarker(buffer, batch)) this.#aborting.delete(batch.producerId);
      return false;
    }
    return !(isTransactional(batch) && this.#aborting.has(batch.producerId));
  }
}
