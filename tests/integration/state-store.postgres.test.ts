import { afterAll, beforeAll } from 'vitest';
import { createKnexStateStore } from '../../src/adapters/knex-state/knex-state-store.ts';
import { describeStateStore } from '../contract/state-store.ts';
import { startPostgres } from '../services/postgres/server.ts';
import type { PostgresServer } from '../services/postgres/server.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

describeStateStore('PostgreSQL', async () => {
  const { url, schema } = await server.createSchema();
  return {
    open: async () => {
      // A clock that stands still: leases count by the database's.
      const store = createKnexStateStore({ client: 'postgres', url }, { clock: { now: () => 0 } });
      await store.migrate();
      return store;
    },
    elapse: async (ms) => {
      await server.admin(`update ${schema}.sluice_lease set renewed_wall_ms = renewed_wall_ms - ${ms}`);
    },
    dispose: () => Promise.resolve(),
  };
});
