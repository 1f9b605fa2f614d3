import { open, realpath } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { SluiceError } from '../../core/errors.ts';
import { makeFolders } from '../folders/make-folders.ts';
import { errnoOf } from './errors.ts';

/** Makes the folder's entries durable. A file system that cannot fsync folders (some network ones) says EINVAL: nothing to do there. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    if (errnoOf(error) !== 'EINVAL') throw error;
  } finally {
    await handle.close();
  }
}

/**
 * The folders below a root. A folder's own entry in its parent has to be fsynced too, also when a process that died made it, and
 * also above the root: so every ancestor is fsynced once per instance (clean ones cost nothing), and again when it was made again.
 */
export class DurableFolders {
  readonly #root: string;
  readonly #durable = new Set<string>();
  #realRoot: string | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** Makes a folder under the root with its parents; refuses one that a symbolic link leads elsewhere. */
  async make(folder: string): Promise<void> {
    const first = await makeFolders(folder);
    if (first !== undefined) {
      this.#realRoot = undefined;
      for (const known of this.#durable) {
        if (known === first || known.startsWith(first + sep)) this.#durable.delete(known);
      }
    }
    await this.check(folder);
  }

  /** Throws when the folder, below the root, is reached through a symbolic link. ENOENT passes through. */
  async check(folder: string): Promise<void> {
    const path = await realpath(folder);
    this.#realRoot ??= await realpath(this.#root);
    const expected = join(this.#realRoot, relative(this.#root, folder));
    if (path === expected) return;
    throw symbolicLink(folder, path);
  }

  /** fsyncs the folder, and the entry of every folder on the way to it that is not yet known to be durable. */
  async sync(folder: string): Promise<void> {
    await syncFolder(folder);
    const made: string[] = [];
    for (let path = folder; !this.#durable.has(path) && path !== dirname(path); path = dirname(path)) {
      await this.#syncEntry(path);
      made.push(path);
    }
    for (const path of made) this.#durable.add(path);
  }

  async #syncEntry(path: string): Promise<void> {
    try {
      await syncFolder(dirname(path));
    } catch (error) {
      // Above the root there may be folders that we may pass but not open; then it was not us who made what is in them.
      const below = path !== this.#root && path.startsWith(this.#root);
      if (below || errnoOf(error) !== 'EACCES') throw error;
    }
  }
}

export function symbolicLink(path: string, target: string): SluiceError {
  return new SluiceError(
    'store_failed',
    `${path} is reached through a symbolic link (to ${target}): inside the object store none is followed.`,
    { hint: 'Replace the link by the files themselves, or point the store at the other folder.' },
  );
}
