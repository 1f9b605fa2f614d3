/** What only real processes can show, for both databases. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { StateLocation } from '../../../src/adapters/knex-state/knex-state-store.ts';
import { createKnexStateStore } from '../../../src/adapters/knex-state/knex-state-store.ts';
import { JOB, leaseIn, request } from '../../contract/state-store/fixtures.ts';
import { endWorkers, startWorker } from './processes.ts';
import { HOLD_TTL_MS } from './worker.ts';

/** `location` makes the location of a database that does not exist yet. */
export function processTests(location: () => Promise<StateLocation>): void {
  test('twenty processes start at once on an empty database: all migrate it, one gets the lease', async () => {
    const where = await location();
    const workers = Array.from({ length: 20 }, () => startWorker(where, 'start'));
    try {
      const statuses = await Promise.all(workers.map((worker) => worker.until('status')));
      expect(statuses.filter((status) => status === 'acquired')).toHaveLength(1);
      expect(statuses.filter((status) => status === 'held')).toHaveLength(19);
    } finally {
      await endWorkers(workers);
    }
    expect(workers.map((worker) => worker.errors())).toEqual(workers.map(() => ''));
  }, 120_000);

  test('a process that was paused past its lease is taken over from, and writes nothing when it wakes', async () => {
    const where = await location();
    const worker = startWorker(where, 'hold');
    const store = createKnexStateStore(where, { clock: { now: () => Date.now() } });
    try {
      await store.migrate();
      expect(await worker.until('token')).toBe(1);
      await worker.until('stopping');
      expect(await store.acquireLease(request())).toMatchObject({ status: 'held' });
      await delay(HOLD_TTL_MS + 200);
      const lease = leaseIn(await store.acquireLease(request()));
      expect(lease.token).toBe(2);
      const count = await store.getFact(JOB, 'count');
      worker.signal('SIGCONT');
      expect(await worker.until('code')).toBe('lease_lost');
      expect([count, await store.getFact(JOB, 'count')]).toEqual([3, 3]);
      await store.assertLease(lease);
    } finally {
      await endWorkers([worker]);
      await store.close();
    }
  }, 60_000);
}
