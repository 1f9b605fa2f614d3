/** Reads the topic log as a StreamSource. Never takes the writers' lock: it reads what topic.json acknowledges. */
import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '../../core/errors.ts';
import type { PartitionOffsets, SourceRecord } from '../../core/record.ts';
import type { ReadRequest, RecordChunk, StreamSource } from '../../ingest/ports.ts';
import { makeFolders } from '../folders/make-folders.ts';
import { ioError, systemCode } from './io-error.ts';
import { DEFAULT_CHUNK_BYTES, readSegment } from './segment-reader.ts';
import { partitionMissing, topicMissing, type TopicLog } from './topic-log.ts';
import { isTopicName } from './topic-name.ts';
import type { PartitionLog, TopicState } from './topic-state.ts';

/** A single record is read with little around it. */
const SINGLE_RECORD_CHUNK_BYTES = 64 * 1024;

export class TopicLogStream implements StreamSource {
  readonly #log: TopicLog;
  readonly #chunkBytes: number;

  constructor(log: TopicLog, options: { readonly chunkBytes?: number } = {}) {
    this.#log = log;
    this.#chunkBytes = options.chunkBytes ?? DEFAULT_CHUNK_BYTES;
  }

  async partitions(topics: readonly string[]): Promise<readonly PartitionOffsets[]> {
    const described = await this.#log.describe(topics);
    return described.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, start, end }) => ({ topic, partition, start, end })),
    );
  }

  async *read(request: ReadRequest): AsyncGenerator<RecordChunk> {
    if (request.from >= request.to) return;
    const { state, log } = await this.#partition(request.topic, request.partition);
    if (request.from < log.start || request.to > log.end) throw outOfRange(request, log);
    try {
      yield* this.#readLog(request, state.id, log, this.#chunkBytes);
    } catch (error) {
      throw ioError(error, `Reading ${request.topic} partition ${request.partition} in ${this.#log.root}`);
    }
  }

  async recordAt(topic: string, partition: number, offset: bigint): Promise<SourceRecord | undefined> {
    const state = await this.#state(topic);
    const log = state.partitions[partition];
    if (log === undefined || offset < log.start || offset >= log.end) return undefined;
    const request: ReadRequest = { topic, partition, from: offset, to: offset + 1n };
    for await (const chunk of this.#readLog(request, state.id, log, SINGLE_RECORD_CHUNK_BYTES)) {
      const record = chunk.records[0];
      if (record !== undefined) return record;
    }
    return undefined;
  }

  /** Kept in a file per group that nothing reads: whoever watches lag can. A failure is of no consequence. */
  async commitOffsets(
    group: string,
    offsets: readonly { topic: string; partition: number; offset: bigint }[],
  ): Promise<void> {
    const folder = join(this.#log.root, '+groups');
    const file = join(folder, `${createHash('sha256').update(group).digest('hex').slice(0, 32)}.json`);
    try {
      await makeFolders(folder);
      const known = await readCommitted(file);
      for (const { topic, partition, offset } of offsets) known[`${topic}/${partition}`] = String(offset);
      const temporary = `${file}.${process.pid}.tmp`;
      await writeFile(temporary, `${JSON.stringify({ group, offsets: known }, null, 1)}\n`);
      await rename(temporary, file);
    } catch {
      // Advisory by contract: the positions that count are in the state store.
    }
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  async *#readLog(
    request: ReadRequest,
    id: string,
    log: PartitionLog,
    chunkBytes: number,
  ): AsyncGenerator<RecordChunk> {
    const { topic, partition, to, signal } = request;
    let offset = request.from;
    while (offset < to) {
      signal?.throwIfAborted();
      const segment = log.segments.findLast(({ base }) => base <= offset);
      if (segment === undefined) throw outOfRange({ ...request, from: offset }, log);
      const before = offset;
      const topicFolder = this.#log.folder(topic);
      const chunks = readSegment({ topicFolder, partition, segment, from: offset, to, chunkBytes, signal });
      try {
        for await (const chunk of chunks) {
          offset = chunk.nextOffset;
          yield chunk;
        }
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw error;
        await this.#explainMissing({ ...request, from: offset }, id);
        throw error;
      }
      if (offset === before) {
        throw new SluiceError('topic_log_corrupt', `${topic} partition ${partition} has nothing at offset ${offset}`);
      }
    }
  }

  /** A segment is gone since the state was read: trimmed, or the topic was deleted. */
  async #explainMissing(request: ReadRequest, id: string): Promise<void> {
    const { state, log } = await this.#partition(request.topic, request.partition);
    if (state.id !== id) {
      throw new SluiceError('topic_missing', `Topic ${request.topic} was deleted and created again while it was read`);
    }
    if (request.from < log.start) throw outOfRange(request, log);
  }

  async #state(topic: string): Promise<TopicState> {
    const state = isTopicName(topic) ? await this.#log.state(topic) : undefined;
    if (state === undefined) throw topicMissing([topic], this.#log.root);
    return state;
  }

  async #partition(topic: string, partition: number): Promise<{ state: TopicState; log: PartitionLog }> {
    const state = await this.#state(topic);
    const log = state.partitions[partition];
    if (log === undefined) throw partitionMissing(topic, partition, state.partitions.length);
    return { state, log };
  }
}

function outOfRange(request: ReadRequest, log: PartitionLog): SluiceError {
  const { topic, partition, from, to } = request;
  return new SluiceError(
    'offset_out_of_range',
    `Offsets ${from} to ${to} of ${topic} partition ${partition} are not there: the log holds ${log.start} to ${log.end}`,
    {
      details: {
        topic,
        partition,
        offset: String(from),
        to: String(to),
        logStart: String(log.start),
        logEnd: String(log.end),
      },
    },
  );
}

async function readCommitted(file: string): Promise<Record<string, string>> {
  const known: Record<string, string> = Object.create(null) as Record<string, string>;
  try {
    const parsed: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof parsed !== 'object' || parsed === null || !('offsets' in parsed)) return known;
    for (const [name, offset] of Object.entries(parsed.offsets ?? {})) {
      if (typeof offset === 'string') known[name] = offset;
    }
  } catch {
    // No file yet, or a damaged one: it is written anew.
  }
  return known;
}
