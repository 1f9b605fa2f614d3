/** The object store in a Google Cloud Storage bucket. What is stored under a name never changes, so nothing here is cached or locked. */
import type { Bucket } from '@google-cloud/storage';
import { SluiceError } from '../../core/errors.ts';
import { checkObjectName, checkObjectPrefix } from '../../core/object-key.ts';
import type { ObjectStore, ObjectWriter } from '../../ingest/ports.ts';
import { openBucket, type GcsOptions } from './bucket.ts';
import { gcsError, isMissingBucket, READ, statusOf } from './errors.ts';
import { GcsObjectWriter } from './object-writer.ts';
import { DEFAULT_RETRY, retrying, type RetryPolicy } from './retrying.ts';
import { readFile, statFile } from './stored-file.ts';
import { UPLOAD_MEMORY_BYTES, UploadMemory } from './upload-memory.ts';

/** How the store works, as opposed to where; tests make it small and fast. */
export interface GcsSettings {
  readonly retry: RetryPolicy;
  /** Held back by all open uploads together; each takes at least `SMALLEST_CHUNK_BYTES`. */
  readonly uploadMemoryBytes: number;
  readonly listPageSize: number;
}

export const DEFAULT_GCS_SETTINGS: GcsSettings = {
  retry: DEFAULT_RETRY,
  uploadMemoryBytes: UPLOAD_MEMORY_BYTES,
  /** The most that the service gives at once. */
  listPageSize: 1000,
};

/** Nothing is read or sent before the first call. */
export function createGcsObjectStore(options: GcsOptions, settings: Partial<GcsSettings> = {}): ObjectStore {
  return new GcsObjectStore(options, { ...DEFAULT_GCS_SETTINGS, ...settings });
}

class GcsObjectStore implements ObjectStore {
  readonly #options: GcsOptions;
  readonly #retry: RetryPolicy;
  readonly #memory: UploadMemory;
  readonly #listPageSize: number;
  #bucket: Promise<Bucket> | undefined;

  constructor(options: GcsOptions, settings: GcsSettings) {
    if (options.prefix !== '' && !options.prefix.endsWith('/')) {
      throw new SluiceError(
        'config_invalid',
        `The prefix "${options.prefix}" of the bucket ${options.bucket} does not end with "/".`,
      );
    }
    this.#options = options;
    this.#retry = settings.retry;
    this.#memory = new UploadMemory(settings.uploadMemoryBytes);
    this.#listPageSize = settings.listPageSize;
  }

  async create(name: string): Promise<ObjectWriter> {
    const stored = this.#name(name);
    const bucket = await this.#open();
    return new GcsObjectWriter({
      name,
      file: bucket.file(stored),
      retry: this.#retry,
      memory: this.#memory,
    });
  }

  async *read(name: string): AsyncIterable<Uint8Array> {
    const stored = this.#name(name);
    const bucket = await this.#open();
    try {
      yield* readFile(bucket.file(stored), this.#retry);
    } catch (error) {
      if (statusOf(error) === 404 && !isMissingBucket(error)) {
        throw new SluiceError('object_missing', `The object ${name} does not exist (${this.location(name)}).`, {
          hint: 'Restore it (object versioning or soft delete may still have it); landing cannot be rebuilt without it.',
          details: { object: name },
        });
      }
      throw this.#error(error, `read the object ${name}`, READ);
    }
  }

  async stat(name: string): Promise<{ readonly bytes: number } | undefined> {
    const stored = this.#name(name);
    const bucket = await this.#open();
    try {
      const found = await statFile(bucket.file(stored), this.#retry);
      return found && { bytes: found.bytes };
    } catch (error) {
      throw this.#error(error, `look at the object ${name}`, READ);
    }
  }

  async *list(prefix: string): AsyncIterable<string> {
    checkObjectPrefix(prefix);
    const bucket = await this.#open();
    const whole = this.#options.prefix + prefix;
    let query: object | null = {
      prefix: whole,
      autoPaginate: false,
      maxResults: this.#listPageSize,
      fields: 'items/name,nextPageToken',
    };
    try {
      while (query !== null) {
        const page: object = query;
        const [files, next] = await retrying(this.#retry, () => bucket.getFiles(page));
        for (const file of files) yield file.name.slice(this.#options.prefix.length);
        query = next ?? null;
      }
    } catch (error) {
      throw this.#error(error, `list the objects under "${prefix}"`, 'storage.objects.list', true);
    }
  }

  async delete(name: string): Promise<void> {
    const stored = this.#name(name);
    const bucket = await this.#open();
    try {
      await retrying(this.#retry, () => bucket.file(stored).delete());
    } catch (error) {
      if (statusOf(error) === 404 && !isMissingBucket(error)) return;
      throw this.#error(error, `delete the object ${name}`, 'storage.objects.delete');
    }
  }

  location(name: string): string {
    return `gs://${this.#options.bucket}/${this.#name(name)}`;
  }

  async close(): Promise<void> {}

  #name(name: string): string {
    checkObjectName(name);
    return this.#options.prefix + name;
  }

  #open(): Promise<Bucket> {
    this.#bucket ??= openBucket(this.#options);
    return this.#bucket;
  }

  #error(error: unknown, action: string, permission: string, bucketOnly = false): SluiceError {
    return gcsError(error, { bucket: this.#options.bucket, action, permission, bucketOnly });
  }
}
