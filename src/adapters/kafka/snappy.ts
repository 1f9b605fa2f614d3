/**
 * Decodes Snappy as Kafka clients write it: the Java client frames blocks as snappy-java's SnappyOutputStream does ("xerial"), librdkafka
 * writes one bare block. Formats: https://github.com/google/snappy/blob/main/format_description.txt
 */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
/** Magic, version, lowest compatible version. */
const XERIAL_HEADER_BYTES = 16;

export function decodeSnappy(input: Buffer, maxBytes: number): Buffer {
  if (!input.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return decodeBlock(input, maxBytes);
  const blocks: Buffer[] = [];
  let total = 0;
  for (let at = XERIAL_HEADER_BYTES; at < input.length;) {
    const bytes = input.readUInt32BE(at);
    if (at + 4 + bytes > input.length) throw new Error('snappy: a block reaches beyond the data');
    const block = decodeBlock(input.subarray(at + 4, at + 4 + bytes), maxBytes - total);
    total += block.length;
    blocks.push(block);
    at += 4 + bytes;
  }
  return Buffer.concat(blocks);
}

function decodeBlock(input: Buffer, maxBytes: number): Buffer {
  let at = 0;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = input.readUInt8(at);
    at += 1;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
    if (shift >= 28) throw new Error('snappy: the length is not a 32-bit number');
  }
  if (length > maxBytes) throw new Error(`snappy: more than ${maxBytes} bytes`);
  const output = Buffer.allocUnsafeSlow(length);
  let end = 0;
  while (at < input.length) {
    const tag = input.readUInt8(at);
    at += 1;
    const kind = tag & 3;
    if (kind === 0) {
      const extra = Math.max(0, (tag >>> 2) - 59);
      const bytes = (extra === 0 ? tag >>> 2 : input.readUIntLE(at, extra)) + 1;
      at += extra;
      if (at + bytes > input.length || end + bytes > length) throw new Error('snappy: a literal does not fit');
      input.copy(output, end, at, at + bytes);
      at += bytes;
      end += bytes;
      continue;
    }
    let bytes = (tag >>> 2) + 1;
    let back = 0;
    if (kind === 1) {
      bytes = ((tag >>> 2) & 7) + 4;
      back = ((tag >>> 5) << 8) | input.readUInt8(at);
      at += 1;
    } else {
      const width = kind === 2 ? 2 : 4;
      back = input.readUIntLE(at, width);
      at += width;
    }
    if (back === 0 || back > end || end + bytes > length) throw new Error('snappy: a copy does not fit');
    end = copyBack(output, end, back, bytes);
  }
  if (end !== length) throw new Error(`snappy: ${end} bytes came out, ${length} were announced`);
  return output;
}

/** Repeats the bytes `back` before `end`; the ranges may overlap, then the pattern repeats. Shared with LZ4, which does the same. */
export function copyBack(output: Buffer, end: number, back: number, bytes: number): number {
  if (back >= bytes) {
    output.copyWithin(end, end - back, end - back + bytes);
    return end + bytes;
  }
  for (let i = 0; i < bytes; i += 1) output[end + i] = output[end + i - back] ?? 0;
  return end + bytes;
}
