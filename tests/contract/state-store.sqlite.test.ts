import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKnexStateStore } from '../../src/adapters/knex-state/knex-state-store.ts';
import { describeStateStore } from './state-store.ts';

describeStateStore('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-state-'));
  let nowMs = Date.UTC(2026, 2, 1);
  const instant = () => ({ wallMs: nowMs, bootId: null, uptimeMs: 0 });
  return {
    open: async () => {
      const location = { client: 'sqlite', path: join(folder, 'state.sqlite') } as const;
      const store = createKnexStateStore(location, { clock: { now: () => nowMs }, instant });
      await store.migrate();
      return store;
    },
    elapse: (ms) => {
      nowMs += ms;
      return Promise.resolve();
    },
    dispose: () => rm(folder, { recursive: true }),
  };
});
