/**
 * Kafka's hash of a key: murmur2 with the Java client's seed, so that the same key meets the same partition whether it was
 * produced here, by the Java client or by kafkajs.
 */
export function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995;
  const length = data.length;
  const view = new DataView(data.buffer, data.byteOffset, length);
  let h = 0x9747b28c ^ length;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    let k = Math.imul(view.getInt32(i, true), m);
    k = Math.imul(k ^ (k >>> 24), m);
    h = Math.imul(h, m) ^ k;
  }
  const rest = length - i;
  if (rest >= 3) h ^= view.getUint8(i + 2) << 16;
  if (rest >= 2) h ^= view.getUint8(i + 1) << 8;
  if (rest >= 1) h = Math.imul(h ^ view.getUint8(i), m);
  h = Math.imul(h ^ (h >>> 13), m);
  return h ^ (h >>> 15);
}

export function partitionOfKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}
