import { expect, test } from 'vitest';
import type { PartitionState } from '../../../src/state/ports.ts';
import type { StateStoreSubject } from '../state-store.ts';
import { everything, expectCode } from './expectations.ts';
import { JOB, T1, T2, acquire, landed, loadedBatches, range } from './fixtures.ts';

const done = (partition: string, batchId: string | null = 'customer-00000001'): PartitionState => ({
  partition,
  state: 'done',
  batchId,
});
const stale = (partition: string): PartitionState => ({ partition, state: 'stale', batchId: null });

export function ledgerTests(subject: () => StateStoreSubject): void {
  test('a model publishes loaded batches and partitions', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await loadedBatches(store, lease, 5);
    const result = { seqs: [1, 2, 5], partitions: [done('2026-03-02'), done('2026-03-01')], logicalTime: T1 };
    await store.markPublished(lease, 'history', result);
    expect(await store.publishedBatches(JOB, 'history')).toEqual(new Set([1, 2, 5]));
    expect(await store.unpublishedBatches(JOB, 'history')).toEqual([3, 4]);
    expect(await store.unpublishedBatches(JOB, 'current')).toEqual([1, 2, 3, 4, 5]);
    expect(await store.partitions(JOB, 'history')).toEqual([done('2026-03-01'), done('2026-03-02')]);
    expect(await store.models(JOB)).toEqual([{ model: 'history', logicalTime: T1 }]);
    const before = await everything(store, ['history', 'current']);
    await store.markPublished(lease, 'history', result);
    expect(await everything(store, ['history', 'current'])).toEqual(before);
  });

  test('a fact is set together with what the model published, or not at all', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await landed(store, lease, range(0, 10));
    const result = { seqs: [1], partitions: [], logicalTime: T1, fact: { name: 'fact', value: { mark: 'ä' } } };
    await expectCode(store.markPublished(lease, 'm', result), 'state_conflict');
    expect(await store.getFact(JOB, 'fact')).toBeUndefined();
    await store.markLoaded(lease, [1]);
    await store.markPublished(lease, 'm', result);
    await store.markPublished(lease, 'm', result);
    expect(await store.getFact(JOB, 'fact')).toEqual({ mark: 'ä' });
  });

  test('later results add to earlier ones; a partition keeps its last word', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await loadedBatches(store, lease, 3);
    await store.markPublished(lease, 'm', {
      seqs: [1],
      partitions: [done('2026-03-01'), stale('2026-02-01')],
      logicalTime: T1,
    });
    await store.markPublished(lease, 'm', {
      seqs: [3, 2],
      partitions: [stale('2026-03-01'), stale('2026-03-01'), done('2026-03-01', 'customer-00000003')],
      logicalTime: T2,
    });
    expect(await store.publishedBatches(JOB, 'm')).toEqual(new Set([1, 2, 3]));
    expect(await store.unpublishedBatches(JOB, 'm')).toEqual([]);
    expect(await store.partitions(JOB, 'm')).toEqual([stale('2026-02-01'), done('2026-03-01', 'customer-00000003')]);
    expect(await store.partitions(JOB, 'm', { state: 'stale' })).toEqual([stale('2026-02-01')]);
    expect(await store.partitions(JOB, 'm', { state: 'done' })).toEqual([done('2026-03-01', 'customer-00000003')]);
    expect(await store.models(JOB)).toEqual([{ model: 'm', logicalTime: T2 }]);
  });

  test('a run without new batches still moves the logical time and the partitions', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await store.markPublished(lease, 'm', { seqs: [], partitions: [done('2026-03-01', null)], logicalTime: T2 });
    expect(await store.models(JOB)).toEqual([{ model: 'm', logicalTime: T2 }]);
    expect(await store.partitions(JOB, 'm')).toEqual([done('2026-03-01', null)]);
  });

  test('replaceAll forgets what the model had, and only that model', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await loadedBatches(store, lease, 3);
    for (const model of ['m', 'n']) {
      await store.markPublished(lease, model, { seqs: [1, 2], partitions: [done('2026-03-01')], logicalTime: T1 });
    }
    const result = { seqs: [3], partitions: [done('2026-03-05')], logicalTime: T2, replaceAll: true };
    await store.markPublished(lease, 'm', result);
    await store.markPublished(lease, 'm', result);
    expect(await store.publishedBatches(JOB, 'm')).toEqual(new Set([3]));
    expect(await store.unpublishedBatches(JOB, 'm')).toEqual([1, 2]);
    expect(await store.partitions(JOB, 'm')).toEqual([done('2026-03-05')]);
    expect(await store.publishedBatches(JOB, 'n')).toEqual(new Set([1, 2]));
    expect(await store.partitions(JOB, 'n')).toEqual([done('2026-03-01')]);
  });

  test('only loaded batches can be published; a refused result changes nothing', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await loadedBatches(store, lease, 1);
    await landed(store, lease, range(10, 20));
    await store.markPublished(lease, 'm', { seqs: [1], partitions: [done('2026-03-01')], logicalTime: T1 });
    const before = await everything(store);
    for (const [seq, message] of [
      [2, /customer-00000002 is landed; to be published by m/],
      [3, /no batch customer-00000003/],
    ] as const) {
      const result = { seqs: [1, seq], partitions: [stale('2026-03-01')], logicalTime: T2, replaceAll: true };
      await expectCode(store.markPublished(lease, 'm', result), 'state_conflict', message);
    }
    expect(await everything(store)).toEqual(before);
  });

  test('ledgers of one model name in two jobs are independent', async () => {
    const { store } = subject();
    const customer = await acquire(store);
    const order = await acquire(store, 'order');
    await loadedBatches(store, customer, 1);
    await loadedBatches(store, order, 2);
    await store.markPublished(customer, 'm', { seqs: [1], partitions: [done('2026-03-01')], logicalTime: T1 });
    expect(await store.publishedBatches('order', 'm')).toEqual(new Set());
    expect(await store.partitions('order', 'm')).toEqual([]);
    expect(await store.unpublishedBatches('order', 'm')).toEqual([1, 2]);
  });
}
