/**
 * The memory of uploads in chunks. Each chunk costs a round trip in which nothing is sent, so larger is faster; but every open writer holds
 * two: one is under way while the next is filled. One writer alone takes the largest, and each further one half of what is left.
 */
const MIB = 1 << 20;

/** Objects up to this size go up in one request; also the smallest chunk. A multiple of 256 KiB, as the protocol wants. */
export const SMALLEST_CHUNK_BYTES = 8 * MIB;
export const LARGEST_CHUNK_BYTES = 24 * MIB;
/** Four ranges are landed at once: 48 MiB of chunks being filled, and as much on its way. */
export const UPLOAD_MEMORY_BYTES = 48 * MIB;

export interface UploadChunks {
  readonly filling: Uint8Array;
  readonly other: Uint8Array;
}

export class UploadMemory {
  #left: number;
  /** Used again: the garbage collector is late with memory outside its heap, and what is left to it piles up. */
  readonly #free: UploadChunks[] = [];

  constructor(totalBytes: number = UPLOAD_MEMORY_BYTES) {
    this.#left = totalBytes;
  }

  /** Two chunks for one more upload, of one size; never less than the smallest. */
  take(): UploadChunks {
    const half = Math.floor(this.#left / 2 / SMALLEST_CHUNK_BYTES) * SMALLEST_CHUNK_BYTES;
    const bytes = Math.min(LARGEST_CHUNK_BYTES, Math.max(SMALLEST_CHUNK_BYTES, half));
    this.#left -= bytes;
    const at = this.#free.findIndex(({ filling }) => filling.byteLength === bytes);
    if (at >= 0) return this.#free.splice(at, 1)[0] as UploadChunks;
    return { filling: new Uint8Array(bytes), other: new Uint8Array(bytes) };
  }

  /** `isIdle`: nobody reads them any more, so that the next upload may have them. */
  giveBack(chunks: UploadChunks, isIdle: boolean): void {
    const bytes = chunks.filling.byteLength;
    this.#left += bytes;
    // Of each size as many as were open at once; sizes that nobody asks for any more make room.
    if (!isIdle) return;
    this.#free.push(chunks);
    while (this.#free.reduce((sum, { filling }) => sum + filling.byteLength, 0) > UPLOAD_MEMORY_BYTES)
      this.#free.shift();
  }
}
