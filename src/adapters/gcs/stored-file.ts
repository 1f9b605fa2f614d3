/** What is stored under a name: looked at, and read with a resumption at the byte where the connection broke. */
import { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { File } from '@google-cloud/storage';
import { Crc32c } from './crc32c.ts';
import { isMissingBucket, isTransient, statusOf, TimeOut } from './errors.ts';
import { delayMs, retrying, type RetryPolicy } from './retrying.ts';

export interface StoredFile {
  readonly bytes: number;
  readonly crc32c: string | undefined;
  readonly generation: string;
}

/** undefined: there is none. */
export async function statFile(file: File, retry: RetryPolicy): Promise<StoredFile | undefined> {
  try {
    const [metadata] = await retrying(retry, () => file.getMetadata());
    return { bytes: Number(metadata.size), crc32c: metadata.crc32c, generation: String(metadata.generation) };
  } catch (error) {
    if (statusOf(error) === 404 && !isMissingBucket(error)) return undefined;
    throw error;
  }
}

/** Two checksums of the same bytes: by one of 32 bits alone, one of four billion different objects would pass for the right one. */
export interface Checksums {
  readonly crc32: number;
  /** As the service says it. */
  readonly crc32c: string;
}

/** Whether an object holds what was to be written. Its bytes are read: that it was there already is rare, and what it holds decides what is loaded. */
export async function holds(file: File, stored: StoredFile, sums: Checksums, retry: RetryPolicy): Promise<boolean> {
  // Objects encrypted with a customer's key have no checksum in their metadata.
  if (stored.crc32c !== undefined && stored.crc32c !== sums.crc32c) return false;
  let sum = 0;
  const other = new Crc32c();
  for await (const chunk of readFile(file, retry)) {
    sum = crc32(chunk, sum);
    other.update(chunk);
  }
  return sum === sums.crc32 && other.digest() === sums.crc32c;
}

/** All bytes of one generation. A connection that breaks is taken up again where it broke; progress makes the count of attempts new. */
export async function* readFile(file: File, retry: RetryPolicy): AsyncGenerator<Uint8Array> {
  let position = 0;
  let source = file;
  let size: number | undefined;
  for (let failures = 0; ;) {
    const start = position;
    const stream = source.createReadStream({ validation: false, decompress: false, ...(start === 0 ? {} : { start }) });
    stream.once('response', (answer: Answer) => {
      // The library and its HTTP client put one listener more on it than Node takes for healthy, and Node would say so on stderr.
      if (answer instanceof EventEmitter) answer.setMaxListeners(20);
      const { headers } = answer;
      const length = header(headers, 'content-length');
      const generation = header(headers, 'x-goog-generation');
      if (length !== undefined) size ??= start + Number(length);
      if (generation !== undefined) source = file.bucket.file(file.name, { generation });
    });
    try {
      for await (const chunk of unlessSilent(stream, retry.timeoutMs)) {
        position += chunk.byteLength;
        failures = 0;
        yield chunk;
      }
      if (size === undefined || position >= size) return;
      throw new TimeOut(`the object ended after ${String(position)} of ${String(size)} bytes`);
    } catch (error) {
      failures += 1;
      if (failures >= retry.maxAttempts || !isTransient(error)) throw error;
      await wait(delayMs(retry, failures));
    }
  }
}

interface Answer {
  readonly headers: Headers | Readonly<Record<string, string | undefined>>;
}

function header(headers: Answer['headers'], name: string): string | undefined {
  return headers instanceof Headers ? (headers.get(name) ?? undefined) : headers[name];
}

/** Fails when nothing is heard for too long while somebody waits for the next chunk. */
async function* unlessSilent(stream: Readable, ms: number): AsyncGenerator<Uint8Array> {
  const fail = () => stream.destroy(new TimeOut(`silence for ${String(ms / 1000)} s`));
  let timer = setTimeout(fail, ms);
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      clearTimeout(timer);
      yield chunk;
      timer = setTimeout(fail, ms);
    }
  } finally {
    clearTimeout(timer);
  }
}
