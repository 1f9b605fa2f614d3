/** What the contract suite looks at. */
import { expect } from 'vitest';
import { isSluiceError } from '../../../src/core/errors.ts';
import type { ErrorCode } from '../../../src/core/errors.ts';
import type { StateStore } from '../../../src/state/ports.ts';
import { JOB } from './fixtures.ts';

export async function expectCode(promise: Promise<unknown>, code: ErrorCode, message?: RegExp): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isSluiceError(error)) throw new Error(`expected ${code}, came ${String(error)}`, { cause: error });
  expect(error.code, error.message).toBe(code);
  if (message !== undefined) expect(error.message).toMatch(message);
}

/** Everything a store knows of a job, to see that a refused call changed nothing. */
export async function everything(store: StateStore, models: readonly string[] = ['m'], job = JOB): Promise<unknown> {
  return {
    batches: await store.batches(job),
    positions: await store.positions(job),
    ranges: await store.ranges(job),
    gaps: await store.gaps(job),
    models: await store.models(job),
    ledger: await Promise.all(
      models.map(async (model) => [
        [...(await store.publishedBatches(job, model))],
        await store.partitions(job, model),
      ]),
    ),
    fact: await store.getFact(job, 'fact'),
    runs: await store.recentRuns(job, 100),
    holder: (await store.leaseOf(job))?.holder ?? null,
  };
}
