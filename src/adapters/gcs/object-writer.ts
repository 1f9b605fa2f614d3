/**
 * One object on its way into a bucket. Up to `SMALLEST_CHUNK_BYTES` it is gathered in memory and sent in one request at commit; a
 * larger one goes up in chunks (`large-object.ts`), and its last chunk, which makes it visible, is kept back until commit has run the
 * guard. So a writer holds two chunks in memory however large its object is.
 *
 * Both are create-only (`ifGenerationMatch: 0`). Whatever an upload ends with but a plain success (412, a lost reply, a broken
 * connection), the stored object is looked at: when it holds the same bytes, that is all that counts.
 */
import { crc32 } from 'node:zlib';
import type { File } from '@google-cloud/storage';
import { SluiceError } from '../../core/errors.ts';
import type { ObjectWriter, StoredObject } from '../../ingest/ports.ts';
import type { UploadedObject } from './chunked-upload.ts';
import { Crc32c } from './crc32c.ts';
import { gcsError, isMissingBucket, statusOf, type GcsPlace } from './errors.ts';
import { LargeObject } from './large-object.ts';
import { retrying, type RetryPolicy } from './retrying.ts';
import { holds, statFile } from './stored-file.ts';
import { SMALLEST_CHUNK_BYTES, type UploadMemory } from './upload-memory.ts';

export interface GcsWriterTarget {
  readonly name: string;
  /** By the client that tries once: what is tried again is decided here. */
  readonly file: File;
  readonly retry: RetryPolicy;
  readonly memory: UploadMemory;
}

/** Keeps the guard's verdict apart from what the service answers. Not a `cause`: it must never look like something to try again. */
class GuardFailure extends Error {
  readonly reason: Error;

  constructor(reason: unknown) {
    super('the guard refused');
    this.reason = reason instanceof Error ? reason : new Error(String(reason));
  }
}

type Outcome = 'created' | 'identical';

export class GcsObjectWriter implements ObjectWriter {
  readonly #target: GcsWriterTarget;
  #state: 'open' | 'committed' | 'ended' = 'open';
  /** The project's own checksum, for the manifest. */
  #crc32 = 0;
  /** The service's. */
  readonly #crc32c = new Crc32c();
  #bytes = 0;
  #gathered: Buffer[] = [];
  #large: LargeObject | undefined;

  constructor(target: GcsWriterTarget) {
    this.#target = target;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#expectOpen('write');
    this.#crc32 = crc32(chunk, this.#crc32);
    this.#crc32c.update(chunk);
    this.#bytes += chunk.byteLength;
    if (this.#large === undefined && this.#bytes <= SMALLEST_CHUNK_BYTES) {
      // The caller may use its buffer again.
      this.#gathered.push(Buffer.from(chunk));
      return;
    }
    this.#large ??= new LargeObject({ ...this.#target, contentType: this.#contentType() });
    try {
      for (const part of this.#gathered) await this.#large.write(part);
      this.#gathered = [];
      await this.#large.write(chunk);
    } catch (error) {
      await this.abort();
      throw gcsError(error, this.#place());
    }
  }

  async commit(guard: () => Promise<void> = async () => {}): Promise<StoredObject & { readonly outcome: Outcome }> {
    this.#expectOpen('commit');
    const wrapped = (): Promise<void> =>
      guard().catch((error: unknown) => {
        throw new GuardFailure(error);
      });
    try {
      const outcome = await this.#upload(wrapped);
      this.#state = 'committed';
      return { bytes: this.#bytes, checksum: `crc32:${this.#crc32.toString(16).padStart(8, '0')}`, outcome };
    } finally {
      await this.abort();
    }
  }

  async abort(): Promise<void> {
    this.#gathered = [];
    if (this.#state === 'open') this.#state = 'ended';
    const large = this.#large;
    this.#large = undefined;
    await large?.close();
  }

  async #upload(guard: () => Promise<void>): Promise<Outcome> {
    const crc32c = this.#crc32c.digest();
    let stored: UploadedObject;
    try {
      stored = await (this.#large === undefined ? this.#save(guard, crc32c) : this.#large.finish(guard));
    } catch (error) {
      return this.#resolve(error, crc32c);
    }
    if (Number(stored.size) === this.#bytes && (stored.crc32c ?? crc32c) === crc32c) return 'created';
    throw await this.#corrupt(stored.generation);
  }

  /** One request. The guard runs before each attempt: a lease may be lost while the service is not answering. */
  async #save(guard: () => Promise<void>, crc32c: string): Promise<UploadedObject> {
    const body = Buffer.concat(this.#gathered, this.#bytes);
    const { file } = this.#target;
    const options = {
      resumable: false,
      validation: false,
      // The service refuses bytes that do not have this checksum.
      metadata: { contentType: this.#contentType(), crc32c },
      preconditionOpts: { ifGenerationMatch: 0 },
    } as const;
    await retrying(this.#target.retry, async () => {
      await guard();
      await file.save(body, options);
    });
    return file.metadata;
  }

  /** An upload that did not plainly succeed: what is there now decides. */
  async #resolve(error: unknown, crc32c: string): Promise<Outcome> {
    const { file, retry } = this.#target;
    if (error instanceof GuardFailure) throw error.reason;
    const stored = isMissingBucket(error) ? undefined : await this.#lookedAt(error, () => statFile(file, retry));
    if (stored === undefined) throw gcsError(error, this.#place());
    const sums = { crc32: this.#crc32, crc32c };
    if (stored.bytes === this.#bytes && (await this.#lookedAt(error, () => holds(file, stored, sums, retry))))
      return 'identical';
    throw new SluiceError(
      'object_conflict',
      `The object ${this.#target.name} exists already and holds other bytes (${this.#url()}).`,
      {
        hint: 'Objects are named by what they contain: two different contents mean that the source was changed or recreated, or that another project writes into this bucket.',
        details: { object: this.#target.name },
      },
    );
  }

  /** When the look fails as well, the first error is the one to report. */
  async #lookedAt<T>(error: unknown, look: () => Promise<T>): Promise<T> {
    try {
      return await look();
    } catch (second) {
      throw gcsError(statusOf(error) === 412 ? second : error, this.#place());
    }
  }

  async #corrupt(generation: string | number | undefined): Promise<SluiceError> {
    const precondition = generation === undefined ? {} : { ifGenerationMatch: generation };
    const removed = await this.#target.file.delete(precondition).then(
      () => 'it was deleted again',
      () => `it could not be deleted again: delete ${this.#url()} by hand`,
    );
    return new SluiceError(
      'store_failed',
      `The object ${this.#target.name} arrived with other bytes than were sent; ${removed}.`,
    );
  }

  #contentType(): string {
    if (this.#target.name.endsWith('.gz')) return 'application/gzip';
    return this.#target.name.endsWith('.ndjson') ? 'application/x-ndjson' : 'application/json';
  }

  #place(): GcsPlace {
    const { name, file } = this.#target;
    const action = `create the object ${name}`;
    return { bucket: file.bucket.name, action, permission: 'storage.objects.create', bucketOnly: true };
  }

  #url(): string {
    return `gs://${this.#target.file.bucket.name}/${this.#target.file.name}`;
  }

  #expectOpen(method: string): void {
    if (this.#state === 'open') return;
    throw new SluiceError('internal', `${method}() on the ${this.#state} writer of ${this.#target.name}.`);
  }
}
