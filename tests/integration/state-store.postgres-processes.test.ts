import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKnexStateStore } from '../../src/adapters/knex-state/knex-state-store.ts';
import { acquire, takeOver } from '../contract/state-store/fixtures.ts';
import { startPostgres } from '../services/postgres/server.ts';
import type { PostgresServer } from '../services/postgres/server.ts';
import { processTests } from './state-store/process-tests.ts';
import { endWorkers, startWorker } from './state-store/processes.ts';
import { FREEZE_MAX_WAIT_MS } from './state-store/worker.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

describe('PostgreSQL state store and real processes', () => {
  processTests(async () => ({ client: 'postgres', url: await server.createDatabase() }));

  test('a process that was paused inside its transaction keeps the row of the lease only until the server gives up on it', async () => {
    const url = await server.createDatabase();
    const store = createKnexStateStore({ client: 'postgres', url }, { clock: { now: () => 0 } });
    await store.migrate();
    await acquire(store);
    // The frozen process must not be asked for as another host's.
    await server.admin(`update sluice_lease set holder_host = '${hostname()}'`, new URL(url).pathname.slice(1));
    const worker = startWorker({ client: 'postgres', url }, 'freeze');
    try {
      await worker.until('stopping');
      const startedAt = performance.now();
      const lease = await takeOver(store, { host: hostname() });
      expect(performance.now() - startedAt).toBeLessThan(FREEZE_MAX_WAIT_MS + 5_000);
      worker.signal('SIGCONT');
      expect(await worker.until('code')).toBe('state_unavailable');
      await store.assertLease(lease);
    } finally {
      await endWorkers([worker]);
      await store.close();
    }
  });
});
