/** The object store in a local folder: an object is a file, its name the path below the root. */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, readdir, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { SluiceError } from '../../core/errors.ts';
import { checkObjectName, checkObjectPrefix } from '../../core/object-key.ts';
import type { ObjectStore, ObjectWriter } from '../../ingest/ports.ts';
import { DurableFolders, symbolicLink, syncFolder } from './durable-folders.ts';
import { errnoOf, storeError } from './errors.ts';
import { openLocalWriter } from './object-writer.ts';
import { sweepTemporaryFiles, TEMPORARY_FOLDER } from './temporary-files.ts';

const READ_BUFFER_BYTES = 1 << 20;

/** `root` is made with the first object. Nothing is read or written before the first call. */
export function createLocalFilesObjectStore(root: string): ObjectStore {
  return new LocalFilesObjectStore(resolve(root));
}

class LocalFilesObjectStore implements ObjectStore {
  readonly #root: string;
  readonly #folders: DurableFolders;
  #swept: Promise<unknown> | undefined;

  constructor(root: string) {
    this.#root = root;
    this.#folders = new DurableFolders(root);
  }

  async create(name: string): Promise<ObjectWriter> {
    const path = this.location(name);
    const temporaryFolder = join(this.#root, TEMPORARY_FOLDER);
    try {
      await this.#folders.make(temporaryFolder);
      await this.#folders.make(dirname(path));
      // Housekeeping: a file that cannot be swept (owned by someone else) must not stop the work.
      this.#swept ??= sweepTemporaryFiles(temporaryFolder).catch(() => undefined);
      await this.#swept;
      const temporaryPath = join(temporaryFolder, `${String(process.pid)}-${randomUUID()}`);
      return await openLocalWriter({ name, path, temporaryPath, root: this.#root, folders: this.#folders });
    } catch (error) {
      throw storeError(error, `create the object ${name}`, this.#root);
    }
  }

  async *read(name: string): AsyncIterable<Uint8Array> {
    const handle = await this.#open(name);
    try {
      for (;;) {
        const buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
        const { bytesRead } = await handle.read(buffer, 0, READ_BUFFER_BYTES);
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } catch (error) {
      throw storeError(error, `read the object ${name}`, this.#root);
    } finally {
      await handle.close();
    }
  }

  async stat(name: string): Promise<{ readonly bytes: number } | undefined> {
    const path = this.location(name);
    try {
      const found = await lstat(path);
      await this.#folders.check(dirname(path));
      if (found.isSymbolicLink()) throw symbolicLink(path, 'another place');
      return found.isFile() ? { bytes: found.size } : undefined;
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw storeError(error, `look at the object ${name}`, this.#root);
    }
  }

  async *list(prefix: string): AsyncIterable<string> {
    checkObjectPrefix(prefix);
    const folder = join(this.#root, ...prefix.split('/'));
    try {
      await this.#folders.check(folder);
      yield* listFolder(folder, prefix);
    } catch (error) {
      if (isAbsent(error)) return;
      throw storeError(error, `list the objects under "${prefix}"`, this.#root);
    }
  }

  async delete(name: string): Promise<void> {
    const path = this.location(name);
    try {
      await this.#folders.check(dirname(path));
      await unlink(path);
      await syncFolder(dirname(path));
    } catch (error) {
      if (isAbsent(error)) return;
      throw storeError(error, `delete the object ${name}`, this.#root);
    }
  }

  location(name: string): string {
    checkObjectName(name);
    return join(this.#root, ...name.split('/'));
  }

  async close(): Promise<void> {
    await this.#swept;
  }

  async #open(name: string): Promise<FileHandle> {
    const path = this.location(name);
    try {
      await this.#folders.check(dirname(path));
      const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      if ((await handle.stat()).isFile()) return handle;
      await handle.close();
    } catch (error) {
      if (errnoOf(error) === 'ELOOP') throw symbolicLink(path, 'another place');
      if (!isAbsent(error)) throw storeError(error, `read the object ${name}`, this.#root);
    }
    throw new SluiceError('object_missing', `The object ${name} does not exist (${path}).`, {
      hint: 'Restore it from a backup of the folder; landing cannot be rebuilt without it.',
      details: { object: name },
    });
  }
}

/** Names in ascending order: a folder sorts as its name with the `/` that follows it. Links and hidden entries are not ours. */
async function* listFolder(folder: string, prefix: string): AsyncIterable<string> {
  const entries = (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => !entry.name.startsWith('.') && (entry.isFile() || entry.isDirectory()))
    .map((entry) => ({ name: entry.isDirectory() ? `${entry.name}/` : entry.name, entry: entry.name }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, entry } of entries) {
    if (name.endsWith('/')) yield* listFolder(join(folder, entry), prefix + name);
    else yield prefix + name;
  }
}

/** EISDIR: unlink of a folder, which no object is. */
function isAbsent(error: unknown): boolean {
  const code = errnoOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR';
}
