/**
 * An object that does not fit one request. Its bytes are copied once, into the chunk that is being filled, while the one before is under way to the
 * service. The last chunk, which makes the object visible, is kept back until the end.
 */
import type { File } from '@google-cloud/storage';
import { ChunkedUpload, type UploadedObject } from './chunked-upload.ts';
import { statusOf } from './errors.ts';
import type { RetryPolicy } from './retrying.ts';
import type { UploadChunks, UploadMemory } from './upload-memory.ts';

export interface LargeObjectTarget {
  readonly file: File;
  readonly contentType: string;
  readonly retry: RetryPolicy;
  readonly memory: UploadMemory;
}

export class LargeObject {
  readonly #memory: UploadMemory;
  readonly #chunks: UploadChunks;
  readonly #upload: Promise<ChunkedUpload>;
  #filling: Uint8Array;
  #other: Uint8Array;
  #filled = 0;
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
    }
  }

  /** Throws what the service answered, as it came; the object may be there all the same. */
  async finish(guard: () => Promise<void>): Promise<UploadedObject> {
    await this.#underWay;
    if (this.#taken !== undefined) throw this.#taken.error;
    const stored = await (await this.#upload).finish(this.#filling.subarray(0, this.#filled), { guard });
    this.#isIdle = true;
    return stored;
  }

  async close(): Promise<void> {
    await this.#upload.then(
      (upload) => upload.close(),
      () => undefined,
    );
    this.#memory.giveBack(this.#chunks, this.#isIdle);
  }

  async #sendFull(): Promise<void> {
    await this.#underWay;
    const full = this.#filling;
    this.#underWay = this.#send(full);
    this.#underWay.catch(() => undefined);
    this.#filling = this.#other;
    this.#other = full;
    this.#filled = 0;
  }

  async #send(chunk: Uint8Array): Promise<void> {
    if (this.#taken !== undefined) return;
    try {
      await (await this.#upload).send(chunk);
    } catch (error) {
      if (statusOf(error) !== 412) throw error;
      this.#taken = { error };
    }
  }
}
