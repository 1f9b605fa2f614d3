/** Which landed batches are loaded in one transaction: a warehouse pays for each transaction, and a long backlog is many small batches. */
import type { BatchRecord } from '../state/ports.ts';

export interface GroupLimits {
  readonly maxBatches: number;
  readonly maxObjects: number;
  /** Of the objects as stored. */
  readonly maxBytes: number;
}

/** So much is done again when a group fails, and is done before a Ctrl-C is heard; past it a transaction's own cost is nothing. */
export const GROUP_LIMITS: GroupLimits = { maxBatches: 50, maxObjects: 500, maxBytes: 64_000_000 };

/** A snapshot may need a decision, and a replay marks what others hold: both come alone. */
function isPlain({ manifest }: BatchRecord): boolean {
  return manifest !== null && manifest.kind === 'stream' && manifest.snapshot === undefined;
}

/** In order; each group has a batch at least. */
export function loadGroups(batches: readonly BatchRecord[], limits: GroupLimits): readonly (readonly BatchRecord[])[] {
  const groups: BatchRecord[][] = [];
  let objects = 0;
  let bytes = 0;
  for (const batch of batches) {
    const own = batch.manifest?.objects ?? [];
    objects += own.length;
    bytes += own.reduce((sum, object) => sum + object.bytes, 0);
    const group = groups.at(-1);
    const last = group?.at(-1);
    const isFull = group?.length === limits.maxBatches || objects > limits.maxObjects || bytes > limits.maxBytes;
    if (group !== undefined && last !== undefined && isPlain(last) && isPlain(batch) && !isFull) {
      group.push(batch);
      continue;
    }
    groups.push([batch]);
    objects = own.length;
    bytes = own.reduce((sum, object) => sum + object.bytes, 0);
  }
  return groups;
}
