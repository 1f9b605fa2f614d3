/**
 * A resumable upload: one request per chunk, each taken up again where the service stands. The vendor library's own stream does the same, but holds
 * copies of what it sends and never tells when a buffer is free again; so it only opens the upload here.
 *
 * https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { File } from '@google-cloud/storage';
import { plainRequests, type PlainAnswer, type SendPlain } from '../google-auth/plain-requests.ts';
import { isTransient, TimeOut } from './errors.ts';
import { delayMs, retrying, withTimeOut, type RetryPolicy } from './retrying.ts';
import { SMALLEST_CHUNK_BYTES } from './upload-memory.ts';

/** What the service says of an object that is complete. */
export interface UploadedObject {
  readonly size?: string | number;
  readonly crc32c?: string;
  readonly generation?: string | number;
}

interface LastChunk {
  /** Runs before each request that may make the object visible. */
  readonly guard: () => Promise<void>;
}

const NOTHING = new Uint8Array();
const INCOMPLETE = 308;

export class ChunkedUpload {
  /** The address is the permission; it is never shown. */
  readonly #address: string;
  readonly #retry: RetryPolicy;
  readonly #send: SendPlain = plainRequests();
  readonly #closed = new AbortController();
  /** What the service has, as far as it is known. */
  #received = 0;

  private constructor(address: string, retry: RetryPolicy) {
    this.#address = address;
    this.#retry = retry;
  }

  /** Create-only. */
  static async open(file: File, contentType: string, retry: RetryPolicy): Promise<ChunkedUpload> {
    const options = { metadata: { contentType }, preconditionOpts: { ifGenerationMatch: 0 } };
    const [address] = await retrying(retry, () => file.createResumableUpload(options));
    return new ChunkedUpload(address, retry);
  }

  /** Resolves when the service has the chunk; until then it must stay as it is. */
  async send(chunk: Uint8Array): Promise<void> {
    await this.#deliver(chunk, undefined);
  }

  /** Makes the object visible. */
  async finish(chunk: Uint8Array, last: LastChunk): Promise<UploadedObject> {
    const stored = await this.#deliver(chunk, last);
    if (stored === undefined) throw new TimeOut('the upload did not end with its last chunk');
    return stored;
  }

  /** Chunks that were sent are no object; the service forgets them after a week. */
  close(): void {
    this.#closed.abort();
  }

  async #deliver(chunk: Uint8Array, last: LastChunk | undefined): Promise<UploadedObject | undefined> {
    const start = this.#received;
    const end = start + chunk.byteLength;
    const total = last === undefined ? '*' : String(end);
    let isKnown = true;
    for (let failures = 0; ;) {
      await last?.guard();
      const before = this.#received;
      try {
        // When all bytes are there and the object is not, the question itself completes it.
        const isQuestion = !isKnown || before === end;
        const range = isQuestion ? '*' : `${before}-${end - 1}`;
        const answer = await this.#put(
          `bytes ${range}/${total}`,
          isQuestion ? NOTHING : chunk.subarray(before - start),
        );
        if (answer.status !== INCOMPLETE) return answer.data;
        this.#received = receivedOf(answer, start, end);
        if (last === undefined && this.#received === end) return undefined;
        isKnown = true;
        if (this.#received > before) failures = 0;
        else if (!isQuestion || before === end) throw new TimeOut('the service took nothing of a chunk');
      } catch (error) {
        failures += 1;
        if (failures >= this.#retry.maxAttempts || !isTransient(error)) throw error;
        isKnown = false;
        await wait(delayMs(this.#retry, failures), undefined, { signal: this.#closed.signal });
      }
    }
  }

  async #put(range: string, data: Uint8Array): Promise<PlainAnswer<UploadedObject>> {
    const timeOut = new AbortController();
    // A slow line gets the time of a small object for each part of its size.
    const ms = this.#retry.timeoutMs * Math.max(1, Math.ceil(data.byteLength / SMALLEST_CHUNK_BYTES));
    try {
      return await withTimeOut(
        ms,
        this.#send<UploadedObject>({
          url: this.#address,
          method: 'PUT',
          headers: { 'content-range': range },
          data,
          signal: AbortSignal.any([this.#closed.signal, timeOut.signal]),
          validateStatus: (status) => (status >= 200 && status < 300) || status === INCOMPLETE,
        }),
      );
    } finally {
      timeOut.abort();
    }
  }
}

function receivedOf({ headers }: PlainAnswer<unknown>, start: number, end: number): number {
  const last = /^bytes=0-(\d+)$/.exec(headers.get('range') ?? '')?.[1];
  const received = last === undefined ? 0 : Number(last) + 1;
  if (received >= start && received <= end) return received;
  throw new Error(`the service has ${received} bytes of an upload that had ${start}, and was sent up to ${end}`);
}
