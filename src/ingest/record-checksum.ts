import { createHash } from 'node:crypto';
import type { SourceRecord } from '../core/record.ts';

/** Identifies a record's content: the same offset with another content means another life of the topic. */
export function recordChecksum(record: SourceRecord): string {
  const hash = createHash('sha256');
  hash.update(`${record.timestampMs}|${record.key?.length ?? -1}|${record.value?.length ?? -1}|`);
  if (record.key !== null) hash.update(record.key);
  if (record.value !== null) hash.update(record.value);
  return `sha256:${hash.digest('hex').slice(0, 32)}`;
}
