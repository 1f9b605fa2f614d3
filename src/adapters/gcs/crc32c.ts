/**
 * The checksum that the service knows of every object, composed ones and such without an MD5 included, and recommends: ten times as fast as MD5, so that
 * it needs no thread of its own. https://cloud.google.com/storage/docs/data-validation
 */
import { crc32c } from '@node-rs/crc32';

export class Crc32c {
  #value = 0;

  update(bytes: Uint8Array): this {
    // The same memory as a Buffer: the native function takes nothing else.
    this.#value = crc32c(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), this.#value);
    return this;
  }

  /** As the service says it: big-endian, in base64. */
  digest(): string {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(this.#value);
    return bytes.toString('base64');
  }
}
