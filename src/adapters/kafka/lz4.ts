/**
 * Decodes the LZ4 frame format (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md). Its own checksums are not looked at: the
 * CRC-32C of the record batch covers every byte of it.
 */
import { copyBack } from './snappy.ts';

const FRAME_MAGIC = 0x184d2204;
const MIN_MATCH = 4;

interface FrameHeader {
  readonly blockChecksum: boolean;
  /** Position of the first block. */
  readonly next: number;
}

export function decodeLz4(input: Buffer, maxBytes: number): Buffer {
  const { blockChecksum, next } = readHeader(input);
  const output = new Output(Math.min(maxBytes, Math.max(64 * 1024, input.length * 4)), maxBytes);
  let at = next;
  for (;;) {
    const size = input.readUInt32LE(at);
    at += 4;
    if (size === 0) return output.finish();
    const bytes = size & 0x7fffffff;
    if (at + bytes > input.length) throw new Error('lz4: a block reaches beyond the data');
    const block = input.subarray(at, at + bytes);
    // The highest bit: stored as it is.
    if (size >>> 31 === 1) output.literal(block, 0, bytes);
    else decodeBlock(block, output);
    at += bytes + (blockChecksum ? 4 : 0);
  }
}

function readHeader(input: Buffer): FrameHeader {
  if (input.readUInt32LE(0) !== FRAME_MAGIC) throw new Error('lz4: it is not an LZ4 frame');
  const flags = input.readUInt8(4);
  if (flags >>> 6 !== 1) throw new Error(`lz4: frame version ${flags >>> 6}`);
  const contentSize = (flags & 0x08) === 0 ? 0 : 8;
  const dictionaryId = (flags & 0x01) === 0 ? 0 : 4;
  return { blockChecksum: (flags & 0x10) !== 0, next: 4 + 2 + contentSize + dictionaryId + 1 };
}

/** All blocks go into one buffer, because a block may refer back into the one before it. */
class Output {
  readonly #maxBytes: number;
  #buffer: Buffer;
  #end = 0;

  constructor(bytes: number, maxBytes: number) {
    this.#buffer = Buffer.allocUnsafeSlow(bytes);
    this.#maxBytes = maxBytes;
  }

  literal(input: Buffer, from: number, bytes: number): void {
    this.#reserve(bytes);
    input.copy(this.#buffer, this.#end, from, from + bytes);
    this.#end += bytes;
  }

  match(back: number, bytes: number): void {
    if (back === 0 || back > this.#end) throw new Error('lz4: a match begins before the data');
    this.#reserve(bytes);
    this.#end = copyBack(this.#buffer, this.#end, back, bytes);
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#end);
  }

  #reserve(bytes: number): void {
    const needed = this.#end + bytes;
    if (needed <= this.#buffer.length) return;
    if (needed > this.#maxBytes) throw new Error(`lz4: more than ${this.#maxBytes} bytes`);
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#maxBytes, Math.max(needed, this.#buffer.length * 2)));
    this.#buffer.copy(grown, 0, 0, this.#end);
    this.#buffer = grown;
  }
}

function decodeBlock(block: Buffer, output: Output): void {
  let at = 0;
  const extended = (base: number): number => {
    if (base < 15) return base;
    let length = base;
    for (let more = 255; more === 255; at += 1) {
      more = block.readUInt8(at);
      length += more;
    }
    return length;
  };
  while (at < block.length) {
    const token = block.readUInt8(at);
    at += 1;
    const literals = extended(token >>> 4);
    if (at + literals > block.length) throw new Error('lz4: literals reach beyond the block');
    output.literal(block, at, literals);
    at += literals;
    // The last sequence has literals only.
    if (at === block.length) return;
    const back = block.readUInt16LE(at);
    at += 2;
    output.match(back, extended(token & 15) + MIN_MATCH);
  }
}
