/**
 * One object on its way into a bucket. Up to `SMALLEST_CHUNK_BYTES` it is gathered in memory and sent in one request at commit; a
 * larger one goes up in chunks (a resumable upload), and its last chunk, which makes it visible, is kept back until commit has run the
 * guard. So a writer holds one chunk in memory however large its object is.
 *
 * Both are create-only (`ifGenerationMatch: 0`). Whatever an upload ends with but a plain success (412, a lost reply, a broken
 * connection), the stored object is looked at: the same size and MD5 mean that the bytes are there, and that is all that counts.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { crc32 } from 'node:zlib';
import type { File } from '@google-cloud/storage';
import { SluiceError } from '../../core/errors.ts';
import type { ObjectWriter, StoredObject } from '../../ingest/ports.ts';
import { gcsError, isMissingBucket, statusOf, TimeOut, type GcsPlace } from './errors.ts';
import { retrying, withTimeOut, type RetryPolicy } from './retrying.ts';
import { statFile, storedMd5, type StoredFile } from './stored-file.ts';
import { SMALLEST_CHUNK_BYTES, type UploadMemory } from './upload-memory.ts';

/** A chunk with all its retries; then the upload counts as dead. */
const STALL_MS = 330_000;

export interface GcsWriterTarget {
  readonly name: string;
  /** The same object by the client that tries once and by the one that resumes chunks. */
  readonly once: File;
  readonly streaming: File;
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
  readonly #md5 = createHash('md5');
  #state: 'open' | 'committed' | 'ended' = 'open';
  #crc = 0;
  #bytes = 0;
  #gathered: Buffer[] = [];
  #upload: Writable | undefined;
  #chunkBytes = 0;

  constructor(target: GcsWriterTarget) {
    this.#target = target;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#expectOpen('write');
    // The caller may use its buffer again; ours is needed until the service has acknowledged it.
    const copy = Buffer.from(chunk);
    this.#crc = crc32(copy, this.#crc);
    this.#md5.update(copy);
    this.#bytes += copy.byteLength;
    if (this.#upload === undefined) {
      this.#gathered.push(copy);
      if (this.#bytes <= SMALLEST_CHUNK_BYTES) return;
      this.#upload = this.#openUpload();
    }
    const upload = this.#upload;
    for (const part of this.#gathered.length > 0 ? this.#gathered : [copy]) await this.#send(upload, part);
    this.#gathered = [];
  }

  async commit(guard?: () => Promise<void>): Promise<StoredObject & { readonly outcome: Outcome }> {
    this.#expectOpen('commit');
    const md5 = this.#md5.digest('base64');
    try {
      const outcome =
        this.#upload === undefined ? await this.#save(md5, guard) : await this.#finish(this.#upload, md5, guard);
      this.#state = 'committed';
      return { bytes: this.#bytes, checksum: `crc32:${this.#crc.toString(16).padStart(8, '0')}`, outcome };
    } finally {
      await this.abort();
    }
  }

  async abort(): Promise<void> {
    this.#gathered = [];
    this.#target.memory.giveBack(this.#chunkBytes);
    this.#chunkBytes = 0;
    if (this.#state !== 'open') return;
    this.#state = 'ended';
    // The chunks that were sent are no object; the service forgets them after a week.
    this.#upload?.destroy();
  }

  /** One request. The guard runs before each attempt: a lease may be lost while the service is not answering. */
  async #save(md5: string, guard: (() => Promise<void>) | undefined): Promise<Outcome> {
    const body = Buffer.concat(this.#gathered, this.#bytes);
    const { once: file } = this.#target;
    const options = {
      resumable: false,
      validation: false,
      // The service refuses bytes that do not have this digest.
      metadata: { contentType: this.#contentType(), md5Hash: md5 },
      preconditionOpts: { ifGenerationMatch: 0 },
    } as const;
    try {
      await retrying(this.#target.retry, async () => {
        await guard?.().catch((error: unknown) => {
          throw new GuardFailure(error);
        });
        await file.save(body, options);
      });
      return 'created';
    } catch (error) {
      if (error instanceof GuardFailure) throw error.reason;
      return this.#resolve(error, md5);
    }
  }

  async #finish(upload: Writable, md5: string, guard: (() => Promise<void>) | undefined): Promise<Outcome> {
    await guard?.();
    const { streaming: file } = this.#target;
    try {
      const finished = once(upload, 'finish');
      upload.end();
      await withTimeOut(STALL_MS, finished);
    } catch (error) {
      return this.#resolve(error, md5);
    }
    const stored = file.metadata;
    if (Number(stored.size) === this.#bytes && (stored.md5Hash ?? md5) === md5) return 'created';
    throw await this.#corrupt(stored.generation);
  }

  /** An upload that did not plainly succeed: what is there now decides. */
  async #resolve(error: unknown, md5: string): Promise<Outcome> {
    const stored = isMissingBucket(error) ? undefined : await this.#stored(error);
    if (stored === undefined) throw gcsError(error, this.#place());
    if (stored.bytes === this.#bytes && (await storedMd5(this.#target.once, stored, this.#target.retry)) === md5)
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
  async #stored(error: unknown): Promise<StoredFile | undefined> {
    try {
      return await statFile(this.#target.once, this.#target.retry);
    } catch (second) {
      throw gcsError(statusOf(error) === 412 ? second : error, this.#place());
    }
  }

  async #corrupt(generation: string | number | undefined): Promise<SluiceError> {
    const precondition = generation === undefined ? {} : { ifGenerationMatch: generation };
    const removed = await this.#target.once.delete(precondition).then(
      () => 'it was deleted again',
      () => `it could not be deleted again: delete ${this.#url()} by hand`,
    );
    return new SluiceError(
      'store_failed',
      `The object ${this.#target.name} arrived with other bytes than were sent; ${removed}.`,
    );
  }

  #openUpload(): Writable {
    this.#chunkBytes = this.#target.memory.take();
    const upload = this.#target.streaming.createWriteStream({
      resumable: true,
      chunkSize: this.#chunkBytes,
      validation: false,
      metadata: { contentType: this.#contentType() },
      preconditionOpts: { ifGenerationMatch: 0 },
    });
    // An error between two calls is thrown by the next one.
    return upload.on('error', () => undefined);
  }

  async #send(upload: Writable, part: Buffer): Promise<void> {
    try {
      if (upload.errored !== null) throw upload.errored;
      if (upload.destroyed) throw new TimeOut('the upload was closed');
      if (!upload.write(part)) await withTimeOut(STALL_MS, once(upload, 'drain'));
    } catch (error) {
      await this.abort();
      throw gcsError(error, this.#place());
    }
  }

  #contentType(): string {
    if (this.#target.name.endsWith('.gz')) return 'application/gzip';
    return this.#target.name.endsWith('.ndjson') ? 'application/x-ndjson' : 'application/json';
  }

  #place(): GcsPlace {
    const { name, once: file } = this.#target;
    const action = `create the object ${name}`;
    return { bucket: file.bucket.name, action, permission: 'storage.objects.create', bucketOnly: true };
  }

  #url(): string {
    return `gs://${this.#target.once.bucket.name}/${this.#target.once.name}`;
  }

  #expectOpen(method: string): void {
    if (this.#state === 'open') return;
    throw new SluiceError('internal', `${method}() on the ${this.#state} writer of ${this.#target.name}.`);
  }
}
