import { open, type FileHandle } from 'node:fs/promises';

const COMPARE_BUFFER_BYTES = 1 << 20;

/** Whether two files hold the same bytes. Every byte is compared: equal checksums prove nothing about 32 bits. */
export async function sameBytes(left: string, right: string): Promise<boolean> {
  const one = await open(left, 'r');
  try {
    const other = await open(right, 'r');
    try {
      return await haveSameBytes(one, other);
    } finally {
      await other.close();
    }
  } finally {
    await one.close();
  }
}

async function haveSameBytes(one: FileHandle, other: FileHandle): Promise<boolean> {
  const [oneStat, otherStat] = await Promise.all([one.stat(), other.stat()]);
  if (!otherStat.isFile() || oneStat.size !== otherStat.size) return false;
  const oneBuffer = Buffer.allocUnsafeSlow(COMPARE_BUFFER_BYTES);
  const otherBuffer = Buffer.allocUnsafeSlow(COMPARE_BUFFER_BYTES);
  for (let at = 0; at < oneStat.size;) {
    const [oneLength, otherLength] = await Promise.all([fill(one, oneBuffer, at), fill(other, otherBuffer, at)]);
    if (oneLength === 0 || oneLength !== otherLength) return false;
    if (!oneBuffer.subarray(0, oneLength).equals(otherBuffer.subarray(0, oneLength))) return false;
    at += oneLength;
  }
  return true;
}

async function fill(handle: FileHandle, buffer: Buffer, position: number): Promise<number> {
  let length = 0;
  while (length < buffer.byteLength) {
    const { bytesRead } = await handle.read(buffer, length, buffer.byteLength - length, position + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}
