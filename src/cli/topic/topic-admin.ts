/** What `sluice topic …` needs of a stream; the topic log and Kafka both offer it. */
import type { StreamConfig } from '../../config/target.ts';
import type { NewRecord } from '../../core/record.ts';

export interface TopicPartitionInfo {
  readonly partition: number;
  readonly start: bigint;
  /** Exclusive. */
  readonly end: bigint;
  /** Offsets between start and end; with Kafka some of them may be control records or compacted away. */
  readonly records: bigint;
  /** null where the stream does not tell. */
  readonly bytes: number | null;
}

export interface TopicInfo {
  readonly topic: string;
  readonly partitions: readonly TopicPartitionInfo[];
}

export interface AppendedTo {
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

export interface TopicAdmin {
  /** Throws `topic_exists`. */
  create(topic: string, partitions: number): Promise<void>;
  delete(topic: string): Promise<void>;
  addPartitions(topic: string, total: number): Promise<void>;
  /** The named topics (`topic_missing` names all that are not there), or all. */
  describe(topics?: readonly string[]): Promise<readonly TopicInfo[]>;
  /** What was appended, by partition in ascending order. */
  append(topic: string, records: Iterable<NewRecord> | AsyncIterable<NewRecord>): Promise<readonly AppendedTo[]>;
  /** The log start afterwards. */
  trim(topic: string, partition: number, beforeOffset: bigint): Promise<bigint>;
  close(): Promise<void>;
}

/** Opens the target's stream for administration. Each adapter is loaded only when its kind of stream is asked for. */
export async function openTopicAdmin(config: StreamConfig, now: () => number): Promise<TopicAdmin> {
  if (config.type === 'topic_log') {
    const { TopicLog } = await import('../../adapters/topic-log/topic-log.ts');
    return new TopicLog(config.path, { now });
  }
  const { KafkaTopics } = await import('../../adapters/kafka/topics.ts');
  return new KafkaTopics(config, { now });
}
