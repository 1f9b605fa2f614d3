/**
 * An object that does not fit one request. Its bytes are copied once, into the chunk that is being filled; meanwhile the one before is under way to the
 * service and through the checksum. The last chunk, which makes the object visible, is kept back until the end.
 */
import type { File } from '@google-cloud/storage';
import { ChunkedUpload, type UploadedObject } from './chunked-upload.ts';
import { statusOf } from './errors.ts';
import { Md5Thread } from './md5-thread.ts';
import type { RetryPolicy } from './retrying.ts';
import type { Chunk, UploadChunks, UploadMemory } from './upload-memory.ts';

export interface LargeObjectTarget {
  readonly file: File;
  readonly contentType: string;
  readonly retry: RetryPolicy;
  readonly memory: UploadMemory;
}

/** The thread is to begin before a chunk is full. */
const HASHED_AT_ONCE_BYTES = 1 << 20;

/** How the upload ended, beside the MD5 of what was written. */
export type UploadEnd = { readonly md5: string } & (
  { readonly stored: UploadedObject } | { readonly failure: unknown }
);

export class LargeObject {
  readonly #memory: UploadMemory;
  readonly #chunks: UploadChunks;
  readonly #md5 = new Md5Thread();
  readonly #upload: Promise<ChunkedUpload>;
  #filling: Chunk;
  #other: Chunk;
  #filled = 0;
  #hashed = 0;
  #underWay: Promise<void> = Promise.resolve();
  /** The name is taken: nothing more is sent, and the checksum says at the end whether by the same bytes. */
  #taken: { readonly error: unknown } | undefined;
  #isIdle = false;

  constructor({ file, contentType, retry, memory }: LargeObjectTarget) {
    this.#memory = memory;
    this.#chunks = memory.take();
    this.#filling = this.#chunks.filling;
    this.#other = this.#chunks.other;
    this.#upload = ChunkedUpload.open(file, contentType, retry);
    this.#upload.catch(() => undefined);
  }

  /** Throws what the service answered to an earlier chunk. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength;) {
      if (this.#filled === this.#filling.byteLength) await this.#sendFull();
      const part = bytes.subarray(at, at + this.#filling.byteLength - this.#filled);
      this.#filling.set(part, this.#filled);
      this.#filled += part.byteLength;
      at += part.byteLength;
      if (this.#filled - this.#hashed >= HASHED_AT_ONCE_BYTES) void this.#hash();
    }
  }

  async finish(guard: () => Promise<void>): Promise<UploadEnd> {
    const last = this.#filling.subarray(0, this.#filled);
    void this.#hash();
    const hashed = this.#md5.digest();
    let stored: UploadedObject;
    try {
      await this.#underWay;
      if (this.#taken !== undefined) return { md5: await hashed, failure: this.#taken.error };
      stored = await (await this.#upload).finish(last, { guard });
    } catch (failure) {
      return { md5: await hashed, failure };
    }
    const md5 = await hashed;
    this.#isIdle = true;
    return { md5, stored };
  }

  async close(): Promise<void> {
    await this.#upload.then(
      (upload) => upload.close(),
      () => undefined,
    );
    await this.#md5.close();
    this.#memory.giveBack(this.#chunks, this.#isIdle);
  }

  async #sendFull(): Promise<void> {
    await this.#underWay;
    const full = this.#filling;
    this.#underWay = Promise.all([this.#send(full), this.#hash()]).then(() => undefined);
    this.#underWay.catch(() => undefined);
    this.#filling = this.#other;
    this.#other = full;
    this.#filled = 0;
    this.#hashed = 0;
  }

  /** The chunk that is being filled, as far as it is. */
  #hash(): Promise<unknown> {
    const part = this.#filling.subarray(this.#hashed, this.#filled);
    this.#hashed = this.#filled;
    return this.#md5.update(part);
  }

  async #send(chunk: Chunk): Promise<void> {
    if (this.#taken !== undefined) return;
    try {
      await (await this.#upload).send(chunk);
    } catch (error) {
      if (statusOf(error) !== 412) throw error;
      this.#taken = { error };
    }
  }
}
