/** Reads offset ranges out of one partition's segments in chunks of whole batches, one file read ahead of the reader. */
import { type FileHandle, open } from 'node:fs/promises';
import { SluiceError } from '../../core/errors.ts';
import type { SourceRecord } from '../../core/record.ts';
import type { RecordChunk } from '../../ingest/ports.ts';
import { BATCH_HEADER_BYTES, type BatchHeader, checkBatch, decodeBatch, readBatchHeader } from './batch-format.ts';
import { seekPositions } from './segment-index.ts';
import { indexFile, segmentFile, type SegmentState } from './topic-state.ts';

/** A chunk's memory: twelve partitions read at once stay at 230 MB of process memory; with 1 MB it is 350 MB, and slower. */
export const DEFAULT_CHUNK_BYTES = 512 * 1024;

export interface SegmentRead {
  readonly topicFolder: string;
  readonly partition: number;
  readonly segment: SegmentState;
  readonly from: bigint;
  readonly to: bigint;
  readonly chunkBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** Where a batch begins; the offset is null where only the index says so. */
interface Place {
  readonly position: number;
  readonly offset: bigint | null;
}

interface Block {
  readonly buffer: Buffer;
  readonly batches: readonly { readonly at: number; readonly header: BatchHeader }[];
  /** Behind the last whole batch. */
  readonly next: { readonly position: number; readonly offset: bigint };
}

/** Yields the segment's records in [from, to); ends early only at the segment's acknowledged end. */
export async function* readSegment(read: SegmentRead): AsyncGenerator<RecordChunk> {
  const file = segmentFile(read.topicFolder, read.partition, read.segment.base);
  const handle = await open(file, 'r');
  let ahead: Promise<Block> | null = null;
  try {
    let offset = read.from;
    ahead = readBlock(handle, file, { position: await seek(handle, file, read), offset: null }, read);
    while (ahead !== null) {
      read.signal?.throwIfAborted();
      const block: Block = await ahead;
      const more: boolean = block.next.offset < read.to && block.next.position < read.segment.bytes;
      ahead = more ? readBlock(handle, file, block.next, read) : null;
      // Handled when awaited; a reader that stops early must not leave an unhandled rejection behind.
      ahead?.catch(() => undefined);
      const records: SourceRecord[] = [];
      for (const { at, header } of block.batches) {
        if (header.firstOffset >= read.to) break;
        if (header.firstOffset + BigInt(header.count) <= offset) continue;
        decodeChecked(block.buffer, at, header, { from: offset, to: read.to, file }, records);
      }
      if (block.next.offset > offset) offset = block.next.offset < read.to ? block.next.offset : read.to;
      if (records.length > 0) yield { records, nextOffset: offset };
    }
  } finally {
    await ahead?.catch(() => undefined);
    await handle.close();
  }
}

function decodeChecked(
  buffer: Buffer,
  at: number,
  header: BatchHeader,
  read: { readonly from: bigint; readonly to: bigint; readonly file: string },
  out: SourceRecord[],
): void {
  const wrong = checkBatch(buffer, at, header);
  if (wrong !== null) throw corrupt(read.file, `the batch at offset ${header.firstOffset}: ${wrong}`);
  decodeBatch(buffer, at, header, read, out);
}

function corrupt(file: string, what: string): SluiceError {
  return new SluiceError('topic_log_corrupt', `${file} is damaged: ${what}`, {
    hint: 'Restore the file from a backup, or delete the topic and produce its records again.',
  });
}

/** The position of a batch at or before `from`: by the index, else the segment's start. */
async function seek(handle: FileHandle, file: string, read: SegmentRead): Promise<number> {
  if (read.from === read.segment.base) return 0;
  const index = indexFile(read.topicFolder, read.partition, read.segment.base);
  const header = Buffer.alloc(BATCH_HEADER_BYTES);
  for (const position of await seekPositions(index, read.segment.bytes, read.from)) {
    if (position === 0) return 0;
    const { bytesRead } = await handle.read(header, 0, BATCH_HEADER_BYTES, position);
    if (bytesRead < BATCH_HEADER_BYTES) continue;
    const found = readBatchHeader(header, 0);
    const fits = found.firstOffset > read.segment.base && found.firstOffset <= read.from;
    if (fits && found.bytes >= BATCH_HEADER_BYTES && position + found.bytes <= read.segment.bytes) return position;
  }
  throw corrupt(file, 'no batch to start from');
}

async function readBlock(handle: FileHandle, file: string, at: Place, read: SegmentRead): Promise<Block> {
  let buffer = await readAt(handle, file, at.position, Math.min(read.chunkBytes, read.segment.bytes - at.position));
  if (buffer.length >= BATCH_HEADER_BYTES) {
    // One batch larger than the chunk: read just that.
    const { bytes } = readBatchHeader(buffer, 0);
    if (bytes > buffer.length && bytes <= read.segment.bytes - at.position) {
      buffer = await readAt(handle, file, at.position, bytes);
    }
  }
  return wholeBatches(buffer, file, at, read.from);
}

async function readAt(handle: FileHandle, file: string, position: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(bytes);
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await handle.read(buffer, filled, bytes - filled, position + filled);
    if (bytesRead === 0) throw corrupt(file, `it ends at byte ${position + filled}, before its acknowledged end`);
    filled += bytesRead;
  }
  return buffer;
}

/**
 * The whole batches in the buffer. Offsets must go on without a hole from `at.offset` (or begin at or before `from`, after a seek):
 * a damaged header must not pass for the end of the range.
 */
function wholeBatches(buffer: Buffer, file: string, at: Place, from: bigint): Block {
  const batches: { readonly at: number; readonly header: BatchHeader }[] = [];
  let here = 0;
  let expected = at.offset;
  while (here + BATCH_HEADER_BYTES <= buffer.length) {
    const header = readBatchHeader(buffer, here);
    const chained = expected === null ? header.firstOffset <= from : header.firstOffset === expected;
    if (!chained || header.bytes < BATCH_HEADER_BYTES) {
      throw corrupt(file, `no batch with offset ${expected ?? from} at byte ${at.position + here}`);
    }
    if (here + header.bytes > buffer.length) break;
    batches.push({ at: here, header });
    here += header.bytes;
    expected = header.firstOffset + BigInt(header.count);
  }
  if (expected === null || batches.length === 0) throw corrupt(file, `no whole batch at byte ${at.position}`);
  return { buffer, batches, next: { position: at.position + here, offset: expected } };
}
