/**
 * A sparse index beside each segment: 16 bytes per entry, u64 offset and u64 position of a batch, one entry per INDEX_INTERVAL_BYTES
 * at least. It only saves time: every entry is checked against the batch it names, and a segment without a usable entry is
 * scanned from its first batch. So it is neither synced nor part of what is acknowledged.
 */
import { open, readFile, truncate } from 'node:fs/promises';

const ENTRY_BYTES = 16;

/** Reading starts at most this far (and one batch) before the wanted offset. */
export const INDEX_INTERVAL_BYTES = 64 * 1024;

interface IndexEntry {
  readonly offset: bigint;
  readonly position: number;
}

async function readEntries(file: string, bytes: number): Promise<IndexEntry[]> {
  let buffer: Buffer;
  try {
    buffer = await readFile(file);
  } catch {
    // A missing or unreadable index costs time, nothing else.
    return [];
  }
  const entries: IndexEntry[] = [];
  for (let at = 0; at + ENTRY_BYTES <= buffer.length; at += ENTRY_BYTES) {
    const offset = buffer.readBigUInt64LE(at);
    const position = Number(buffer.readBigUInt64LE(at + 8));
    const previous = entries.at(-1);
    const grows = previous === undefined || (offset > previous.offset && position > previous.position);
    if (!grows || position >= bytes) break;
    entries.push({ offset, position });
  }
  return entries;
}

/** Positions at which a batch at or before `offset` may begin, best first; the segment's start is always the last one. */
export async function seekPositions(file: string, bytes: number, offset: bigint): Promise<number[]> {
  const entries = await readEntries(file, bytes);
  const best = entries.findLast((entry) => entry.offset <= offset);
  return best === undefined || best.position === 0 ? [0] : [best.position, 0];
}

/** Writes a segment's index as the segment grows. */
export class IndexWriter {
  readonly #file: string;
  #lastPosition: number;
  #pending: Buffer[] = [];

  private constructor(file: string, lastPosition: number) {
    this.#file = file;
    this.#lastPosition = lastPosition;
  }

  /** For a segment that acknowledges `bytes`; entries behind them belong to an append that failed and are cut off. */
  static async open(file: string, bytes: number): Promise<IndexWriter> {
    const entries = await readEntries(file, bytes);
    await truncate(file, entries.length * ENTRY_BYTES).catch(() => undefined);
    return new IndexWriter(file, entries.at(-1)?.position ?? -INDEX_INTERVAL_BYTES);
  }

  batch(offset: bigint, position: number): void {
    if (position - this.#lastPosition < INDEX_INTERVAL_BYTES) return;
    const entry = Buffer.alloc(ENTRY_BYTES);
    entry.writeBigUInt64LE(offset, 0);
    entry.writeBigUInt64LE(BigInt(position), 8);
    this.#pending.push(entry);
    this.#lastPosition = position;
  }

  async flush(): Promise<void> {
    if (this.#pending.length === 0) return;
    const handle = await open(this.#file, 'a');
    try {
      await handle.appendFile(Buffer.concat(this.#pending));
      this.#pending = [];
    } finally {
      await handle.close();
    }
  }
}
