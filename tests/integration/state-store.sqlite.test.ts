import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createKnexStateStore } from '../../src/adapters/knex-state/knex-state-store.ts';
import type { StateLocation } from '../../src/adapters/knex-state/knex-state-store.ts';
import { rebuild } from '../../src/state/rebuild.ts';
import { JOB } from '../contract/state-store/fixtures.ts';
import { endWorkers, startWorker } from './state-store/processes.ts';
import { processTests } from './state-store/process-tests.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-state-'));
});
afterEach(() => rm(folder, { recursive: true }));

const location = (): StateLocation & { client: 'sqlite' } => ({ client: 'sqlite', path: join(folder, 'state.sqlite') });

describe('SQLite state store and real processes', () => {
  processTests(() => Promise.resolve(location()));

  test('a process killed at any moment leaves a consistent database that holds all it had acknowledged', async () => {
    const delays = Array.from({ length: 12 }, () => randomInt(1, 60));
    for (const afterMs of delays) {
      const worker = startWorker(location(), 'churn');
      try {
        await worker.until('published');
        await delay(afterMs);
      } finally {
        await endWorkers([worker]);
      }
      await expectConsistent(worker.said, `killed ${afterMs} ms after its first batch`);
    }
  }, 120_000);
});

const ORDER = ['planned', 'landed', 'loaded'];

async function expectConsistent(said: readonly Readonly<Record<string, unknown>>[], when: string): Promise<void> {
  const raw = new DatabaseSync(location().path);
  expect(raw.prepare('pragma integrity_check').all(), when).toEqual([{ integrity_check: 'ok' }]);
  expect(raw.prepare('pragma foreign_key_check').all(), when).toEqual([]);
  raw.close();

  const store = createKnexStateStore(location(), { clock: { now: () => Date.now() } });
  await store.migrate();
  const batches = await store.batches(JOB);
  expect(
    batches.map(({ seq }) => seq),
    when,
  ).toEqual(batches.map((_, index) => index + 1));
  // At most the newest batch is unfinished, and what stands beside the batches follows from them.
  expect(
    batches.slice(0, -1).every(({ state }) => state === 'loaded'),
    when,
  ).toBe(true);
  const rebuilt = rebuild(
    JOB,
    batches.flatMap(({ manifest }) => (manifest === null ? [] : [{ manifest, admission: null }])),
  );
  const positions = await store.positions(JOB);
  expect(
    positions.map(({ last }) => last),
    when,
  ).toEqual(rebuilt.positions.map(({ last }) => last));
  expect(
    positions.map(({ next }) => next),
    when,
  ).toEqual([0, 1, 2].map(() => String(batches.length * 10)));
  expect(await store.ranges(JOB), when).toHaveLength(batches.length * 3);
  const published = await store.publishedBatches(JOB, 'm');
  expect((await store.partitions(JOB, 'm')).length, when).toBe(published.size);
  for (const line of said) {
    for (const [step, seq] of Object.entries(line)) {
      if (step === 'published') expect(published.has(Number(seq)), when).toBe(true);
      else {
        const state = batches[Number(seq) - 1]?.state ?? 'missing';
        expect(ORDER.indexOf(state), `${when}: ${String(seq)} was ${step}, is ${state}`).toBeGreaterThanOrEqual(
          ORDER.indexOf(step),
        );
      }
    }
  }
  await store.close();
}
