import { expect, test } from 'vitest';
import type { Manifest } from '../../../src/core/batch.ts';
import type { BatchRecord, StateStore } from '../../../src/state/ports.ts';
import type { StateStoreSubject } from '../state-store.ts';
import { everything, expectCode } from './expectations.ts';
import {
  JOB,
  T1,
  T2,
  acquire,
  admission,
  gap,
  landed,
  lastOf,
  loadedBatches,
  manifestOf,
  range,
  snapshotIntent,
  stream,
} from './fixtures.ts';

/** What landing would say about a store's sealed batches. */
async function landing(store: StateStore): Promise<Parameters<StateStore['restore']>[1]> {
  const batches = await store.batches(JOB);
  return batches.flatMap(({ manifest, admission: admitted }) =>
    manifest === null ? [] : [{ manifest, admission: admitted }],
  );
}

function sealedAt(seq: number, from: number, to: number): Manifest {
  return manifestOf({ job: JOB, seq, kind: 'stream', logicalTime: T1, intent: stream([range(from, to)]) });
}

export function recoveryTests(subject: () => StateStoreSubject): void {
  test('a lost store is rebuilt from manifests: batches, chain, gaps, last records, admissions', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await landed(store, lease, range(0, 10));
    const snapshot = await store.planBatch(lease, T1, snapshotIntent);
    await store.saveProgress(lease, 2, { pages: 3 });
    await store.sealBatch(
      lease,
      manifestOf(snapshot, {
        snapshot: {
          snapshotId: 's00000002',
          startedAt: T1,
          finishedAt: T2,
          complete: true,
          reason: null,
          rows: 1,
          distinctIds: 1,
          total: 1,
          pages: 1,
          toleranceMs: 300_000,
        },
      }),
    );
    await store.saveAdmission(lease, 2, admission(2, { admitted: false }));
    await store.sealBatch(
      lease,
      manifestOf(await store.planBatch(lease, T1, snapshotIntent), { void: true, objects: [] }),
    );
    const behindGap = await store.planBatch(lease, T2, stream([range(20, 25)], [gap(10, 20)]));
    await store.sealBatch(lease, manifestOf(behindGap, { withoutLast: true }));
    const replayIntent = { kind: 'replay', objects: ['dead/1'], sourceBatches: ['customer-00000001'] } as const;
    const replay = await store.planBatch(lease, T2, replayIntent);
    await store.sealBatch(
      lease,
      manifestOf(replay, { replay: { objects: replayIntent.objects, sourceBatches: replayIntent.sourceBatches } }),
    );
    const recreated = await store.planBatch(lease, T2, stream([range(0, 4, { epoch: 1 })], [gap(25, null)]));
    await store.sealBatch(lease, manifestOf(recreated));
    const before = (await everything(store)) as { batches: readonly BatchRecord[] };

    await store.restore(lease, await landing(store));

    // A snapshot's progress is of no use once it is sealed, and is not in landing.
    expect(await everything(store)).toEqual({
      ...before,
      batches: before.batches.map((batch) => ({ ...batch, progress: null })),
    });
    expect(await store.positions(JOB)).toEqual([
      { topic: 'topic', epoch: 0, partition: 0, next: '25', last: lastOf(9), closed: true },
      { topic: 'topic', epoch: 1, partition: 0, next: '4', last: lastOf(3), closed: false },
    ]);
    expect((await store.planBatch(lease, T2, stream([range(4, 8, { epoch: 1 })]))).seq).toBe(7);
  });

  test('restoring replaces what was known: unfinished batches, loads, ledgers; runs and facts stay', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await loadedBatches(store, lease, 2);
    await store.markPublished(lease, 'm', {
      seqs: [1, 2],
      partitions: [{ partition: '2026-03-01', state: 'done', batchId: null }],
      logicalTime: T1,
    });
    await store.setFact(lease, 'fact', 'kept');
    await store.startRun({ runId: 'r', job: JOB, command: 'x', logicalTime: T1, startedAt: T1 });
    await store.planBatch(lease, T2, stream([range(20, 30)]));
    const sealed = await landing(store);
    await store.restore(lease, sealed);
    expect((await store.batches(JOB)).map(({ seq, state }) => [seq, state])).toEqual([
      [1, 'landed'],
      [2, 'landed'],
    ]);
    expect((await store.positions(JOB))[0]?.next).toBe('20');
    expect(await store.models(JOB)).toEqual([]);
    expect(await store.publishedBatches(JOB, 'm')).toEqual(new Set());
    expect(await store.partitions(JOB, 'm')).toEqual([]);
    expect(await store.getFact(JOB, 'fact')).toBe('kept');
    expect(await store.recentRuns(JOB, 5)).toHaveLength(1);
    const once = await everything(store);
    await store.restore(lease, sealed);
    expect(await everything(store)).toEqual(once);
  });

  test('batches that were open when later ones were sealed come back as planned, and are sealed then', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await landed(store, lease, range(0, 10));
    const waiting = await store.planBatch(lease, T1, snapshotIntent);
    const failing = await store.planBatch(lease, T2, stream([range(10, 20)], [gap(0, 5, { partition: 1 })]));
    await landed(store, lease, range(20, 30));
    await store.saveProgress(lease, 2, { pages: 1 });
    const before = (await everything(store)) as { batches: readonly BatchRecord[] };
    const open = [failing, waiting].map(({ seq, logicalTime, intent }) => ({ seq, logicalTime, intent }));
    await store.restore(lease, await landing(store), open);
    expect(await everything(store)).toEqual({
      ...before,
      batches: before.batches.map((batch) => ({ ...batch, progress: null })),
    });
    await store.sealBatch(lease, manifestOf(waiting));
    await store.sealBatch(lease, manifestOf(failing));
    expect((await store.positions(JOB))[0]).toMatchObject({ next: '30', last: lastOf(29) });
    expect((await store.planBatch(lease, T2, stream([range(30, 31)]))).seq).toBe(5);
  });

  test('numbers may have holes and come in any order; the next one follows the largest', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    const manifests = [sealedAt(7, 10, 20), sealedAt(2, 0, 10)];
    await store.restore(
      lease,
      manifests.map((manifest) => ({ manifest, admission: null })),
    );
    expect((await store.batches(JOB)).map(({ seq }) => seq)).toEqual([2, 7]);
    expect((await store.positions(JOB))[0]).toMatchObject({ next: '20', last: lastOf(19) });
    const next = await store.planBatch(lease, T1, stream([range(20, 30)]));
    expect(next.seq).toBe(8);
    await store.sealBatch(lease, manifestOf(next));
    await store.markLoaded(lease, [2, 7, 8]);
    expect(await store.unpublishedBatches(JOB, 'm')).toEqual([2, 7, 8]);
  });

  test('restoring nothing empties the job, and only that job', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    const order = await acquire(store, 'order');
    await landed(store, lease, range(0, 10));
    await landed(store, order, range(0, 10));
    await store.restore(lease, []);
    expect(await store.batches(JOB)).toEqual([]);
    expect(await store.positions(JOB)).toEqual([]);
    expect(await store.ranges(JOB)).toEqual([]);
    expect(await store.batches('order')).toHaveLength(1);
    expect((await store.planBatch(lease, T1, stream([range(0, 10)]))).seq).toBe(1);
  });

  test.each([
    {
      title: 'a hole between the offsets',
      manifests: [sealedAt(1, 0, 10), sealedAt(3, 20, 30)],
      message: /20\.\.30.* begin at 10/,
    },
    {
      title: 'offsets that overlap',
      manifests: [sealedAt(1, 0, 10), sealedAt(2, 5, 15)],
      message: /5\.\.15.* begin at 10/,
    },
    {
      title: 'two manifests of one number',
      manifests: [sealedAt(1, 0, 10), sealedAt(1, 10, 20)],
      message: /two manifests/,
    },
    { title: 'a manifest of another job', manifests: [{ ...sealedAt(1, 0, 10), job: 'order' }], message: /order/ },
  ])('$title: a conflict that names it and changes nothing', async ({ manifests, message }) => {
    const { store } = subject();
    const lease = await acquire(store);
    await loadedBatches(store, lease, 2);
    const before = await everything(store);
    const sealed = manifests.map((manifest) => ({ manifest, admission: null }));
    await expectCode(store.restore(lease, sealed), 'state_conflict', message);
    expect(await everything(store)).toEqual(before);
  });

  test('thousands of batches are restored in seconds', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    const sealed = Array.from({ length: 2000 }, (_, index) => ({
      manifest: manifestOf({
        job: JOB,
        seq: index + 1,
        kind: 'stream' as const,
        logicalTime: T1,
        intent: stream([0, 1, 2].map((partition) => range(index * 10, index * 10 + 10, { partition }))),
      }),
      admission: null,
    }));
    const startedAt = performance.now();
    await store.restore(lease, sealed);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(await store.batchHeads(JOB)).toHaveLength(2000);
    expect(await store.ranges(JOB)).toHaveLength(6000);
    expect((await store.positions(JOB)).map(({ next }) => next)).toEqual(['20000', '20000', '20000']);
  });
}
