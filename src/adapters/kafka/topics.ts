/** Administration and producing for `sluice topic … --target kafka`, by kafkajs's public API. Reading is stream.ts's. */
import type { Admin, IHeaders, Kafka, Message, Producer } from 'kafkajs';
import { SluiceError } from '../../core/errors.ts';
import { partitionOfKey } from '../../core/partitioner.ts';
import type { NewRecord } from '../../core/record.ts';
import { pause } from './abortable.ts';
import { DEFAULT_RETRY, KafkaConnection, type TopicMetadata } from './connection.ts';
import { BrokerReply, ERROR_CODE, kafkaFailure } from './failures.ts';
import { createKafka } from './kafkajs-internals.ts';
import { listOffsets } from './list-offsets.ts';
import { kafkaConfig, type KafkaOptions } from './options.ts';

export interface KafkaTopicPartition {
  readonly partition: number;
  readonly start: bigint;
  readonly end: bigint;
  /** Offsets between start and end; some may be control records or compacted away. */
  readonly records: bigint;
  /** Kafka tells the size of a log to nobody but its own brokers' administrators. */
  readonly bytes: null;
}

export interface KafkaTopicDescription {
  readonly topic: string;
  readonly partitions: readonly KafkaTopicPartition[];
}

interface Range {
  readonly partition: number;
  from: bigint;
  to: bigint;
}

/** One request's worth: well under the broker's default `message.max.bytes` of 1 MB per batch. */
const SEND_BYTES = 500_000;
const SEND_RECORDS = 5_000;
const SETTLE_FOR_MS = 10_000;
const SETTLE_POLL_MS = 20;
const BROKER_DEFAULT = -1;
const TOPIC_ALREADY_EXISTS = 36;

export class KafkaTopics {
  readonly #kafka: Kafka;
  readonly #connection: KafkaConnection;
  readonly #now: () => number;

  constructor(options: KafkaOptions, { now = Date.now }: { readonly now?: () => number } = {}) {
    this.#kafka = createKafka(kafkaConfig(options, DEFAULT_RETRY.connectTimeoutMs));
    this.#connection = new KafkaConnection(options, DEFAULT_RETRY);
    this.#now = now;
  }

  async create(topic: string, partitions: number): Promise<void> {
    await this.#administer(`Creating topic ${topic}`, topic, async (admin) => {
      const settings = { topic, numPartitions: partitions, replicationFactor: BROKER_DEFAULT };
      // kafkajs's own waiting takes "unknown topic" for an answer, which a busy broker gives for a moment.
      const created = await admin.createTopics({ topics: [settings], waitForLeaders: false });
      if (!created) throw new SluiceError('topic_exists', `Topic ${topic} exists already in Kafka`);
    });
    await this.#until(topic, (found) => leaders(found) === partitions);
  }

  async addPartitions(topic: string, total: number): Promise<void> {
    const { partitions } = await this.#found(topic);
    if (total === partitions.length) return;
    if (total < partitions.length) {
      throw new SluiceError(
        'usage',
        `Topic ${topic} has ${partitions.length} partitions; it cannot shrink to ${total}`,
      );
    }
    await this.#administer(`Adding partitions to ${topic}`, topic, async (admin) => {
      await admin.createPartitions({ topicPartitions: [{ topic, count: total }] });
    });
    await this.#until(topic, (found) => leaders(found) === total);
  }

  async delete(topic: string): Promise<void> {
    await this.#found(topic);
    await this.#administer(`Deleting topic ${topic}`, topic, async (admin) => {
      await admin.deleteTopics({ topics: [topic] });
    });
    await this.#until(topic, (found) => found?.errorCode !== ERROR_CODE.NONE);
  }

  async trim(topic: string, partition: number, beforeOffset: bigint): Promise<bigint> {
    const log = (await this.#found(topic)).partitions[partition];
    if (log === undefined) throw new SluiceError('topic_missing', `Topic ${topic} has no partition ${partition}`);
    if (beforeOffset > log.end) {
      throw new SluiceError(
        'offset_out_of_range',
        `Cannot trim ${topic} partition ${partition} before offset ${beforeOffset}: it holds ${log.start} to ${log.end}`,
      );
    }
    if (beforeOffset <= log.start) return log.start;
    await this.#administer(`Trimming ${topic} partition ${partition}`, topic, async (admin) => {
      // Loads the topic's metadata, which deleteTopicRecords needs and does not fetch.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(beforeOffset) }] });
    });
    const [bounds] = await this.#bounds([{ topic, partition }]);
    return bounds?.start ?? beforeOffset;
  }

  async describe(topics: readonly string[] = []): Promise<readonly KafkaTopicDescription[]> {
    const metadata = await this.#connection.metadata(topics);
    const missing = topics.filter((topic) => metadata.get(topic)?.errorCode !== ERROR_CODE.NONE);
    if (missing.length > 0) {
      throw new SluiceError('topic_missing', `Topics that do not exist in Kafka: ${missing.join(', ')}`, {
        details: { topics: missing },
      });
    }
    // Kafka's own bookkeeping begins with two underscores.
    const names = [...metadata.keys()].filter((topic) => topics.includes(topic) || !topic.startsWith('__')).toSorted();
    const places = names.flatMap((topic) =>
      [...(metadata.get(topic)?.leaders.keys() ?? [])]
        .toSorted((a, b) => a - b)
        .map((partition) => ({ topic, partition })),
    );
    const bounds = await this.#bounds(places);
    return names.map((topic) => ({
      topic,
      partitions: bounds
        .filter((found) => found.topic === topic)
        .map(({ partition, start, end }) => ({ partition, start, end, records: end - start, bytes: null })),
    }));
  }

  /**
   * Acknowledged by all in-sync replicas when it resolves. Kafka takes one request after the other: when it fails in the middle, the
   * records sent before are there, and the error says how many.
   */
  async append(topic: string, records: Iterable<NewRecord> | AsyncIterable<NewRecord>): Promise<readonly Range[]> {
    const sending = new Sending(topic, (await this.#found(topic)).partitions.length, this.#now);
    const producer = this.#kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
    });
    try {
      await producer.connect();
      for await (const record of records) {
        sending.add(record);
        if (sending.isFull) await sending.flush(producer);
      }
      await sending.flush(producer);
      return sending.ranges();
    } catch (error) {
      throw failure(error, `Producing to ${topic} (${sending.sent} records were appended before)`);
    } finally {
      await producer.disconnect();
    }
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** The controller has decided; the brokers hear of it a moment later. Whoever uses the topic next should not have to know. */
  async #until(topic: string, condition: (found: TopicMetadata | undefined) => boolean): Promise<void> {
    const deadline = performance.now() + SETTLE_FOR_MS;
    while (!condition((await this.#connection.metadata([topic])).get(topic)) && performance.now() < deadline) {
      await pause(SETTLE_POLL_MS, undefined);
    }
  }

  async #found(topic: string): Promise<KafkaTopicDescription> {
    const [description] = await this.describe([topic]);
    if (description === undefined) throw new SluiceError('topic_missing', `Topic ${topic} does not exist in Kafka`);
    return description;
  }

  async #bounds(
    places: readonly { readonly topic: string; readonly partition: number }[],
  ): ReturnType<typeof listOffsets> {
    return this.#connection.retrying('Asking Kafka for offsets', undefined, () =>
      listOffsets(this.#connection, places),
    );
  }

  async #administer(doing: string, topic: string, work: (admin: Admin) => Promise<void>): Promise<void> {
    // Says clearly what is wrong with the connection; kafkajs's admin client would try for long and then say little.
    await this.#connection.metadata([topic]);
    const admin = this.#kafka.admin({ retry: { retries: 3 } });
    try {
      await admin.connect();
      await work(admin);
    } catch (error) {
      throw failure(error, doing);
    } finally {
      await admin.disconnect();
    }
  }
}

/** Collects one request after the other and what came of them. */
class Sending {
  readonly #topic: string;
  readonly #partitions: number;
  readonly #now: () => number;
  readonly #ranges = new Map<number, Range>();
  #messages: Message[] = [];
  #bytes = 0;
  #keyless = 0;
  sent = 0;

  constructor(topic: string, partitions: number, now: () => number) {
    this.#topic = topic;
    this.#partitions = partitions;
    this.#now = now;
  }

  get isFull(): boolean {
    return this.#bytes >= SEND_BYTES || this.#messages.length >= SEND_RECORDS;
  }

  add(record: NewRecord): void {
    const key = bytesOf(record.key);
    const value = bytesOf(record.value);
    this.#messages.push({
      key,
      value,
      partition: record.partition ?? this.#partitionOf(key),
      timestamp: String(record.timestampMs ?? this.#now()),
      ...(record.headers === undefined ? {} : { headers: headersOf(record.headers) }),
    });
    this.#bytes += (key?.length ?? 0) + (value?.length ?? 0) + 50;
  }

  async flush(producer: Producer): Promise<void> {
    const messages = this.#messages;
    if (messages.length === 0) return;
    this.#messages = [];
    this.#bytes = 0;
    const results = await producer.send({ topic: this.#topic, messages, acks: -1 });
    this.sent += messages.length;
    const counts = Map.groupBy(messages, ({ partition }) => partition);
    for (const { partition, baseOffset } of results) {
      const from = BigInt(baseOffset ?? '0');
      const to = from + BigInt(counts.get(partition)?.length ?? 0);
      const range = this.#ranges.get(partition);
      if (range === undefined) this.#ranges.set(partition, { partition, from, to });
      else range.to = to;
    }
  }

  ranges(): readonly Range[] {
    return [...this.#ranges.values()].toSorted((a, b) => a.partition - b.partition);
  }

  #partitionOf(key: Buffer | null): number {
    if (key !== null) return partitionOfKey(key, this.#partitions);
    this.#keyless = (this.#keyless + 1) % this.#partitions;
    return this.#keyless;
  }
}

/** Partitions that have a leader. */
function leaders(found: TopicMetadata | undefined): number {
  return [...(found?.leaders.values() ?? [])].filter((node) => node >= 0).length;
}

function bytesOf(field: string | Uint8Array | null): Buffer | null {
  if (field === null) return null;
  return typeof field === 'string' ? Buffer.from(field) : Buffer.from(field.buffer, field.byteOffset, field.length);
}

function headersOf(headers: NonNullable<NewRecord['headers']>): IHeaders {
  const grouped: Record<string, Buffer[]> = Object.create(null) as Record<string, Buffer[]>;
  for (const [name, value] of headers) {
    const bytes = bytesOf(value);
    if (bytes === null) throw new SluiceError('unsupported', `Header ${name} is null: kafkajs cannot send that`);
    grouped[name] = [...(grouped[name] ?? []), bytes];
  }
  return grouped;
}

/** kafkajs wraps the broker's answer in what its retries, and its batches of topics, made of it. */
function failure(error: unknown, doing: string): Error {
  let inner: unknown = error;
  for (let depth = 0; depth < 10 && inner instanceof Error; depth += 1) {
    const { cause } = inner;
    const first: unknown = 'errors' in inner && Array.isArray(inner.errors) ? inner.errors[0] : cause;
    if (!(first instanceof Error)) break;
    inner = first;
  }
  if (inner instanceof Error && 'code' in inner && typeof inner.code === 'number') {
    if (inner.code === TOPIC_ALREADY_EXISTS)
      return new SluiceError('topic_exists', `${doing} failed: it exists already`);
    return kafkaFailure(new BrokerReply(inner.code, doing), doing);
  }
  return kafkaFailure(inner, doing);
}
