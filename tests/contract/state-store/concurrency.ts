import { expect, test } from 'vitest';
import type { StateStore } from '../../../src/state/ports.ts';
import type { StateStoreSubject } from '../state-store.ts';
import { expectCode } from './expectations.ts';
import { JOB, T1, acquire, holder, landed, manifestOf, range, request, stream, takeOver } from './fixtures.ts';

/** Opens further stores and closes them whatever happens. */
async function withStores(
  subject: StateStoreSubject,
  count: number,
  work: (stores: readonly StateStore[]) => Promise<void>,
): Promise<void> {
  const stores = await Promise.all(Array.from({ length: count }, () => subject.harness.open()));
  try {
    await work(stores);
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

export function concurrencyTests(subject: () => StateStoreSubject): void {
  test('of twenty askers in the same moment exactly one gets the lease', async () => {
    await withStores(subject(), 4, async (stores) => {
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (stores[index % 4] as StateStore).acquireLease(request({ holder: holder({ pid: 1000 + index }) })),
        ),
      );
      expect(outcomes.filter(({ status }) => status === 'acquired')).toHaveLength(1);
      expect(outcomes.filter(({ status }) => status === 'held')).toHaveLength(19);
    });
  });

  test('many takeovers at once give each taker a token of its own, and the last one holds it', async () => {
    await withStores(subject(), 4, async (stores) => {
      const leases = await Promise.all(
        Array.from({ length: 12 }, (_, index) => takeOver(stores[index % 4] as StateStore)),
      );
      const tokens = leases.map(({ token }) => token).toSorted((a, b) => a - b);
      expect(tokens).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
      const { store } = subject();
      for (const lease of leases) {
        if (lease.token === 12) await store.assertLease(lease);
        else await expectCode(store.assertLease(lease), 'lease_lost');
      }
    });
  });

  test('what one store commits, the other sees', async () => {
    await withStores(subject(), 1, async ([other]) => {
      if (other === undefined) throw new Error('no second store');
      const { store } = subject();
      const lease = await acquire(store);
      const batch = await landed(store, lease, range(0, 10));
      expect(await other.batches(JOB)).toEqual([{ ...batch, state: 'landed', manifest: manifestOf(batch) }]);
      await other.markLoaded(lease, [1]);
      expect((await store.batches(JOB))[0]?.state).toBe('loaded');
    });
  });

  test('two writers under one lease never plan one number or one offset twice', async () => {
    await withStores(subject(), 2, async (stores) => {
      const lease = await acquire(subject().store);
      const plans = Array.from({ length: 10 }, (_, index) =>
        (stores[index % 2] as StateStore)
          .planBatch(lease, T1, stream([range(0, 10 + index)]))
          .then(({ seq }) => seq)
          .catch(() => null),
      );
      const seqs = (await Promise.all(plans)).filter((seq) => seq !== null);
      expect(seqs).toEqual([1]);
      expect(await subject().store.ranges(JOB)).toHaveLength(1);
    });
  });

  test('writes of a run that loses its lease meanwhile are all before the takeover or refused', async () => {
    await withStores(subject(), 2, async ([zombie, taker]) => {
      if (zombie === undefined || taker === undefined) throw new Error('no stores');
      const old = await acquire(zombie);
      const writes = Array.from({ length: 20 }, async (_, index) => {
        try {
          await zombie.setFact(old, `f${index}`, index);
          return 'written';
        } catch (error) {
          return error instanceof Error && 'code' in error ? error.code : String(error);
        }
      });
      const lease = await takeOver(taker);
      const seen = await Promise.all(writes.map((_, index) => taker.getFact(JOB, `f${index}`)));
      const outcomes = await Promise.all(writes);
      const after = await Promise.all(writes.map((_, index) => taker.getFact(JOB, `f${index}`)));
      // Nothing appears behind the takeover, and what reported success is there.
      expect(after).toEqual(seen);
      for (const [index, outcome] of outcomes.entries()) {
        expect(outcome).toBe(after[index] === index ? 'written' : 'lease_lost');
      }
      await taker.assertLease(lease);
    });
  });
}
