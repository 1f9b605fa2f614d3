/** Appends batches to one partition. Nothing it writes exists for readers before topic.json names it. */
import { type FileHandle, open } from 'node:fs/promises';
import { SluiceError } from '../../core/errors.ts';
import type { NewRecord } from '../../core/record.ts';
import { makeFolders } from '../folders/make-folders.ts';
import { BATCH_TARGET_BYTES, BatchBuilder } from './batch-format.ts';
import { IndexWriter } from './segment-index.ts';
import {
  indexFile,
  type PartitionLog,
  partitionFolder,
  segmentFile,
  type SegmentState,
  syncFolder,
} from './topic-state.ts';

/** Trimming frees space by whole segments, so they should not be huge; and a folder should not hold thousands of them. */
export const DEFAULT_SEGMENT_BYTES = 64 * 1024 * 1024;

interface ActiveSegment {
  readonly handle: FileHandle;
  readonly index: IndexWriter;
  readonly base: bigint;
  position: number;
}

export interface PartitionWriterOptions {
  readonly topicFolder: string;
  readonly partition: number;
  readonly segmentBytes: number;
  readonly durable: boolean;
}

export class PartitionWriter {
  readonly #options: PartitionWriterOptions;
  readonly #before: PartitionLog;
  readonly #finished: SegmentState[];
  readonly #builder: BatchBuilder;
  #active: ActiveSegment | null = null;
  #next: bigint;
  #folderChanged = false;

  constructor(log: PartitionLog, options: PartitionWriterOptions) {
    this.#options = options;
    this.#before = log;
    this.#finished = [...log.segments];
    this.#next = log.end;
    this.#builder = new BatchBuilder(log.end);
  }

  /** The offset that the next record gets. */
  get nextOffset(): bigint {
    return this.#next;
  }

  /** A promise only when bytes have to be written before more can be taken. */
  add(record: NewRecord, timestampMs: number): Promise<void> | undefined {
    this.#builder.add(record, timestampMs);
    this.#next += 1n;
    return this.#builder.bytes >= BATCH_TARGET_BYTES ? this.#flush() : undefined;
  }

  /** Writes and syncs what is left; the partition as it is to be acknowledged. */
  async finish(): Promise<PartitionLog> {
    await this.#flush();
    await this.#closeActive();
    const { topicFolder, partition, durable } = this.#options;
    if (this.#folderChanged && durable) await syncFolder(partitionFolder(topicFolder, partition));
    return { start: this.#before.start, end: this.#next, segments: this.#finished };
  }

  /** Lets go of the files; what was written stays behind the acknowledged end and is cut off by the next writer. */
  async abandon(): Promise<void> {
    const active = this.#active;
    this.#active = null;
    await active?.handle.close().catch(() => undefined);
  }

  async #flush(): Promise<void> {
    if (this.#builder.count === 0) return;
    const first = this.#next - BigInt(this.#builder.count);
    const segment = this.#active ?? (await this.#openSegment(first));
    this.#active = segment;
    const batch = this.#builder.finish();
    await writeFully(segment.handle, batch, segment.position);
    segment.index.batch(first, segment.position);
    segment.position += batch.length;
    this.#builder.begin(this.#next);
    if (segment.position >= this.#options.segmentBytes) await this.#closeActive();
  }

  async #openSegment(first: bigint): Promise<ActiveSegment> {
    const { topicFolder, partition, segmentBytes } = this.#options;
    const last = this.#finished.at(-1);
    if (last !== undefined && last.bytes < segmentBytes) {
      const file = segmentFile(topicFolder, partition, last.base);
      const handle = await open(file, 'r+');
      const { size } = await handle.stat();
      if (size < last.bytes) {
        await handle.close();
        throw new SluiceError('topic_log_corrupt', `${file} has ${size} bytes, but ${last.bytes} were acknowledged`, {
          hint: 'Restore the file from a backup, or delete the topic and produce its records again.',
        });
      }
      if (size > last.bytes) await handle.truncate(last.bytes);
      this.#finished.pop();
      const index = await IndexWriter.open(indexFile(topicFolder, partition, last.base), last.bytes);
      return { handle, index, base: last.base, position: last.bytes };
    }
    await makeFolders(partitionFolder(topicFolder, partition));
    this.#folderChanged = true;
    const handle = await open(segmentFile(topicFolder, partition, first), 'w');
    const index = await IndexWriter.open(indexFile(topicFolder, partition, first), 0);
    return { handle, index, base: first, position: 0 };
  }

  async #closeActive(): Promise<void> {
    const active = this.#active;
    if (active === null) return;
    this.#active = null;
    try {
      await active.index.flush();
      if (this.#options.durable) await active.handle.datasync();
    } finally {
      await active.handle.close();
    }
    this.#finished.push({ base: active.base, bytes: active.position });
  }
}

async function writeFully(handle: FileHandle, buffer: Buffer, position: number): Promise<void> {
  let written = 0;
  while (written < buffer.length) {
    const { bytesWritten } = await handle.write(buffer, written, buffer.length - written, position + written);
    written += bytesWritten;
  }
}
