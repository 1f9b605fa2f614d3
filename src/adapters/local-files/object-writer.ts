/**
 * One object on its way into a folder. A temporary file in the store's `.tmp` folder takes the bytes; `commit` is
 *
 *   fsync file -> guard -> link(temporary, name) -> fsync folders -> unlink temporary
 *
 * link(2) fails when the name exists, atomically, which rename(2) does not: two writers of one name never overwrite each other.
 * Killed before the link: a stray temporary file that a later store sweeps. Killed after it: the object is there whole, and the
 * next writer of the same bytes finds it `identical` and fsyncs the folders again.
 *
 * After a failed fsync the kernel may have dropped the dirty pages and reports success from then on: so the write counts as
 * lost, the writer is dead, and the object is written anew by a new writer. Never fsync the same descriptor again.
 */
import { link, open, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { SluiceError } from '../../core/errors.ts';
import type { ObjectWriter, StoredObject } from '../../ingest/ports.ts';
import type { DurableFolders } from './durable-folders.ts';
import { errnoOf, storeError } from './errors.ts';
import { sameBytes } from './same-bytes.ts';

/** Small chunks are gathered: a system call per record would cost more than the copy. */
export const WRITE_BUFFER_BYTES = 1 << 20;

export interface LocalWriterTarget {
  readonly name: string;
  /** Where the object goes, and the temporary file (same file system). Both absolute. */
  readonly path: string;
  readonly temporaryPath: string;
  readonly root: string;
  readonly folders: DurableFolders;
}

export async function openLocalWriter(target: LocalWriterTarget): Promise<ObjectWriter> {
  const handle = await open(target.temporaryPath, 'wx', 0o644);
  return new LocalObjectWriter(target, handle);
}

class LocalObjectWriter implements ObjectWriter {
  readonly #target: LocalWriterTarget;
  readonly #handle: FileHandle;
  #state: 'open' | 'failed' | 'committed' | 'aborted' = 'open';
  #closed = false;
  #bytes = 0;
  #crc = 0;
  /** Filled by `write` while the other one is on its way to the disk. */
  #buffer: Buffer | undefined;
  #buffered = 0;
  #spare: Buffer | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(target: LocalWriterTarget, handle: FileHandle) {
    this.#target = target;
    this.#handle = handle;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#expectOpen('write');
    const room = WRITE_BUFFER_BYTES - this.#buffered;
    if (chunk.byteLength > room) await this.#attempt('write', () => this.#flush());
    if (chunk.byteLength >= WRITE_BUFFER_BYTES) {
      await this.#attempt('write', () => this.#writeThrough(chunk));
      return;
    }
    this.#buffer ??= Buffer.allocUnsafeSlow(WRITE_BUFFER_BYTES);
    this.#buffer.set(chunk, this.#buffered);
    this.#buffered += chunk.byteLength;
  }

  async commit(guard?: () => Promise<void>): Promise<StoredObject & { readonly outcome: 'created' | 'identical' }> {
    this.#expectOpen('commit');
    await this.#attempt('write', async () => {
      await this.#flush();
      await this.#writing;
      this.#buffer = this.#spare = undefined;
      await this.#handle.sync();
      await this.#close();
    });
    try {
      await guard?.();
    } catch (error) {
      await this.abort();
      throw error;
    }
    const outcome = await this.#attempt('publish', () => this.#publish());
    this.#state = 'committed';
    return { bytes: this.#bytes, checksum: `crc32:${this.#crc.toString(16).padStart(8, '0')}`, outcome };
  }

  async abort(): Promise<void> {
    if (this.#state === 'committed' || this.#state === 'aborted') return;
    this.#state = 'aborted';
    this.#buffer = this.#spare = undefined;
    // What cannot be removed now is swept later; abort is called while another error is on its way.
    await this.#writing.catch(() => undefined);
    await this.#close().catch(() => undefined);
    await unlink(this.#target.temporaryPath).catch(() => undefined);
  }

  async #publish(): Promise<'created' | 'identical'> {
    const { path, temporaryPath, name, root, folders } = this.#target;
    let outcome: 'created' | 'identical' = 'created';
    try {
      await link(temporaryPath, path);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw linkError(error, root);
      if (!(await sameBytes(temporaryPath, path))) throw conflict(name, path);
      outcome = 'identical';
    }
    await folders.sync(dirname(path));
    await unlink(temporaryPath).catch(() => undefined);
    return outcome;
  }

  /** Hands the buffer to the disk and goes on with the other one; waits only while that one is still on its way. */
  async #flush(): Promise<void> {
    await this.#writing;
    if (this.#buffer === undefined || this.#buffered === 0) return;
    const full = this.#buffer;
    const length = this.#buffered;
    this.#buffer = this.#spare;
    this.#spare = full;
    this.#buffered = 0;
    this.#writing = this.#writeAll(full.subarray(0, length));
    // The failure is seen by the next flush or by commit; until then it must not count as unhandled.
    this.#writing.catch(() => undefined);
  }

  async #writeThrough(chunk: Uint8Array): Promise<void> {
    await this.#flush();
    await this.#writing;
    await this.#writeAll(chunk);
  }

  /** One at a time: the next begins when this one is done. */
  async #writeAll(bytes: Uint8Array): Promise<void> {
    this.#crc = crc32(bytes, this.#crc);
    this.#bytes += bytes.byteLength;
    for (let at = 0; at < bytes.byteLength;) {
      const { bytesWritten } = await this.#handle.write(bytes, at, bytes.byteLength - at);
      at += bytesWritten;
    }
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#handle.close();
  }

  async #attempt<T>(verb: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      await this.abort();
      throw storeError(error, `${verb} the object ${this.#target.name}`, this.#target.root);
    }
  }

  #expectOpen(method: string): void {
    if (this.#state === 'open') return;
    throw new SluiceError('internal', `${method}() on the ${this.#state} writer of ${this.#target.name}.`);
  }
}

function linkError(error: unknown, root: string): unknown {
  const code = errnoOf(error);
  if (code !== 'ENOTSUP' && code !== 'EOPNOTSUPP' && code !== 'ENOSYS' && code !== 'EMLINK') return error;
  return new SluiceError(
    'store_failed',
    `The file system of ${root} has no hard links (${code}), and without them a file cannot be published without the risk of overwriting another.`,
    { cause: error, hint: 'Put the object store on a local file system, or use the Google Cloud Storage target.' },
  );
}

function conflict(name: string, path: string): SluiceError {
  return new SluiceError('object_conflict', `The object ${name} exists already and holds other bytes (${path}).`, {
    hint: 'Objects are named by what they contain: two different contents mean that the source was changed or recreated, or that another project writes into this folder.',
    details: { object: name },
  });
}
