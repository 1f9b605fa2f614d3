/** The object store in memory, for tests. It runs the same contract suite as the others. */
import { crc32 } from 'node:zlib';
import { SluiceError } from '../../core/errors.ts';
import { checkObjectName, checkObjectPrefix } from '../../core/object-key.ts';
import type { ObjectStore, ObjectWriter, StoredObject } from '../../ingest/ports.ts';

export interface MemoryObjectStore extends ObjectStore {
  /** What is stored; a test may look, replace and remove. */
  readonly objects: Map<string, Uint8Array>;
}

export function createMemoryObjectStore(): MemoryObjectStore {
  const objects = new Map<string, Uint8Array>();
  return {
    objects,
    async create(name) {
      checkObjectName(name);
      return new MemoryObjectWriter(name, objects);
    },
    async *read(name) {
      checkObjectName(name);
      const bytes = objects.get(name);
      if (bytes === undefined) throw new SluiceError('object_missing', `The object ${name} does not exist.`);
      if (bytes.byteLength > 0) yield bytes.slice();
    },
    async stat(name) {
      checkObjectName(name);
      const bytes = objects.get(name);
      return bytes === undefined ? undefined : storedObject(bytes);
    },
    async *list(prefix) {
      checkObjectPrefix(prefix);
      yield* [...objects.keys()].filter((name) => name.startsWith(prefix)).toSorted();
    },
    async delete(name) {
      checkObjectName(name);
      objects.delete(name);
    },
    location(name) {
      checkObjectName(name);
      return `memory://${name}`;
    },
    async close() {},
  };
}

class MemoryObjectWriter implements ObjectWriter {
  readonly #name: string;
  readonly #objects: Map<string, Uint8Array>;
  #chunks: Uint8Array[] = [];
  #open = true;

  constructor(name: string, objects: Map<string, Uint8Array>) {
    this.#name = name;
    this.#objects = objects;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#expectOpen('write');
    // Not `slice`: that of a Buffer is no copy.
    this.#chunks.push(new Uint8Array(chunk));
  }

  async commit(guard?: () => Promise<void>): Promise<StoredObject & { readonly outcome: 'created' | 'identical' }> {
    this.#expectOpen('commit');
    this.#open = false;
    await guard?.();
    const bytes = new Uint8Array(Buffer.concat(this.#chunks));
    const existing = this.#objects.get(this.#name);
    if (existing !== undefined && Buffer.compare(existing, bytes) !== 0) {
      throw new SluiceError('object_conflict', `The object ${this.#name} exists already and holds other bytes.`, {
        details: { object: this.#name },
      });
    }
    if (existing === undefined) this.#objects.set(this.#name, bytes);
    return { ...storedObject(bytes), outcome: existing === undefined ? 'created' : 'identical' };
  }

  async abort(): Promise<void> {
    this.#open = false;
    this.#chunks = [];
  }

  #expectOpen(method: string): void {
    if (!this.#open) throw new SluiceError('internal', `${method}() on the finished writer of ${this.#name}.`);
  }
}

function storedObject(bytes: Uint8Array): StoredObject {
  return { bytes: bytes.byteLength, checksum: `crc32:${crc32(bytes).toString(16).padStart(8, '0')}` };
}
