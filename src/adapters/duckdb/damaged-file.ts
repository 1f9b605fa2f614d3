import { open, rename, rm } from 'node:fs/promises';
import type { DuckDbOptions } from './database.ts';

/** The three headers of 4 KiB that DuckDB writes and syncs before anything else. */
const HEADER_BYTES = 12_288;
const MAGIC = 'DUCK';
/** Behind the header's checksum. */
const MAGIC_OFFSET = 8;

/**
 * A database file that DuckDB called damaged: takes it out of the way where that loses nothing. true: opening it again makes a new one.
 * The opener had the file's lock, so nobody else is writing it.
 */
export async function isCleared(options: Pick<DuckDbOptions, 'path' | 'replaceDamaged'>): Promise<boolean> {
  const { path } = options;
  if (await isUnfinished(path)) {
    await rm(path);
    return true;
  }
  if (options.replaceDamaged !== true) return false;
  const suffix = `.damaged-${String(Date.now())}`;
  await rename(`${path}.wal`, `${path}${suffix}.wal`).catch(ignoreMissing);
  await rename(path, path + suffix);
  return true;
}

/** The process that was making the file died before its headers stood: it holds nothing yet. */
async function isUnfinished(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size === 0) return true;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, MAGIC_OFFSET);
    return size < HEADER_BYTES && bytesRead === MAGIC.length && buffer.toString('latin1') === MAGIC;
  } finally {
    await file.close();
  }
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
