/**
 * How much of an object an upload holds back at a time. Each chunk costs a round trip in which nothing is sent, so larger is faster;
 * but every open writer holds one. One writer alone takes the largest, and each further one half of what is left.
 */
const MIB = 1 << 20;

/** Objects up to this size go up in one request; also the smallest chunk. A multiple of 256 KiB, as the protocol wants. */
export const SMALLEST_CHUNK_BYTES = 8 * MIB;
export const LARGEST_CHUNK_BYTES = 24 * MIB;
/** Four ranges are landed at once. What the process really takes is two to three times this: the client's copies, and garbage not yet collected. */
export const UPLOAD_MEMORY_BYTES = 48 * MIB;

export class UploadMemory {
  #left: number;

  constructor(totalBytes: number = UPLOAD_MEMORY_BYTES) {
    this.#left = totalBytes;
  }

  /** The size of the chunks for one more upload; never less than the smallest. */
  take(): number {
    const half = Math.floor(this.#left / 2 / SMALLEST_CHUNK_BYTES) * SMALLEST_CHUNK_BYTES;
    const bytes = Math.min(LARGEST_CHUNK_BYTES, Math.max(SMALLEST_CHUNK_BYTES, half));
    this.#left -= bytes;
    return bytes;
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}
