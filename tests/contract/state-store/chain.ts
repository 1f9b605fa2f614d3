import { expect, test } from 'vitest';
import type { StateStoreSubject } from '../state-store.ts';
import { everything, expectCode } from './expectations.ts';
import { JOB, T1, acquire, gap, landed, lastOf, manifestOf, range, snapshotIntent, stream } from './fixtures.ts';

/** The largest offset, and the largest exclusive end, of a signed 64-bit log. */
const NEARLY_MAX = '9223372036854775806';
const MAX = '9223372036854775807';

export function chainTests(subject: () => StateStoreSubject): void {
  test('ranges continue each other per topic, epoch and partition', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await store.planBatch(lease, T1, stream([range(5, 10), range(0, 3, { partition: 1 })]));
    await store.planBatch(lease, T1, stream([range(10, 12), range(100, 101, { topic: 'a' })]));
    expect(await store.positions(JOB)).toEqual([
      { topic: 'a', epoch: 0, partition: 0, next: '101', last: null, closed: false },
      { topic: 'topic', epoch: 0, partition: 0, next: '12', last: null, closed: false },
      { topic: 'topic', epoch: 0, partition: 1, next: '3', last: null, closed: false },
    ]);
    expect(await store.ranges(JOB)).toEqual([
      { ...range(5, 10), seq: 1 },
      { ...range(0, 3, { partition: 1 }), seq: 1 },
      { ...range(100, 101, { topic: 'a' }), seq: 2 },
      { ...range(10, 12), seq: 2 },
    ]);
  });

  test.each([
    { title: 'a hole', next: [range(11, 20)] },
    { title: 'an overlap', next: [range(9, 20)] },
    { title: 'the same range again', next: [range(0, 10)] },
    { title: 'a range inside', next: [range(2, 5)] },
    { title: 'one good and one bad range', next: [range(0, 5, { partition: 7 }), range(11, 20)] },
    { title: 'two ranges that overlap each other', next: [range(10, 20), range(15, 25)] },
    { title: 'two ranges with a hole between them', next: [range(10, 20), range(21, 25)] },
    { title: 'an empty range', next: [range(10, 10)] },
    { title: 'a reversed range', next: [range(10, 9)] },
    { title: 'a negative offset', next: [range('-1', 9, { partition: 1 })] },
    { title: 'an offset beyond 64 bits', next: [range(10, '9223372036854775808')] },
    { title: 'an offset with a leading zero', next: [range('010', 20)] },
    { title: 'something that is no number', next: [range('1e1', 20)] },
  ])('$title is a conflict that changes nothing', async ({ next }) => {
    const { store } = subject();
    const lease = await acquire(store);
    await landed(store, lease, range(0, 10));
    const before = await everything(store);
    await expectCode(store.planBatch(lease, T1, stream(next)), 'state_conflict', /topic\[/);
    expect(await everything(store)).toEqual(before);
    expect((await store.planBatch(lease, T1, stream([range(10, 20)]))).seq).toBe(2);
  });

  test('a conflict names what was expected', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await store.planBatch(lease, T1, stream([range(0, 10, { epoch: 2, partition: 3 })]));
    await expectCode(
      store.planBatch(lease, T1, stream([range(11, 20, { epoch: 2, partition: 3 })])),
      'state_conflict',
      /Job customer: the range topic\[3\] epoch 2 11\.\.20 .* begin at 10/,
    );
  });

  test('several ranges of one partition in one batch follow each other, whatever their order', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await store.planBatch(lease, T1, stream([range(10, 20), range(0, 10)]));
    expect((await store.positions(JOB))[0]?.next).toBe('20');
  });

  test('offsets are exact up to 2^63 - 1', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    const ranges = [range('9007199254740993', NEARLY_MAX)];
    const batch = await store.planBatch(lease, T1, stream(ranges));
    await store.sealBatch(
      lease,
      manifestOf(batch, {
        ranges: ranges.map((one) => ({
          ...one,
          read: 1,
          landed: 1,
          quarantined: 0,
          last: lastOf('9223372036854775805'),
        })),
      }),
    );
    await expectCode(store.planBatch(lease, T1, stream([range('9223372036854775805', MAX)])), 'state_conflict');
    await store.planBatch(lease, T1, stream([range(NEARLY_MAX, MAX)]));
    expect(await store.positions(JOB)).toMatchObject([{ next: MAX, last: { offset: '9223372036854775805' } }]);
    expect(await store.ranges(JOB)).toMatchObject([
      { from: '9007199254740993', to: NEARLY_MAX },
      { from: NEARLY_MAX, to: MAX },
    ]);
  });

  test('an accepted gap joins the chain, alone or with the range behind it', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await store.planBatch(lease, T1, stream([range(0, 10)]));
    await expectCode(
      store.planBatch(lease, T1, stream([], [gap(11, 30)])),
      'state_conflict',
      /gap topic\[0\] 11\.\.30/,
    );
    await store.planBatch(lease, T1, stream([range(30, 40)], [gap(10, 30)]));
    await store.planBatch(lease, T1, stream([], [gap(40, 50)]));
    expect((await store.positions(JOB))[0]?.next).toBe('50');
    expect(await store.gaps(JOB)).toEqual([gap(10, 30), gap(40, 50)]);
    expect(await store.ranges(JOB)).toEqual([
      { ...range(0, 10), seq: 1 },
      { ...range(30, 40), seq: 2 },
    ]);
  });

  test('a recreated topic closes its epoch and goes on in the next one', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await landed(store, lease, range(0, 10));
    await store.planBatch(lease, T1, stream([range(0, 4, { epoch: 1 })], [gap(10, null)]));
    expect(await store.positions(JOB)).toEqual([
      { topic: 'topic', epoch: 0, partition: 0, next: '10', last: lastOf(9), closed: true },
      { topic: 'topic', epoch: 1, partition: 0, next: '4', last: null, closed: false },
    ]);
    expect(await store.gaps(JOB)).toEqual([gap(10, null)]);
    await expectCode(store.planBatch(lease, T1, stream([range(10, 20)])), 'state_conflict', /closed at offset 10/);
    await expectCode(store.planBatch(lease, T1, stream([], [gap(10, null)])), 'state_conflict', /closed/);
    await store.planBatch(lease, T1, stream([range(4, 8, { epoch: 1 })]));
  });

  test('a topic recreated before anything was read closes an epoch without ranges', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await store.planBatch(lease, T1, stream([], [gap(0, null)]));
    expect(await store.positions(JOB)).toEqual([
      { topic: 'topic', epoch: 0, partition: 0, next: '0', last: null, closed: true },
    ]);
  });

  test('the chains of two jobs over one topic are independent', async () => {
    const { store } = subject();
    const customer = await acquire(store);
    const order = await acquire(store, 'order');
    await store.planBatch(customer, T1, stream([range(0, 10)]));
    await store.planBatch(order, T1, stream([range(3, 5)]));
    expect((await store.positions('order'))[0]?.next).toBe('5');
    expect((await store.positions(JOB))[0]?.next).toBe('10');
  });

  test('the last record comes from the newest sealed range that has one', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    const last = async (): Promise<unknown> => (await store.positions(JOB))[0]?.last;
    const first = await store.planBatch(lease, T1, stream([range(0, 10)]));
    expect(await last()).toBeNull();
    await store.sealBatch(lease, manifestOf(first));
    expect(await last()).toEqual(lastOf(9));
    const second = await store.planBatch(lease, T1, stream([range(10, 20)]));
    expect(await last()).toEqual(lastOf(9));
    expect((await store.positions(JOB))[0]?.next).toBe('20');
    await store.sealBatch(lease, manifestOf(second, { withoutLast: true }));
    expect(await last()).toEqual(lastOf(9));
    await landed(store, lease, range(20, 30));
    expect(await last()).toEqual(lastOf(29));
  });

  test('batches sealed out of order leave the newest record', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    const first = await store.planBatch(lease, T1, stream([range(0, 10)]));
    const second = await store.planBatch(lease, T1, stream([range(10, 20)]));
    await store.sealBatch(lease, manifestOf(second));
    await store.sealBatch(lease, manifestOf(first));
    expect((await store.positions(JOB))[0]?.last).toEqual(lastOf(19));
  });

  test('records lost between plan and landing: the sealed ranges and gaps replace the planned ones, the position stays', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    const intent = stream(
      [range(0, 10), range(5, 9, { partition: 1 }), range(0, 4, { partition: 2 })],
      [gap(0, 5, { partition: 1 })],
    );
    const batch = await store.planBatch(lease, T1, intent);
    const behind = await store.planBatch(lease, T1, stream([range(10, 12)]));
    const gaps = [...intent.gaps, gap(0, 7), gap(0, 4, { partition: 2 })];
    const ranges = [range(7, 10), range(5, 9, { partition: 1 })].map((one) => ({
      ...one,
      read: 1,
      landed: 1,
      quarantined: 0,
      last: lastOf(Number(one.to) - 1),
    }));
    const manifest = manifestOf(batch, { ranges, gaps });
    await store.sealBatch(lease, manifest);
    await store.sealBatch(lease, manifest);
    await store.sealBatch(lease, manifestOf(behind));
    expect(await store.batches(JOB)).toMatchObject([{ state: 'landed', intent, manifest }, { state: 'landed' }]);
    expect(await store.ranges(JOB)).toEqual([
      { ...range(7, 10), seq: 1 },
      { ...range(5, 9, { partition: 1 }), seq: 1 },
      { ...range(10, 12), seq: 2 },
    ]);
    expect(await store.gaps(JOB)).toEqual([gap(0, 7), gap(0, 5, { partition: 1 }), gap(0, 4, { partition: 2 })]);
    const positions = await store.positions(JOB);
    expect(positions.map(({ next, last }) => [next, last])).toEqual([
      ['12', lastOf(11)],
      ['9', lastOf(8)],
      ['4', null],
    ]);
    const sealed = (await store.batches(JOB)).flatMap(({ manifest: one }) =>
      one === null ? [] : [{ manifest: one, admission: null }],
    );
    await store.restore(lease, sealed);
    expect(await store.positions(JOB)).toEqual(positions);
    expect(await store.gaps(JOB)).toEqual([gap(0, 7), gap(0, 5, { partition: 1 }), gap(0, 4, { partition: 2 })]);
    await store.planBatch(lease, T1, stream([range(12, 13), range(4, 5, { partition: 2 })]));
  });

  test.each([
    { title: 'leave a hole', ranges: [range(8, 10)], gaps: [gap(0, 7)] },
    { title: 'overlap', ranges: [range(6, 10)], gaps: [gap(0, 7)] },
    { title: 'reach beyond the plan', ranges: [range(7, 10)], gaps: [gap(0, 7), gap(10, 12)] },
    { title: 'begin before the plan', ranges: [range(7, 10)], gaps: [gap(0, 7), gap(3, 5, { partition: 1 })] },
    { title: 'end the epoch', ranges: [range(0, 7)], gaps: [gap(7, null)] },
    { title: 'read a planned gap', ranges: [range(0, 10), range(2, 5, { partition: 1 })], planned: [] },
    { title: 'cover it twice', ranges: [range(0, 10)], gaps: [gap(0, 10)] },
    { title: 'lie in another epoch', ranges: [range(7, 10)], gaps: [gap(0, 7, { epoch: 1 })] },
    { title: 'name what is no offset', ranges: [range(7, 10)], gaps: [gap('x', 7)] },
  ])(
    'ranges and gaps of a manifest that $title do not seal the batch',
    async ({ ranges, gaps = [], planned = [gap(2, 5, { partition: 1 })] }) => {
      const { store } = subject();
      const lease = await acquire(store);
      const batch = await store.planBatch(lease, T1, stream([range(0, 10)], [gap(2, 5, { partition: 1 })]));
      const before = await everything(store);
      const read = ranges.map((one) => ({ ...one, read: 1, landed: 1, quarantined: 0, last: null }));
      await expectCode(
        store.sealBatch(lease, manifestOf(batch, { ranges: read, gaps: [...planned, ...gaps] })),
        'state_conflict',
      );
      expect(await everything(store)).toEqual(before);
    },
  );

  test('snapshots and replays take no place in the chain', async () => {
    const { store } = subject();
    const lease = await acquire(store);
    await landed(store, lease, range(0, 10));
    await store.planBatch(lease, T1, snapshotIntent);
    const replay = await store.planBatch(lease, T1, {
      kind: 'replay',
      objects: ['dead/1'],
      sourceBatches: ['customer-00000001'],
    });
    await store.sealBatch(
      lease,
      manifestOf(replay, { ranges: [{ ...range(19, 20), read: 1, landed: 1, quarantined: 0, last: lastOf(19) }] }),
    );
    expect(await store.positions(JOB)).toMatchObject([{ next: '10', last: lastOf(9) }]);
    expect(await store.ranges(JOB)).toEqual([{ ...range(0, 10), seq: 1 }]);
  });
}
