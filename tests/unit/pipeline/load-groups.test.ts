import { describe, expect, it } from 'vitest';
import { loadGroups } from '../../../src/pipeline/load-groups.ts';
import type { BatchRecord } from '../../../src/state/ports.ts';
import { replayBatch, snapshotBatch, streamBatch, type LandedBatch } from '../../support/bigquery-front/landing.ts';

const LIMITS = { maxBatches: 3, maxObjects: 10, maxBytes: 1_000_000 };

function record({ manifest }: LandedBatch): BatchRecord {
  const { job, seq, batchId: id, kind, logicalTime } = manifest;
  const intent = { kind: 'stream', ranges: [], gaps: [] } as const;
  return { job, seq, id, kind, state: 'landed', logicalTime, intent, progress: null, manifest, admission: null };
}

const row = { key: 'K', offset: 1, eventAt: '2026-03-01T00:00:00Z', value: '{}' };
const stream = (seq: number, objects = 1): BatchRecord =>
  record(
    streamBatch(
      seq,
      Array.from({ length: objects }, () => [row]),
    ),
  );
const seqs = (batches: readonly BatchRecord[], limits = LIMITS): number[][] =>
  loadGroups(batches, limits).map((group) => group.map(({ seq }) => seq));

describe('batches that are loaded together', () => {
  it('are neighbours, so many at most, and in order', () => {
    expect(seqs([])).toEqual([]);
    expect(seqs([1, 2, 3, 4, 5].map((seq) => stream(seq)))).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  it('leave snapshots and replays alone', () => {
    const batches = [
      stream(1),
      stream(2),
      record(snapshotBatch(3, ['K'])),
      stream(4),
      record(replayBatch(5, [row])),
      stream(6),
    ];
    expect(seqs(batches)).toEqual([[1, 2], [3], [4], [5], [6]]);
  });

  it('have no more objects and bytes than one transaction may take; one batch may have more', () => {
    expect(seqs([stream(1, 6), stream(2, 6), stream(3, 4), stream(4, 12), stream(5)])).toEqual([[1], [2, 3], [4], [5]]);
    const bytes = stream(1).manifest?.objects[0]?.bytes ?? 0;
    expect(seqs([stream(1), stream(2), stream(3)], { ...LIMITS, maxBytes: bytes * 2 })).toEqual([[1, 2], [3]]);
  });
});
