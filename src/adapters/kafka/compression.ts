/** The codecs of record batches, by the lowest three bits of their attributes. */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { decodeLz4 } from './lz4.ts';
import { decodeSnappy } from './snappy.ts';

/** What one batch may unpack to: far above any sane `message.max.bytes`, far below what a crafted batch could ask for. */
export const MAX_UNPACKED_BYTES = 256 * 1024 * 1024;

const CODECS: readonly { readonly name: string; readonly unpack: (input: Buffer) => Buffer }[] = [
  { name: 'none', unpack: (input) => input },
  { name: 'gzip', unpack: (input) => gunzipSync(input, { maxOutputLength: MAX_UNPACKED_BYTES }) },
  { name: 'snappy', unpack: (input) => decodeSnappy(input, MAX_UNPACKED_BYTES) },
  { name: 'lz4', unpack: (input) => decodeLz4(input, MAX_UNPACKED_BYTES) },
  { name: 'zstd', unpack: (input) => zstdDecompressSync(input, { maxOutputLength: MAX_UNPACKED_BYTES }) },
];

/** Throws an Error that names the codec. */
export function unpack(codec: number, input: Buffer): Buffer {
  const known = CODECS[codec];
  if (known === undefined) throw new Error(`its compression codec ${codec} is not known`);
  try {
    return known.unpack(input);
  } catch (error) {
    throw new Error(
      `its ${known.name} data cannot be unpacked (${error instanceof Error ? error.message : String(error)})`,
      {
        cause: error,
      },
    );
  }
}
