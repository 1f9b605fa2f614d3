/** Writes one NDJSON object of landing: lines are gathered into blocks, compressed when the target asks, then committed create-only. */
import { createGzip, type Gzip } from 'node:zlib';
import { LONG_LINE_BYTES, type ManifestObject } from '../core/batch.ts';
import { isSluiceError } from '../core/errors.ts';
import type { ObjectStore, ObjectWriter } from './ports.ts';

/** Lines are gathered in a block: large enough that calls do not count, small enough to stay in cache. */
const BLOCK_BYTES = 256 * 1024;

/** Level 1: nearly free (BENCHMARKS.md B.2), and the bytes are the same for the same input, so a retry finds its object. */
const GZIP_LEVEL = 1;

/** Where lines may be written as bytes, from `at` on; the block stands still until the next call of its writer. */
export interface LineBlock {
  readonly bytes: Uint8Array;
  readonly at: number;
}

export interface LandingWriter extends LineBlock {
  /** Resolves at once but for full blocks. */
  line(text: string): Promise<void> | undefined;
  /** Flushes when fewer bytes than these are left in the block; a block never has more than it has. */
  makeRoom(bytes: number): Promise<void> | undefined;
  /** Takes the line that was written into the block from `at` to `end`. */
  written(end: number): void;
  readonly rows: number;
  commit(guard: () => Promise<void>): Promise<ManifestObject>;
  abort(): Promise<void>;
}

/** Compresses in order; zlib works on its own thread. */
class GzipSink {
  readonly #gzip: Gzip;
  #pending: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  constructor(writer: ObjectWriter) {
    this.#gzip = createGzip({ level: GZIP_LEVEL });
    this.#gzip.on('data', (chunk: Buffer) => {
      this.#pending = this.#pending.then(() => writer.write(chunk));
      this.#pending.catch((error: unknown) => {
        this.#failure = error instanceof Error ? error : new Error(String(error));
      });
    });
  }

  async write(chunk: Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#gzip.write(chunk, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    await this.#pending;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async end(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#gzip.once('end', resolve);
      this.#gzip.once('error', reject);
      this.#gzip.end();
    });
    await this.#pending;
  }
}

export interface OpenLandingObject {
  readonly store: ObjectStore;
  readonly name: string;
  readonly role: ManifestObject['role'];
  readonly gzip: boolean;
}

/** An object of this name is there with other bytes: an earlier attempt at the same unsealed batch wrote it. */
export class UnsealedConflict extends Error {
  readonly object: string;

  constructor(object: string, cause: unknown) {
    super(`landing object ${object} holds other bytes`, { cause });
    this.object = object;
  }
}

class NdjsonWriter implements LandingWriter {
  readonly #request: OpenLandingObject;
  readonly #writer: ObjectWriter;
  readonly #sink: GzipSink | undefined;
  readonly bytes = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  at = 0;
  #maxLineBytes = 0;
  rows = 0;

  constructor(request: OpenLandingObject, writer: ObjectWriter) {
    this.#request = request;
    this.#writer = writer;
    this.#sink = request.gzip ? new GzipSink(writer) : undefined;
  }

  line(text: string): Promise<void> | undefined {
    this.rows++;
    const most = text.length * 3;
    if (most <= BLOCK_BYTES - this.at) {
      this.at += this.bytes.write(text, this.at);
      return undefined;
    }
    return this.#lineBehind(text);
  }

  /** Behind what the block holds: into the emptied block, or by itself when it is too long. */
  async #lineBehind(text: string): Promise<void> {
    await this.#flush();
    const bytes = Buffer.from(text, 'utf8');
    if (bytes.length > LONG_LINE_BYTES) this.#maxLineBytes = Math.max(this.#maxLineBytes, bytes.length);
    if (bytes.length > BLOCK_BYTES) await this.#write(bytes);
    else this.at = bytes.copy(this.bytes);
  }

  makeRoom(bytes: number): Promise<void> | undefined {
    return bytes > BLOCK_BYTES - this.at && this.at > 0 ? this.#flush() : undefined;
  }

  written(end: number): void {
    this.rows++;
    this.at = end;
  }

  async #flush(): Promise<void> {
    if (this.at === 0) return;
    const block = this.bytes.subarray(0, this.at);
    this.at = 0;
    await this.#write(block);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await (this.#sink === undefined ? this.#writer.write(bytes) : this.#sink.write(bytes));
  }

  /** Throws `UnsealedConflict` when the name holds other bytes. */
  async commit(guard: () => Promise<void>): Promise<ManifestObject> {
    await this.#flush();
    await this.#sink?.end();
    const { name, role } = this.#request;
    try {
      const stored = await this.#writer.commit(guard);
      return {
        name,
        role,
        rows: this.rows,
        bytes: stored.bytes,
        checksum: stored.checksum,
        ...(this.#maxLineBytes > LONG_LINE_BYTES ? { maxLineBytes: this.#maxLineBytes } : {}),
      };
    } catch (error) {
      if (isSluiceError(error, 'object_conflict')) throw new UnsealedConflict(name, error);
      throw error;
    }
  }

  async abort(): Promise<void> {
    await this.#writer.abort();
  }
}

/**
 * Runs `land`, and where it meets an object that an earlier attempt at the same unsealed batch wrote differently (judged by an older
 * schema, say), removes that object and lands again. No manifest names it, so nobody has read it; a sealed batch is never landed again.
 */
export async function replacingLeftovers<T>(
  store: ObjectStore,
  guard: () => Promise<void>,
  land: () => Promise<T>,
): Promise<T> {
  const removed = new Set<string>();
  for (;;) {
    try {
      return await land();
    } catch (error) {
      if (!(error instanceof UnsealedConflict) || removed.has(error.object)) throw error;
      removed.add(error.object);
      await guard();
      await store.delete(error.object);
    }
  }
}

export async function openLandingObject(request: OpenLandingObject): Promise<LandingWriter> {
  return new NdjsonWriter(request, await request.store.create(request.name));
}
