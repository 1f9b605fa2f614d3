/** One append under the topic's lock: shares records out to partitions and puts the new state together. */
import { SluiceError } from '../../core/errors.ts';
import type { NewRecord } from '../../core/record.ts';
import { MAX_RECORD_BYTES, recordBytes } from './batch-format.ts';
import { PartitionWriter } from './partition-writer.ts';
import { partitionOfKey } from '../../core/partitioner.ts';
import type { AppendedRange } from './topic-log.ts';
import type { TopicState } from './topic-state.ts';

export interface TopicAppendOptions {
  readonly topicFolder: string;
  readonly now: () => number;
  readonly segmentBytes: number;
  readonly durable: boolean;
}

export class TopicAppend {
  readonly #topic: string;
  readonly #state: TopicState;
  readonly #options: TopicAppendOptions;
  readonly #writers = new Map<number, PartitionWriter>();
  /** Records without a key go round; counting on from what the topic holds makes that repeatable and even. */
  #keyless: number;

  constructor(topic: string, state: TopicState, options: TopicAppendOptions) {
    this.#topic = topic;
    this.#state = state;
    this.#options = options;
    const held = state.partitions.reduce((sum, log) => sum + log.end, 0n);
    this.#keyless = Number(held % BigInt(state.partitions.length));
  }

  /** A promise only when the caller has to wait before adding more. */
  add(record: NewRecord): Promise<void> | undefined {
    const partition = this.#partitionOf(record);
    const timestampMs = record.timestampMs ?? this.#options.now();
    if (!Number.isSafeInteger(timestampMs) || timestampMs < -1) {
      throw invalid(this.#topic, `timestamp ${timestampMs} is not a number of milliseconds since 1970`);
    }
    const bytes = recordBytes(record);
    if (bytes > MAX_RECORD_BYTES) throw invalid(this.#topic, `it has ${bytes} bytes, the most is ${MAX_RECORD_BYTES}`);
    return this.#writer(partition).add(record, timestampMs);
  }

  /** Writes and syncs everything; the state to acknowledge (the old one when nothing was added). */
  async finish(): Promise<TopicState> {
    if (this.#writers.size === 0) return this.#state;
    const partitions = [...this.#state.partitions];
    const finishing = [...this.#writers].map(async ([partition, writer]) => {
      partitions[partition] = await writer.finish();
    });
    // All of them are waited for, so that none still writes when the lock is gone.
    const results = await Promise.allSettled(finishing);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return { ...this.#state, partitions };
  }

  async abandon(): Promise<void> {
    for (const writer of this.#writers.values()) await writer.abandon();
  }

  /** What was added, by partition. */
  ranges(): readonly AppendedRange[] {
    const sorted = [...this.#writers].toSorted(([a], [b]) => a - b);
    return sorted.map(([partition, writer]) => ({
      partition,
      from: this.#state.partitions[partition]?.end ?? 0n,
      to: writer.nextOffset,
    }));
  }

  #partitionOf(record: NewRecord): number {
    const count = this.#state.partitions.length;
    if (record.partition !== undefined) {
      if (Number.isInteger(record.partition) && record.partition >= 0 && record.partition < count)
        return record.partition;
      throw invalid(
        this.#topic,
        `partition ${record.partition} does not exist, the topic has ${count} (counted from 0)`,
      );
    }
    if (record.key !== null) {
      return partitionOfKey(typeof record.key === 'string' ? Buffer.from(record.key) : record.key, count);
    }
    const partition = this.#keyless;
    this.#keyless = (partition + 1) % count;
    return partition;
  }

  #writer(partition: number): PartitionWriter {
    const known = this.#writers.get(partition);
    if (known !== undefined) return known;
    const log = this.#state.partitions[partition];
    if (log === undefined) throw invalid(this.#topic, `partition ${partition} does not exist`);
    const { topicFolder, segmentBytes, durable } = this.#options;
    const writer = new PartitionWriter(log, { topicFolder, partition, segmentBytes, durable });
    this.#writers.set(partition, writer);
    return writer;
  }
}

function invalid(topic: string, what: string): SluiceError {
  return new SluiceError('topic_record_invalid', `A record for topic ${topic} is not valid: ${what}`);
}
