/**
 * Which SQL files under target/ already hold what is to be written. Most models render to the same text run after run, and writing
 * two files for each of 300 models costs more than running them where a file system is slow.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Hashes by path; beside the files, so that whoever clears target/ clears it too. */
export const INDEX_FILE = '.sql-hashes.json';

export class WrittenFiles {
  readonly #root: string;
  #hashes: Map<string, string> | undefined;
  #changed = false;

  /** `root`: absolute path of the target folder. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Notes what `path` (inside the target folder) will hold; false: it holds it already. */
  needsWriting(path: string, text: string): boolean {
    this.#hashes ??= this.#load();
    const hash = createHash('sha1').update(text).digest('base64');
    if (this.#hashes.get(path) === hash) return false;
    this.#hashes.set(path, hash);
    this.#changed = true;
    return true;
  }

  /** The index to write, when it is another one than was read. */
  takeIndex(): string | null {
    if (!this.#changed || this.#hashes === undefined) return null;
    this.#changed = false;
    return JSON.stringify(Object.fromEntries(this.#hashes));
  }

  /** A file that somebody deleted counts as not written. */
  #load(): Map<string, string> {
    const present = new Set(['compiled', 'run'].flatMap((folder) => this.#list(folder)));
    try {
      const index = JSON.parse(readFileSync(join(this.#root, INDEX_FILE), 'utf8')) as Record<string, string>;
      return new Map(Object.entries(index).filter(([path]) => present.has(path)));
    } catch {
      return new Map(); // none yet, or not readable: everything is written
    }
  }

  #list(folder: string): readonly string[] {
    try {
      const entries = readdirSync(join(this.#root, folder), { recursive: true, encoding: 'utf8' });
      return entries.map((entry) => `${folder}/${entry.replaceAll('\\', '/')}`);
    } catch {
      return []; // not there yet
    }
  }
}
