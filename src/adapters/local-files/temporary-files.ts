import { readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from './errors.ts';

/** Object names never begin with a dot, so this folder can hide no object. */
export const TEMPORARY_FOLDER = '.tmp';

/**
 * A living writer touches its file with every megabyte; a slow snapshot may be quiet for an hour at most. A day is far beyond
 * that, and a paused process whose file is swept fails loudly at its commit.
 */
export const TEMPORARY_MAX_AGE_MS = 24 * 60 * 60 * 1000;

/** Removes what killed processes left behind. Another process may sweep at the same time. */
export async function sweepTemporaryFiles(folder: string, maxAgeMs: number = TEMPORARY_MAX_AGE_MS): Promise<number> {
  let swept = 0;
  for (const entry of await readdir(folder)) {
    const path = join(folder, entry);
    try {
      // File times and the machine's clock are compared here, never the run's logical time.
      if (Date.now() - (await stat(path)).mtimeMs < maxAgeMs) continue;
      await unlink(path);
      swept += 1;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
  return swept;
}
