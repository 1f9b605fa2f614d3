import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKnexStateStore, type KnexStateStore } from '../../src/adapters/knex-state/knex-state-store.ts';
import { jobLedgerContract } from './job-ledger.ts';

jobLedgerContract('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-ledger-'));
  const stores: KnexStateStore[] = [];
  const open = async (): Promise<KnexStateStore> => {
    const store = createKnexStateStore(
      { client: 'sqlite', path: join(folder, 'state.sqlite') },
      { clock: { now: () => Date.now() } },
    );
    stores.push(store);
    await store.migrate();
    return store;
  };
  return {
    ledger: (await open()).jobs,
    reopen: async () => (await open()).jobs,
    close: async () => {
      for (const store of stores) await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
});
