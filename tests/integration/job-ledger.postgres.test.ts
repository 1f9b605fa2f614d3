/** The job ledger on a real PostgreSQL. */
import { afterAll, beforeAll } from 'vitest';
import { createKnexStateStore, type KnexStateStore } from '../../src/adapters/knex-state/knex-state-store.ts';
import { jobLedgerContract } from '../contract/job-ledger.ts';
import { startPostgres, type PostgresServer } from '../services/postgres/server.ts';

let server: PostgresServer;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

jobLedgerContract('PostgreSQL', async () => {
  const { url } = await server.createSchema();
  const stores: KnexStateStore[] = [];
  const open = async (): Promise<KnexStateStore> => {
    const store = createKnexStateStore({ client: 'postgres', url }, { clock: { now: () => Date.now() } });
    stores.push(store);
    await store.migrate();
    return store;
  };
  return {
    ledger: (await open()).jobs,
    reopen: async () => (await open()).jobs,
    close: async () => {
      for (const store of stores) await store.close();
    },
  };
});
