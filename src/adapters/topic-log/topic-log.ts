/**
 * The on-disk topic log: topics, partitions, offsets and retention with Kafka's meaning, in a folder.
 *
 *   <root>/<topic>/topic.json                 what is acknowledged (topic-state.ts)
 *   <root>/<topic>/<partition>/<base>.log     segments (batch-format.ts) with a sparse .index beside each
 *   <root>/+locks, <root>/+groups             names that no topic can have: writers' locks, advisory group offsets
 *
 * Every change happens under the topic's lock and becomes visible, all of it, by the rename of topic.json, after the bytes it
 * names were synced. A process may die anywhere: the change is then either whole or absent.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '../../core/errors.ts';
import type { NewRecord } from '../../core/record.ts';
import { ioError, systemCode } from './io-error.ts';
import { DEFAULT_SEGMENT_BYTES } from './partition-writer.ts';
import { TopicAppend } from './topic-append.ts';
import { DEFAULT_LOCK_WAIT_MS, withTopicLock } from './topic-lock.ts';
import { assertTopicName, isTopicName } from './topic-name.ts';
import {
  type PartitionLog,
  partitionFolder,
  readTopicState,
  syncFolder,
  type TopicState,
  writeTopicState,
} from './topic-state.ts';

/** Every partition is a folder, and an open file while it is appended to. */
export const MAX_PARTITIONS = 1024;

export interface TopicLogOptions {
  /** Default timestamps; the wall clock where absent. */
  readonly now?: () => number;
  /** false: appends are not synced to the disk. For tests and demos only: a power cut may lose acknowledged records. */
  readonly durable?: boolean;
  readonly segmentBytes?: number;
  readonly lockWaitMs?: number;
}

export interface TopicPartition {
  readonly partition: number;
  readonly start: bigint;
  readonly end: bigint;
  readonly records: bigint;
  readonly bytes: number;
}

export interface TopicDescription {
  readonly topic: string;
  readonly partitions: readonly TopicPartition[];
}

export interface AppendedRange {
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

export function topicMissing(topics: readonly string[], where: string): SluiceError {
  const names = topics.join(', ');
  const message =
    topics.length === 1 ? `Topic ${names} does not exist in ${where}` : `Topics ${names} do not exist in ${where}`;
  return new SluiceError('topic_missing', message, {
    hint: topics.map((topic) => `sluice topic create ${topic} --partitions <n>`).join(' && '),
    details: { topics },
  });
}

export class TopicLog {
  readonly root: string;
  readonly #now: () => number;
  readonly #durable: boolean;
  readonly #segmentBytes: number;
  readonly #lockWaitMs: number;

  constructor(root: string, options: TopicLogOptions = {}) {
    this.root = root;
    this.#now = options.now ?? Date.now;
    this.#durable = options.durable ?? true;
    this.#segmentBytes = options.segmentBytes ?? DEFAULT_SEGMENT_BYTES;
    this.#lockWaitMs = options.lockWaitMs ?? DEFAULT_LOCK_WAIT_MS;
  }

  /** Throws `topic_exists`. */
  async create(topic: string, partitions: number): Promise<void> {
    assertTopicName(topic);
    assertPartitionCount(partitions);
    await this.#locked(topic, 'Creating', async () => {
      if ((await this.state(topic)) !== undefined) {
        throw new SluiceError('topic_exists', `Topic ${topic} exists already in ${this.root}`, {
          hint: `See what it holds with: sluice topic ls ${topic}`,
        });
      }
      // Made aside and renamed, so that a topic without its state is never seen.
      const aside = join(this.root, `+new-${topic}`);
      await rm(aside, { recursive: true, force: true });
      await mkdir(aside);
      const empty: PartitionLog = { start: 0n, end: 0n, segments: [] };
      const state: TopicState = { id: randomUUID(), partitions: Array.from({ length: partitions }, () => empty) };
      await writeTopicState(aside, state, this.#durable);
      await rename(aside, this.folder(topic));
      await this.#syncRoot();
    });
  }

  /** Grows the topic to `total` partitions; the new ones are empty. Never shrinks. */
  async addPartitions(topic: string, total: number): Promise<void> {
    assertTopicName(topic);
    assertPartitionCount(total);
    await this.#change(topic, 'Adding partitions to', (state) => {
      const missing = total - state.partitions.length;
      if (missing < 0) {
        throw new SluiceError(
          'usage',
          `Topic ${topic} has ${state.partitions.length} partitions; it cannot shrink to ${total}`,
        );
      }
      const added = Array.from({ length: missing }, (): PartitionLog => ({ start: 0n, end: 0n, segments: [] }));
      return { ...state, partitions: [...state.partitions, ...added] };
    });
  }

  /** Deletes the topic and its records. A topic of the same name made later is another topic. */
  async delete(topic: string): Promise<void> {
    assertTopicName(topic);
    await this.#locked(topic, 'Deleting', async () => {
      if ((await this.state(topic)) === undefined) throw topicMissing([topic], this.root);
      const aside = join(this.root, `+old-${topic}`);
      await rm(aside, { recursive: true, force: true });
      await rename(this.folder(topic), aside);
      await this.#syncRoot();
      await rm(aside, { recursive: true, force: true });
    });
  }

  /**
   * Appends all records or none, over all partitions; durable when it resolves. Records may come from an async iterable of any
   * length: memory stays bounded, other producers wait.
   */
  async append(
    topic: string,
    records: Iterable<NewRecord> | AsyncIterable<NewRecord>,
  ): Promise<readonly AppendedRange[]> {
    assertTopicName(topic);
    return this.#locked(topic, 'Appending to', async () => {
      const state = await this.state(topic);
      if (state === undefined) throw topicMissing([topic], this.root);
      const append = new TopicAppend(topic, state, {
        topicFolder: this.folder(topic),
        now: this.#now,
        segmentBytes: this.#segmentBytes,
        durable: this.#durable,
      });
      try {
        await addAll(append, records);
        const next = await append.finish();
        if (next !== state) await writeTopicState(this.folder(topic), next, this.#durable);
        return append.ranges();
      } catch (error) {
        await append.abandon();
        throw error;
      }
    });
  }

  /** Moves the partition's log start to `beforeOffset` (at most its end) and frees segments below it. Never moves back. */
  async trim(topic: string, partition: number, beforeOffset: bigint): Promise<bigint> {
    assertTopicName(topic);
    let start = 0n;
    await this.#change(topic, 'Trimming', (state) => {
      const log = state.partitions[partition];
      if (log === undefined) throw partitionMissing(topic, partition, state.partitions.length);
      if (beforeOffset > log.end || beforeOffset < 0n) {
        throw new SluiceError(
          'offset_out_of_range',
          `Cannot trim ${topic} partition ${partition} before offset ${beforeOffset}: it holds ${log.start} to ${log.end}`,
        );
      }
      start = beforeOffset > log.start ? beforeOffset : log.start;
      const kept = log.segments.filter((_, i) => (log.segments[i + 1]?.base ?? log.end + 1n) > start);
      const partitions = state.partitions.with(partition, { start, end: log.end, segments: kept });
      return { ...state, partitions };
    });
    await this.#locked(topic, 'Trimming', () => this.#dropSegments(topic, partition));
    return start;
  }

  /** The named topics, or all of them, sorted by name. */
  async describe(topics?: readonly string[]): Promise<readonly TopicDescription[]> {
    const names = topics === undefined ? await this.#names() : [...new Set(topics)].toSorted(byCodeUnit);
    const described = await Promise.all(
      names.map(async (topic) => ({ topic, state: isTopicName(topic) ? await this.state(topic) : undefined })),
    );
    const missing = described.filter(({ state }) => state === undefined).map(({ topic }) => topic);
    if (topics !== undefined && missing.length > 0) throw topicMissing(missing, this.root);
    return described.flatMap(({ topic, state }) =>
      state === undefined ? [] : [{ topic, partitions: state.partitions.map(describePartition) }],
    );
  }

  /** undefined when there is no such topic. */
  async state(topic: string): Promise<TopicState | undefined> {
    return readTopicState(this.folder(topic));
  }

  folder(topic: string): string {
    return join(this.root, topic);
  }

  // TopicLog holds nothing open between calls; the method is there for whoever holds it as one of several kinds of stream.
  close(): Promise<void> {
    return Promise.resolve();
  }

  async #names(): Promise<string[]> {
    try {
      const entries = await readdir(this.root, { withFileTypes: true });
      const folders = entries.filter((entry) => entry.isDirectory() && isTopicName(entry.name));
      return folders.map((entry) => entry.name).toSorted(byCodeUnit);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return [];
      throw ioError(error, `Reading ${this.root}`);
    }
  }

  /** Removes the files that the state no longer names, those of an earlier trim that died here included. */
  async #dropSegments(topic: string, partition: number): Promise<void> {
    const log = (await this.state(topic))?.partitions[partition];
    if (log === undefined) return;
    const firstKept = log.segments[0]?.base ?? log.end;
    const folder = partitionFolder(this.folder(topic), partition);
    for (const name of await readdir(folder).catch(() => [])) {
      const base = /^(\d{20})\.(?:log|index)$/.exec(name)?.[1];
      if (base !== undefined && BigInt(base) < firstKept) await rm(join(folder, name), { force: true });
    }
  }

  async #change(topic: string, doing: string, change: (state: TopicState) => TopicState): Promise<void> {
    await this.#locked(topic, doing, async () => {
      const state = await this.state(topic);
      if (state === undefined) throw topicMissing([topic], this.root);
      await writeTopicState(this.folder(topic), change(state), this.#durable);
    });
  }

  async #locked<T>(topic: string, doing: string, work: () => Promise<T>): Promise<T> {
    return withTopicLock(this.root, topic, this.#lockWaitMs, async () => {
      try {
        return await work();
      } catch (error) {
        throw ioError(error, `${doing} topic ${topic} in ${this.root}`);
      }
    });
  }

  async #syncRoot(): Promise<void> {
    if (this.#durable) await syncFolder(this.root);
  }
}

/** A plain loop over what is not asynchronous: `for await` would cost a turn of the event loop's queue per record. */
async function addAll(append: TopicAppend, records: Iterable<NewRecord> | AsyncIterable<NewRecord>): Promise<void> {
  if (Symbol.iterator in records) {
    for (const record of records) {
      const full = append.add(record);
      if (full !== undefined) await full;
    }
    return;
  }
  for await (const record of records) {
    const full = append.add(record);
    if (full !== undefined) await full;
  }
}

export function partitionMissing(topic: string, partition: number, partitions: number): SluiceError {
  return new SluiceError(
    'topic_missing',
    `Topic ${topic} has no partition ${partition}: it has ${partitions}, counted from 0`,
  );
}

function assertPartitionCount(partitions: number): void {
  if (Number.isInteger(partitions) && partitions >= 1 && partitions <= MAX_PARTITIONS) return;
  throw new SluiceError('usage', `A topic has 1 to ${MAX_PARTITIONS} partitions, not ${partitions}`);
}

function describePartition({ start, end, segments }: PartitionLog, partition: number): TopicPartition {
  const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  return { partition, start, end, records: end - start, bytes };
}

export function byCodeUnit(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
