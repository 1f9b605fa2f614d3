/**
 * `mkdir -p`. Node's own (`mkdir` with `recursive`) never ends where a file system answers ENOENT below a folder that exists (procfs, some network
 * mounts): it makes the parent, which is there, and tries again. Here every folder is tried once from the first one that is missing.
 */
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}

/** The folder and those above it that do not exist, the uppermost first. */
async function missingFolders(folder: string): Promise<readonly string[]> {
  const missing: string[] = [];
  for (let path = folder; ; path = dirname(path)) {
    try {
      if ((await stat(path)).isDirectory()) return missing;
      throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${folder}'`), { code: 'ENOTDIR', path });
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
      missing.unshift(path);
    }
    if (dirname(path) === path) return missing;
  }
}

/**
 * Makes a folder and its parents. Returns the first folder that was made; undefined when all were there. Throws what the file system says
 * (`ENOSPC`, `EACCES`, `EROFS`, `ENOENT`, `ENOTDIR`, …).
 */
export async function makeFolders(folder: string, mode?: number): Promise<string | undefined> {
  let first: string | undefined;
  for (const path of await missingFolders(resolve(folder))) {
    try {
      await mkdir(path, mode === undefined ? {} : { mode });
      first ??= path;
    } catch (error) {
      // Another process was faster.
      if (!hasCode(error, 'EEXIST') || !(await stat(path)).isDirectory()) throw error;
    }
  }
  return first;
}
