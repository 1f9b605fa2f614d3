import { expect, test } from 'vitest';
import type { LeaseHolder } from '../../../src/state/ports.ts';
import type { StateStoreSubject } from '../state-store.ts';
import { expectCode } from './expectations.ts';
import { JOB, acquire, holder, leaseIn, request } from './fixtures.ts';

export function leaseTests(subject: () => StateStoreSubject): void {
  test('a free lease is acquired with token 1 and shows its holder', async () => {
    const { store } = subject();
    expect(await store.leaseOf(JOB)).toBeNull();
    const outcome = await store.acquireLease(request());
    expect(outcome).toEqual({ status: 'acquired', lease: { job: JOB, token: 1 }, tookOverFrom: null });
    const shown = await store.leaseOf(JOB);
    expect(shown?.holder).toEqual(holder());
    expect(shown?.remainingMs).toBeGreaterThan(50_000);
    expect(shown?.remainingMs).toBeLessThanOrEqual(60_000);
  });

  test('a live holder keeps it: the second asker learns who holds it and for how long', async () => {
    const { store, harness } = subject();
    await acquire(store);
    await harness.elapse(2_000);
    const outcome = await store.acquireLease(request({ holder: holder({ pid: 101 }) }));
    expect(outcome).toMatchObject({ status: 'held', holder: holder() });
    expect(outcome.status === 'held' && outcome.remainingMs).toBeGreaterThan(50_000);
    expect(outcome.status === 'held' && outcome.remainingMs).toBeLessThanOrEqual(58_000);
  });

  test('the same process does not get it twice', async () => {
    const { store } = subject();
    await acquire(store);
    expect(await store.acquireLease(request())).toMatchObject({ status: 'held' });
  });

  test('leases of two jobs are independent', async () => {
    const { store } = subject();
    const customer = await acquire(store);
    const order = await acquire(store, 'order');
    expect([customer.token, order.token]).toEqual([1, 1]);
    await store.releaseLease(order);
    await store.assertLease(customer);
  });

  test('a dead holder of this host is replaced at once, and named', async () => {
    const { store } = subject();
    await acquire(store);
    const asked: LeaseHolder[] = [];
    const outcome = await store.acquireLease(
      request({
        holder: holder({ pid: 101 }),
        isAlive: (one) => {
          asked.push(one);
          return false;
        },
      }),
    );
    expect(asked).toEqual([holder()]);
    expect(outcome).toEqual({ status: 'acquired', lease: { job: JOB, token: 2 }, tookOverFrom: holder() });
  });

  test('of a holder on another host it is not asked whether it lives', async () => {
    const { store } = subject();
    await acquire(store);
    const outcome = await store.acquireLease(
      request({
        holder: holder({ host: 'beta' }),
        isAlive: () => {
          throw new Error('asked for a process of another host');
        },
      }),
    );
    expect(outcome).toMatchObject({ status: 'held', holder: holder() });
  });

  test.each([
    { title: 'another host', host: 'beta' },
    { title: 'a paused process of the same host', host: 'alpha' },
  ])('an expired lease of $title is taken over even though its holder may live', async ({ host }) => {
    const { store, harness } = subject();
    const old = leaseIn(await store.acquireLease(request({ ttlMs: 10_000, holder: holder({ host }) })));
    expect(await store.acquireLease(request({ holder: holder({ pid: 101 }) }))).toMatchObject({ status: 'held' });
    await harness.elapse(10_500);
    const outcome = await store.acquireLease(request({ holder: holder({ pid: 101 }) }));
    expect(outcome).toMatchObject({ status: 'acquired', tookOverFrom: holder({ host }) });
    await expectCode(store.assertLease(old), 'lease_lost', /token 1.*process 101 on alpha/);
    await expectCode(store.renewLease(old, 1000), 'lease_lost');
  });

  test('an expired lease that nobody took is no longer good, and is again after a renewal', async () => {
    const { store, harness } = subject();
    const lease = leaseIn(await store.acquireLease(request({ ttlMs: 10_000 })));
    await store.assertLease(lease);
    await harness.elapse(10_500);
    await expectCode(store.assertLease(lease), 'lease_lost', /expired/);
    expect(await store.leaseOf(JOB)).toEqual({ holder: holder(), remainingMs: 0 });
    await store.renewLease(lease, 60_000);
    await store.assertLease(lease);
  });

  test('renewing counts the time to live from now', async () => {
    const { store, harness } = subject();
    const lease = leaseIn(await store.acquireLease(request({ ttlMs: 30_000 })));
    await harness.elapse(20_000);
    await store.renewLease(lease, 30_000);
    await harness.elapse(15_000);
    await store.assertLease(lease);
    expect(await store.acquireLease(request({ holder: holder({ host: 'beta' }) }))).toMatchObject({ status: 'held' });
  });

  test('a released lease is free, its token is never used again, and its old owner cannot use it', async () => {
    const { store } = subject();
    const first = await acquire(store);
    await store.releaseLease(first);
    expect(await store.leaseOf(JOB)).toBeNull();
    await expectCode(store.assertLease(first), 'lease_lost', /released/);
    await expectCode(store.renewLease(first, 1000), 'lease_lost', /released/);
    const second = await store.acquireLease(request());
    expect(second).toEqual({ status: 'acquired', lease: { job: JOB, token: 2 }, tookOverFrom: null });
  });

  test('releasing twice, or a lease that another run took, changes nothing', async () => {
    const { store } = subject();
    const first = await acquire(store);
    await store.releaseLease(first);
    await store.releaseLease(first);
    const second = await acquire(store);
    await store.releaseLease(first);
    await store.assertLease(second);
  });

  test('a lease of a job that was never leased is lost', async () => {
    const { store } = subject();
    await expectCode(store.assertLease({ job: 'unheard', token: 1 }), 'lease_lost');
    await store.releaseLease({ job: 'unheard', token: 1 });
  });

  test('a holder without a known start time is kept as it is', async () => {
    const { store } = subject();
    const unknown = holder({ processStartedAt: null, command: 'job run "customer" — ä' });
    await store.acquireLease(request({ holder: unknown }));
    expect((await store.leaseOf(JOB))?.holder).toEqual(unknown);
  });
}
