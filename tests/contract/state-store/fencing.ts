import { expect, test } from 'vitest';
import type { Lease, StateStore } from '../../../src/state/ports.ts';
import type { StateStoreSubject } from '../state-store.ts';
import { everything, expectCode } from './expectations.ts';
import { JOB, T1, T2, acquire, admission, manifestOf, range, snapshotIntent, stream, takeOver } from './fixtures.ts';

/** A job in which each of these calls would succeed under the right lease. */
async function prepare(store: StateStore, lease: Lease): Promise<void> {
  const first = await store.planBatch(lease, T1, stream([range(0, 10)]));
  await store.sealBatch(lease, manifestOf(first));
  await store.markLoaded(lease, [1]);
  const snapshot = await store.planBatch(lease, T1, snapshotIntent);
  await store.sealBatch(lease, manifestOf(snapshot));
  await store.planBatch(lease, T1, stream([range(10, 20)]));
  await store.startRun({ runId: 'begun', job: JOB, command: 'x', logicalTime: T1, startedAt: T1 }, lease);
}

const WRITES: readonly (readonly [
  name: keyof StateStore,
  call: (store: StateStore, lease: Lease) => Promise<unknown>,
])[] = [
  ['renewLease', (store, lease) => store.renewLease(lease, 1_000_000)],
  ['planBatch', (store, lease) => store.planBatch(lease, T2, stream([range(20, 30)]))],
  ['saveProgress', (store, lease) => store.saveProgress(lease, 3, { page: 1 })],
  [
    'sealBatch',
    (store, lease) =>
      store.sealBatch(
        lease,
        manifestOf({ job: JOB, seq: 3, kind: 'stream', logicalTime: T1, intent: stream([range(10, 20)]) }),
      ),
  ],
  ['saveAdmission', (store, lease) => store.saveAdmission(lease, 2, admission(2))],
  ['markLoaded', (store, lease) => store.markLoaded(lease, [2])],
  ['markUnloaded', (store, lease) => store.markUnloaded(lease, [1])],
  ['markPublished', (store, lease) => store.markPublished(lease, 'm', { seqs: [1], partitions: [], logicalTime: T1 })],
  ['setFact', (store, lease) => store.setFact(lease, 'fact', 1)],
  ['restore', (store, lease) => store.restore(lease, [])],
  [
    'startRun',
    (store, lease) => store.startRun({ runId: 'r', job: JOB, command: 'x', logicalTime: T1, startedAt: T1 }, lease),
  ],
  ['finishRun', (store, lease) => store.finishRun('begun', { finishedAt: T2, exitCode: 0, error: null }, lease)],
];

export function fencingTests(subject: () => StateStoreSubject): void {
  test.each(WRITES)(
    '%s works under the lease and changes nothing under a lost or released one',
    async (_name, call) => {
      const { store } = subject();
      const old = await acquire(store);
      await prepare(store, old);
      const lease = await takeOver(store);
      const before = await everything(store);
      await expectCode(call(store, old), 'lease_lost', /token 1.*token 2 belongs to process 200 on alpha/);
      await expectCode(call(store, { job: JOB, token: 3 }), 'lease_lost');
      await store.releaseLease(lease);
      await expectCode(call(store, lease), 'lease_lost', /released/);
      expect(await everything(store)).toEqual({ ...(before as object), holder: null });

      await call(store, await acquire(store));
    },
  );

  test('a token of one job opens no other job', async () => {
    const { store } = subject();
    const { token } = await acquire(store);
    await expectCode(store.setFact({ job: 'order', token }, 'fact', 1), 'lease_lost');
  });
}
