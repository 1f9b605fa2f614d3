/**
 * `topic.json`: what of a topic is acknowledged. It is replaced by rename as the last step of every change, so an append over
 * all partitions, a trim or an added partition is there as a whole or not at all, and bytes behind a segment's recorded end
 * (a writer that died) do not exist for readers and are overwritten by the next writer.
 */
import { constants } from 'node:fs';
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SluiceError } from '../../core/errors.ts';
import { ioError, systemCode } from './io-error.ts';

const STATE_VERSION = 1;

export interface SegmentState {
  /** First offset in the segment; its file is named by it. */
  readonly base: bigint;
  /** Acknowledged bytes. */
  readonly bytes: number;
}

export interface PartitionLog {
  readonly start: bigint;
  /** Exclusive. */
  readonly end: bigint;
  /** In order of offset; empty while nothing was appended. */
  readonly segments: readonly SegmentState[];
}

export interface TopicState {
  /** Differs between two lives of a topic of the same name. */
  readonly id: string;
  readonly partitions: readonly PartitionLog[];
}

export function segmentFile(topicFolder: string, partition: number, base: bigint): string {
  return join(partitionFolder(topicFolder, partition), `${String(base).padStart(20, '0')}.log`);
}

export function indexFile(topicFolder: string, partition: number, base: bigint): string {
  return join(partitionFolder(topicFolder, partition), `${String(base).padStart(20, '0')}.index`);
}

export function partitionFolder(topicFolder: string, partition: number): string {
  return join(topicFolder, String(partition));
}

function stateFile(topicFolder: string): string {
  return join(topicFolder, 'topic.json');
}

/** undefined when there is no such topic. */
export async function readTopicState(topicFolder: string): Promise<TopicState | undefined> {
  const file = stateFile(topicFolder);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw ioError(error, `Reading ${file}`);
  }
  try {
    return parseState(JSON.parse(text));
  } catch (error) {
    throw new SluiceError('topic_log_corrupt', `${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
      hint: 'Restore the file from a backup, or delete the topic and produce its records again.',
    });
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseOffset(value: unknown): bigint {
  if (typeof value !== 'string' || !/^\d{1,19}$/.test(value))
    throw new Error(`${JSON.stringify(value)} is not an offset`);
  return BigInt(value);
}

function parsePartition(value: unknown): PartitionLog {
  if (!isObject(value) || !Array.isArray(value['segments']))
    throw new Error('a partition is not an object with segments');
  const segments = value['segments'].map((segment: unknown): SegmentState => {
    if (!isObject(segment)) throw new Error('a segment is not an object');
    const bytes = segment['bytes'];
    if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0)
      throw new Error('a segment has no size');
    return { base: parseOffset(segment['base']), bytes };
  });
  return { start: parseOffset(value['start']), end: parseOffset(value['end']), segments };
}

function parseState(value: unknown): TopicState {
  if (!isObject(value)) throw new Error('it is not an object');
  if (value['version'] !== STATE_VERSION) {
    throw new Error(`version ${JSON.stringify(value['version'])}, this program reads version ${STATE_VERSION}`);
  }
  const { id, partitions } = value;
  if (typeof id !== 'string' || !Array.isArray(partitions)) throw new Error('id or partitions are missing');
  return { id, partitions: partitions.map(parsePartition) };
}

function stateText(state: TopicState): string {
  const partitions = state.partitions.map(({ start, end, segments }) => ({
    start: String(start),
    end: String(end),
    segments: segments.map(({ base, bytes }) => ({ base: String(base), bytes })),
  }));
  return `${JSON.stringify({ version: STATE_VERSION, id: state.id, partitions }, null, 1)}\n`;
}

/** Replaces the state, durable when it resolves (`durable: false`: when the system writes it). */
export async function writeTopicState(topicFolder: string, state: TopicState, durable: boolean): Promise<void> {
  const file = stateFile(topicFolder);
  const temporary = `${file}.tmp`;
  const handle = await open(temporary, 'w');
  try {
    await handle.writeFile(stateText(state));
    if (durable) await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  if (durable) await syncFolder(topicFolder);
}

/** Makes created, renamed and deleted names of a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open folders; there a rename is durable with the file system's own journal.
  if (process.platform === 'win32') return;
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
