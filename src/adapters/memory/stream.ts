/** A stream source in memory, with Kafka's meaning. For tests: `skip` makes the offset holes that transactions and compaction leave. */
import { SluiceError } from '../../core/errors.ts';
import type { NewRecord, PartitionOffsets, SourceRecord } from '../../core/record.ts';
import type { ReadRequest, RecordChunk, StreamSource } from '../../ingest/ports.ts';
import { partitionOfKey } from '../../core/partitioner.ts';

interface MemoryPartition {
  start: bigint;
  end: bigint;
  records: SourceRecord[];
}

export interface MemoryStreamOptions {
  readonly now?: () => number;
  /** Small by default, so that tests see more than one chunk. */
  readonly chunkRecords?: number;
}

function bytesOf(field: string | Uint8Array | null): Uint8Array | null {
  return typeof field === 'string' ? Buffer.from(field) : field;
}

export class MemoryStream implements StreamSource {
  /** What was committed, `group/topic/partition` -> offset: for tests to look at. */
  readonly committed = new Map<string, bigint>();
  readonly #topics = new Map<string, MemoryPartition[]>();
  readonly #now: () => number;
  readonly #chunkRecords: number;

  constructor(options: MemoryStreamOptions = {}) {
    this.#now = options.now ?? Date.now;
    this.#chunkRecords = options.chunkRecords ?? 100;
  }

  create(topic: string, partitions: number): void {
    if (this.#topics.has(topic)) throw new SluiceError('topic_exists', `Topic ${topic} exists already`);
    this.#topics.set(topic, []);
    this.addPartitions(topic, partitions);
  }

  addPartitions(topic: string, total: number): void {
    const partitions = this.#topic(topic);
    while (partitions.length < total) partitions.push({ start: 0n, end: 0n, records: [] });
  }

  delete(topic: string): void {
    this.#topic(topic);
    this.#topics.delete(topic);
  }

  append(topic: string, records: Iterable<NewRecord>): void {
    const partitions = this.#topic(topic);
    let keyless = Number(partitions.reduce((sum, { end }) => sum + end, 0n) % BigInt(partitions.length));
    for (const record of records) {
      const key = bytesOf(record.key);
      const number =
        record.partition ?? (key === null ? keyless++ % partitions.length : partitionOfKey(key, partitions.length));
      const partition = this.#partition(topic, number);
      const stored: SourceRecord = {
        offset: partition.end,
        timestampMs: record.timestampMs ?? this.#now(),
        key,
        value: bytesOf(record.value),
      };
      const headers = record.headers?.map(([name, value]) => [name, bytesOf(value)] as const) ?? [];
      partition.records.push(headers.length === 0 ? stored : { ...stored, headers });
      partition.end += 1n;
    }
  }

  /** Uses up offsets without records. */
  skip(topic: string, partition: number, offsets: number): void {
    this.#partition(topic, partition).end += BigInt(offsets);
  }

  trim(topic: string, partition: number, beforeOffset: bigint): void {
    const log = this.#partition(topic, partition);
    if (beforeOffset <= log.start) return;
    log.start = beforeOffset;
    log.records = log.records.filter(({ offset }) => offset >= beforeOffset);
  }

  partitions(topics: readonly string[]): Promise<readonly PartitionOffsets[]> {
    const names = [...new Set(topics)].toSorted();
    const missing = names.filter((topic) => !this.#topics.has(topic));
    if (missing.length > 0) return Promise.reject(missingTopics(missing));
    return Promise.resolve(
      names.flatMap((topic) =>
        this.#topic(topic).map(({ start, end }, partition) => ({ topic, partition, start, end })),
      ),
    );
  }

  async *read({ topic, partition, from, to, signal }: ReadRequest): AsyncGenerator<RecordChunk> {
    let position = from;
    while (position < to) {
      signal?.throwIfAborted();
      const { start, end, records } = this.#partition(topic, partition);
      if (position < start || to > end) throw outOfRange({ topic, partition, from: position, to }, start, end);
      const at = records.findIndex(({ offset }) => offset >= position);
      const rest = at < 0 ? [] : records.slice(at, at + this.#chunkRecords).filter(({ offset }) => offset < to);
      const last = rest.at(-1);
      position = last === undefined || rest.length < this.#chunkRecords ? to : last.offset + 1n;
      yield { records: rest, nextOffset: position };
      // Others get their turn between two chunks, as with any real source.
      await Promise.resolve();
    }
  }

  recordAt(topic: string, partition: number, offset: bigint): Promise<SourceRecord | undefined> {
    const partitions = this.#topics.get(topic);
    if (partitions === undefined) return Promise.reject(missingTopics([topic]));
    return Promise.resolve(partitions[partition]?.records.find((record) => record.offset === offset));
  }

  commitOffsets(
    group: string,
    offsets: readonly { topic: string; partition: number; offset: bigint }[],
  ): Promise<void> {
    for (const { topic, partition, offset } of offsets) this.committed.set(`${group}/${topic}/${partition}`, offset);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #topic(topic: string): MemoryPartition[] {
    const partitions = this.#topics.get(topic);
    if (partitions === undefined) throw missingTopics([topic]);
    return partitions;
  }

  #partition(topic: string, partition: number): MemoryPartition {
    const log = this.#topic(topic)[partition];
    if (log === undefined) throw new SluiceError('topic_missing', `Topic ${topic} has no partition ${partition}`);
    return log;
  }
}

function missingTopics(topics: readonly string[]): SluiceError {
  return new SluiceError('topic_missing', `Topics that do not exist: ${topics.join(', ')}`, { details: { topics } });
}

function outOfRange(request: ReadRequest, start: bigint, end: bigint): SluiceError {
  const { topic, partition, from, to } = request;
  return new SluiceError(
    'offset_out_of_range',
    `Offsets ${from} to ${to} of ${topic} partition ${partition} are not there: the log holds ${start} to ${end}`,
    {
      details: { topic, partition, offset: String(from), to: String(to), logStart: String(start), logEnd: String(end) },
    },
  );
}
