import { expect, test } from 'vitest';
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
  loadedBatches,
  manifestOf,
  range,
  snapshotIntent,
  stream,
} from './fixtures.ts';

export function batchTests(subject: () => StateStoreSubject): void {
  test('a planned batch is numbered from 1 and holds its intent', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    const intent = stream([range(0, 10)], [gap(3, 5, { partition: 1 })]);
    const batch = await store.planBatch(lease, T1, intent);
    expect(batch).toEqual({
      job: JOB,
      seq: 1,
      id: 'customer-00000001',
      kind: 'stream',
      state: 'planned',
      logicalTime: T1,
      intent,
      progress: null,
      manifest: null,
      admission: null,
    });
    expect(await store.batches(JOB)).toEqual([batch]);
  });

  test('an intent may be made from its number', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await landed(store, lease, range(0, 1));
    const batch = await store.planBatch(lease, T1, snapshotIntent);
    expect(batch).toMatchObject({ seq: 2, kind: 'snapshot', intent: { kind: 'snapshot', snapshotId: 's00000002' } });
  });

  test('planning the newest batch again under the same lease gives that batch', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    const intent = stream([range(0, 10)]);
    const first = await store.planBatch(lease, T1, intent);
    expect(await store.planBatch(lease, T1, structuredClone(intent))).toEqual(first);
    expect(await store.batches(JOB)).toHaveLength(1);
    await expectCode(store.planBatch(lease, T2, intent), 'state_conflict');
    await store.sealBatch(lease, manifestOf(first));
    await expectCode(store.planBatch(lease, T1, intent), 'state_conflict');
  });

  test('numbers count per job', async () => {
    const { store } = subject();
    const customer = await acquire(store);
    const order = await acquire(store, 'order');
    await store.planBatch(customer, T1, stream([range(0, 10)]));
    expect((await store.planBatch(order, T1, stream([range(0, 10)]))).id).toBe('order-00000001');
  });

  test('progress of a planned batch is kept, replaced, and refused once it is sealed', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    const batch = await store.planBatch(lease, T1, snapshotIntent);
    const progress = { pages: [1, 2], s0: T1, text: 'ä\u0000"', big: '9007199254740993' };
    await store.saveProgress(lease, 1, { pages: [1] });
    await store.saveProgress(lease, 1, progress);
    expect((await store.batches(JOB))[0]?.progress).toEqual(progress);
    await store.sealBatch(lease, manifestOf(batch));
    expect((await store.batches(JOB))[0]?.progress).toEqual(progress);
    await store.saveProgress(lease, 1, progress);
    await expectCode(store.saveProgress(lease, 1, { pages: [] }), 'state_conflict', /customer-00000001 is landed/);
    await expectCode(store.saveProgress(lease, 9, progress), 'state_conflict', /no batch customer-00000009/);
  });

  test('sealing stores the manifest and can be repeated, but not with another manifest', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    const batch = await store.planBatch(lease, T1, stream([range(0, 10)]));
    const manifest = manifestOf(batch);
    await store.sealBatch(lease, manifest);
    expect(await store.batches(JOB)).toEqual([{ ...batch, state: 'landed', manifest }]);
    await store.sealBatch(lease, manifest);
    await store.markLoaded(lease, [1]);
    await store.sealBatch(lease, structuredClone(manifest));
    expect((await store.batches(JOB))[0]?.state).toBe('loaded');
    await expectCode(store.sealBatch(lease, { ...manifest, objects: [] }), 'state_conflict', /is loaded/);
  });

  test.each([
    {
      title: 'a shorter range',
      change: { ranges: [{ ...range(0, 9), read: 1, landed: 1, quarantined: 0, last: null }] },
    },
    { title: 'no range', change: { ranges: [] } },
    { title: 'a gap that was not planned', change: { gaps: [gap(10, 20)] } },
    { title: 'another logical time', change: { logicalTime: T2 } },
    { title: 'another kind', change: { kind: 'replay' as const } },
    { title: 'another job', change: { job: 'order' } },
    { title: 'another id', change: { batchId: 'customer-00000002' } },
    { title: 'nothing: given up', change: { void: true as const } },
  ])('a manifest with $title does not seal a stream batch', async ({ change }) => {
    const { store } = subject();
    const lease = await acquire(store);
    const batch = await store.planBatch(lease, T1, stream([range(0, 10)]));
    const before = await everything(store);
    await expectCode(store.sealBatch(lease, manifestOf(batch, change)), 'state_conflict', /customer-00000001/);
    expect(await everything(store)).toEqual(before);
  });

  test('a batch that was never planned cannot be sealed', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    const manifest = manifestOf({ job: JOB, seq: 4, kind: 'stream', logicalTime: T1, intent: stream([range(0, 10)]) });
    await expectCode(store.sealBatch(lease, manifest), 'state_conflict', /no batch customer-00000004/);
  });

  test('a snapshot that was given up is void: never loaded, never admitted', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    const batch = await store.planBatch(lease, T1, snapshotIntent);
    const manifest = manifestOf(batch, { void: true, objects: [] });
    await store.sealBatch(lease, manifest);
    await store.sealBatch(lease, manifest);
    expect((await store.batches(JOB))[0]).toMatchObject({ state: 'void', manifest });
    await expectCode(store.markLoaded(lease, [1]), 'state_conflict', /is void/);
    await expectCode(store.saveAdmission(lease, 1, admission(1)), 'state_conflict', /void snapshot/);
  });

  test('a sealed snapshot is admitted; a repeated call is done already, a contrary one is refused', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    const batch = await store.planBatch(lease, T1, snapshotIntent);
    await expectCode(store.saveAdmission(lease, 1, admission(1)), 'state_conflict', /planned snapshot/);
    await store.sealBatch(lease, manifestOf(batch));
    await store.saveAdmission(lease, 1, admission(1));
    await store.saveAdmission(lease, 1, admission(1));
    await expectCode(
      store.saveAdmission(lease, 1, admission(1, { admitted: false })),
      'state_conflict',
      /admitted already/,
    );
    expect((await store.batches(JOB))[0]?.admission).toEqual(admission(1));
  });

  test('an accepted admission replaces a refusal, also of a loaded batch', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await store.sealBatch(lease, manifestOf(await store.planBatch(lease, T1, snapshotIntent)));
    const refused = admission(1, { admitted: false, keysGone: 60 });
    const accepted = admission(1, { accepted: true, keysGone: 60 });
    await store.saveAdmission(lease, 1, refused);
    await expectCode(store.saveAdmission(lease, 1, { ...refused, keysGone: 70 }), 'state_conflict', /refused already/);
    await store.markLoaded(lease, [1]);
    await store.saveAdmission(lease, 1, accepted);
    expect((await store.batches(JOB))[0]?.admission).toEqual(accepted);
    await expectCode(store.saveAdmission(lease, 1, refused), 'state_conflict');
  });

  test('only snapshots are admitted, and only by their own admission', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await landed(store, lease, range(0, 10));
    await expectCode(store.saveAdmission(lease, 1, admission(1)), 'state_conflict', /landed stream/);
    await store.sealBatch(lease, manifestOf(await store.planBatch(lease, T1, snapshotIntent)));
    await expectCode(store.saveAdmission(lease, 2, admission(1)), 'state_conflict', /customer-00000001 came for/);
  });

  test('landed batches become loaded, all or none', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await landed(store, lease, range(0, 10));
    await landed(store, lease, range(10, 20));
    await store.planBatch(lease, T1, stream([range(20, 30)]));
    const states = async (): Promise<unknown> => (await store.batches(JOB)).map(({ state }) => state);
    await expectCode(store.markLoaded(lease, [1, 3]), 'state_conflict', /customer-00000003 is planned/);
    await expectCode(store.markLoaded(lease, [1, 4]), 'state_conflict', /no batch/);
    expect(await states()).toEqual(['landed', 'landed', 'planned']);
    await store.markLoaded(lease, [1]);
    await store.markLoaded(lease, [1, 2, 2]);
    await store.markLoaded(lease, []);
    expect(await states()).toEqual(['loaded', 'loaded', 'planned']);
  });

  test('batches that the warehouse lost are landed again and leave the ledgers', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await loadedBatches(store, lease, 4);
    await store.markPublished(lease, 'm', { seqs: [1, 2, 3, 4], partitions: [], logicalTime: T1 });
    await store.markPublished(lease, 'n', { seqs: [1], partitions: [], logicalTime: T1 });
    await store.markUnloaded(lease, [2, 3]);
    await store.markUnloaded(lease, [2, 3]);
    expect((await store.batches(JOB)).map(({ state }) => state)).toEqual(['loaded', 'landed', 'landed', 'loaded']);
    expect(await store.publishedBatches(JOB, 'm')).toEqual(new Set([1, 4]));
    expect(await store.publishedBatches(JOB, 'n')).toEqual(new Set([1]));
    expect(await store.models(JOB)).toEqual([
      { model: 'm', logicalTime: T1 },
      { model: 'n', logicalTime: T1 },
    ]);
    const planned = await store.planBatch(lease, T1, stream([range(40, 50)]));
    await expectCode(store.markUnloaded(lease, [1, planned.seq]), 'state_conflict', /is planned/);
    expect((await store.batches(JOB))[0]?.state).toBe('loaded');
  });

  test('batches are listed by state, whole or as heads, or by number', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await loadedBatches(store, lease, 2);
    await landed(store, lease, range(20, 30));
    await store.planBatch(lease, T2, snapshotIntent);
    const seqs = async (states: Parameters<typeof store.batches>[1]): Promise<readonly number[]> =>
      (await store.batches(JOB, states)).map(({ seq }) => seq);
    expect(await seqs(undefined)).toEqual([1, 2, 3, 4]);
    expect(await seqs({})).toEqual([1, 2, 3, 4]);
    expect(await seqs({ states: ['loaded'] })).toEqual([1, 2]);
    expect(await seqs({ states: ['planned', 'landed'] })).toEqual([3, 4]);
    expect(await seqs({ states: ['void'] })).toEqual([]);
    expect(await seqs({ states: [] })).toEqual([]);
    expect(await seqs({ kinds: ['snapshot', 'replay'] })).toEqual([4]);
    expect(await seqs({ kinds: [] })).toEqual([]);
    expect(await seqs({ newest: 2 })).toEqual([3, 4]);
    expect(await seqs({ newest: 9 })).toEqual([1, 2, 3, 4]);
    expect(await seqs({ newest: 0 })).toEqual([]);
    expect(await seqs({ states: ['loaded', 'landed'], kinds: ['stream'], newest: 1 })).toEqual([3]);
    expect(await store.batchHeads(JOB, { states: ['planned', 'landed'] })).toEqual([
      { job: JOB, seq: 3, id: 'customer-00000003', kind: 'stream', state: 'landed', logicalTime: T1 },
      { job: JOB, seq: 4, id: 'customer-00000004', kind: 'snapshot', state: 'planned', logicalTime: T2 },
    ]);
    const [all, some] = [await store.batches(JOB), await store.batchesBySeq(JOB, [3, 1, 3])];
    expect(some).toEqual([all[0], all[2]]);
    expect(await store.batchesBySeq(JOB, [])).toEqual([]);
    await expectCode(store.batchesBySeq(JOB, [1, 7]), 'state_conflict', /no batch customer-00000007/);
  });

  test("the last logical time is the newest batch's", async () => {
    const { store } = subject();
    const lease = await acquire(store);
    expect(await store.lastLogicalTime(JOB)).toBeNull();
    await store.planBatch(lease, T1, stream([range(0, 10)]));
    await store.planBatch(lease, T2, snapshotIntent);
    expect(await store.lastLogicalTime(JOB)).toBe(T2);
  });

  test('an unknown job is empty', async () => {
    const { store } = subject();
    expect(await everything(store, ['m'], 'unheard')).toEqual({
      batches: [],
      positions: [],
      ranges: [],
      gaps: [],
      models: [],
      ledger: [[[], []]],
      fact: undefined,
      runs: [],
      holder: null,
    });
    expect(await store.batchHeads('unheard')).toEqual([]);
    expect(await store.unpublishedBatches('unheard', 'm')).toEqual([]);
  });

  test('texts of any kind survive: quotes, umlauts, emoji, NUL and question marks in JSON', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    const topic = `to'pic "ä" 🚰 ? \\? $1 :name`;
    const batch = await store.planBatch(lease, T1, stream([range(0, 10, { topic })]));
    const manifest = manifestOf(batch, { drift: [{ path: "$.a'b?\u0000\ud83d", records: 3 }] });
    await store.sealBatch(lease, manifest);
    expect((await store.batches(JOB))[0]?.manifest).toEqual(manifest);
    expect((await store.positions(JOB))[0]?.topic).toBe(topic);
  });
}
