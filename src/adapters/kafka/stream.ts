/** Kafka as a StreamSource: exact offset ranges, read committed, no consumer group. */
import { SluiceError } from '../../core/errors.ts';
import type { PartitionOffsets, SourceRecord } from '../../core/record.ts';
import type { ReadRequest, RecordChunk, StreamSource } from '../../ingest/ports.ts';
import { DEFAULT_RETRY, KafkaConnection, type RetryTiming } from './connection.ts';
import { BrokerReply, ERROR_CODE } from './failures.ts';
import { type FetchedPartition, fetchResponse } from './fetch-response.ts';
import { commitGroupOffsets, type GroupOffset } from './group-offsets.ts';
import { listOffsets } from './list-offsets.ts';
import type { KafkaOptions } from './options.ts';
import {
  DEFAULT_READ,
  type PartitionFetcher,
  PartitionReader,
  type ReadSettings,
  throwUnlessReadable,
} from './partition-reader.ts';

export interface KafkaStreamSettings extends Partial<ReadSettings>, Partial<RetryTiming> {
  /** Told what did not work out but does not matter to the run. */
  readonly onWarning?: (message: string) => void;
}

const READ_COMMITTED = 1;
/** Everything in a range is there already, so a fetch never waits for data; this bounds the rare empty answer. */
const MAX_WAIT_MS = 100;
const SINGLE_RECORD_BYTES = 64 * 1024;

export class KafkaStream implements StreamSource {
  readonly #connection: KafkaConnection;
  readonly #read: ReadSettings;
  readonly #onWarning: (message: string) => void;

  constructor(options: KafkaOptions, settings: KafkaStreamSettings = {}) {
    this.#connection = new KafkaConnection(options, { ...DEFAULT_RETRY, ...settings });
    this.#read = { ...DEFAULT_READ, ...settings };
    this.#onWarning = settings.onWarning ?? (() => undefined);
  }

  async partitions(topics: readonly string[], signal?: AbortSignal): Promise<readonly PartitionOffsets[]> {
    const names = [...new Set(topics)].toSorted();
    if (names.length === 0) return [];
    const metadata = await this.#connection.retrying(`Asking Kafka for ${names.join(', ')}`, signal, async () => {
      const found = await this.#connection.metadata(names, signal);
      for (const { topic, errorCode } of found.values()) {
        // A topic that this user may not DESCRIBE comes without partitions, which is not the same as having none.
        if (errorCode !== ERROR_CODE.NONE && !isMissing(errorCode)) throw new BrokerReply(errorCode, topic);
      }
      return found;
    });
    const missing = names.filter((topic) => isMissing(metadata.get(topic)?.errorCode));
    if (missing.length > 0) throw topicsMissing(missing);
    const places = names.flatMap((topic) =>
      [...(metadata.get(topic)?.leaders.keys() ?? [])]
        .toSorted((a, b) => a - b)
        .map((partition) => ({ topic, partition })),
    );
    return this.#connection.retrying(`Asking Kafka for the offsets of ${names.join(', ')}`, signal, () =>
      listOffsets(this.#connection, places),
    );
  }

  async *read(request: ReadRequest): AsyncGenerator<RecordChunk> {
    if (request.from >= request.to) return;
    if (!(await this.#exists(request.topic, request.partition, request.signal))) {
      throw new SluiceError('topic_missing', `Topic ${request.topic} has no partition ${request.partition}`);
    }
    yield* new PartitionReader(this.#fetcher(request), request, this.#read).chunks();
  }

  async recordAt(
    topic: string,
    partition: number,
    offset: bigint,
    signal?: AbortSignal,
  ): Promise<SourceRecord | undefined> {
    if (!(await this.#exists(topic, partition, signal))) return undefined;
    const request: ReadRequest = {
      topic,
      partition,
      from: offset,
      to: offset + 1n,
      ...(signal === undefined ? {} : { signal }),
    };
    const fetcher = this.#fetcher(request);
    const { start, end } = await fetcher.bounds(signal);
    if (offset < start || offset >= end) return undefined;
    try {
      for await (const chunk of new PartitionReader(fetcher, request, {
        ...this.#read,
        fetchBytes: SINGLE_RECORD_BYTES,
      }).chunks()) {
        const record = chunk.records[0];
        if (record !== undefined) return record;
      }
    } catch (error) {
      // Deleted since the bounds were asked for.
      if (!(error instanceof SluiceError && error.code === 'offset_out_of_range')) throw error;
    }
    return undefined;
  }

  async commitOffsets(group: string, offsets: readonly GroupOffset[]): Promise<void> {
    const problem = await commitGroupOffsets(this.#connection, group, offsets);
    if (problem !== null)
      this.#onWarning(`The offsets of group ${group} were not committed (only lag monitors miss them): ${problem}`);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** Whether the topic has the partition; `topic_missing` when there is no such topic. */
  async #exists(topic: string, partition: number, signal: AbortSignal | undefined): Promise<boolean> {
    if (this.#connection.knows(topic, partition)) return true;
    const metadata = (await this.#connection.metadata([topic], signal)).get(topic);
    if (metadata === undefined || isMissing(metadata.errorCode)) throw topicsMissing([topic]);
    return metadata.leaders.has(partition);
  }

  #fetcher({ topic, partition }: ReadRequest): PartitionFetcher {
    const place = `${topic} partition ${partition}`;
    return {
      fetch: (offset, maxBytes, signal) =>
        this.#connection.retrying(`Reading ${place} at offset ${offset}`, signal, async () => {
          const partitions = [{ partition, fetchOffset: String(offset), maxBytes }];
          const topics = [{ topic, partitions }];
          const parameters = {
            isolationLevel: READ_COMMITTED,
            maxWaitTime: MAX_WAIT_MS,
            minBytes: 1,
            maxBytes,
            topics,
          };
          const fetched = await this.#connection.toLeader<FetchedPartition>(
            { topic, partition },
            'Fetch',
            parameters,
            fetchResponse,
          );
          return throwUnlessReadable(fetched, place);
        }),
      bounds: (signal) =>
        this.#connection.retrying(`Asking Kafka for the offsets of ${place}`, signal, async () => {
          const [bounds] = await listOffsets(this.#connection, [{ topic, partition }]);
          if (bounds === undefined) throw new BrokerReply(ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION, place);
          return bounds;
        }),
    };
  }
}

function isMissing(errorCode: number | undefined): boolean {
  return (
    errorCode === undefined ||
    errorCode === ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION ||
    errorCode === ERROR_CODE.INVALID_TOPIC
  );
}

function topicsMissing(topics: readonly string[]): SluiceError {
  const names = topics.join(', ');
  const message =
    topics.length === 1 ? `Topic ${names} does not exist in Kafka` : `Topics ${names} do not exist in Kafka`;
  return new SluiceError('topic_missing', message, {
    hint: 'Check the names in the job, and whether this user may DESCRIBE the topics: Kafka shows others none.',
    details: { topics },
  });
}
