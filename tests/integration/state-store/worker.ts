/**
 * A process that works on a state store, for tests that need real ones: `node worker.ts <location as JSON> start|hold|freeze|churn`. Each line it
 * prints is one JSON value: what it has been told to be done.
 */
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { StateLocation } from '../../../src/adapters/knex-state/knex-state-store.ts';
import { createKnexStateStore } from '../../../src/adapters/knex-state/knex-state-store.ts';
import { isSluiceError } from '../../../src/core/errors.ts';
import type { Lease, StateStore } from '../../../src/state/ports.ts';
import { JOB, T1, leaseIn, manifestOf, range, stream } from '../../contract/state-store/fixtures.ts';

/** Short, so that a paused process loses its lease while the test waits. */
export const HOLD_TTL_MS = 3000;

/** After this long in an open transaction PostgreSQL gives up on the frozen process. */
export const FREEZE_MAX_WAIT_MS = 1500;

const ACTIONS: Readonly<Record<string, (store: StateStore) => Promise<void>>> = { start, hold, freeze, churn };

/** One of many that start at once: migrate, ask for the lease, say what came. */
async function start(store: StateStore): Promise<void> {
  const outcome = await store.acquireLease(request(60_000));
  say({ status: outcome.status });
  // Whoever got it holds it until everybody has asked.
  if (outcome.status === 'acquired') await delay(3_600_000);
}

/** Holds the lease, stops itself between two writes, and goes on to write when it is woken, until it learns that the lease is lost. */
async function hold(store: StateStore): Promise<void> {
  const lease = leaseIn(await store.acquireLease(request(HOLD_TTL_MS)));
  say({ token: lease.token });
  try {
    for (let count = 1; ; count += 1) {
      await store.renewLease(lease, HOLD_TTL_MS);
      await store.setFact(lease, 'count', count);
      if (count === 3) {
        say({ stopping: true });
        process.kill(process.pid, 'SIGSTOP');
      }
    }
  } catch (error) {
    say({ code: isSluiceError(error) ? error.code : String(error) });
  }
}

/** Stops itself inside the transaction that takes a lease, and says what came of it when it is woken. */
async function freeze(store: StateStore): Promise<void> {
  const isAlive = (): boolean => {
    say({ stopping: true });
    process.kill(process.pid, 'SIGSTOP');
    return false;
  };
  try {
    const { status } = await store.acquireLease({ ...request(HOLD_TTL_MS), isAlive });
    say({ status });
  } catch (error) {
    say({ code: isSluiceError(error) ? error.code : String(error) });
  }
}

/** Batch after batch through every transition, to be killed at any moment. */
async function churn(store: StateStore): Promise<void> {
  const lease = leaseIn(await store.acquireLease({ ...request(60_000), isAlive: () => false }));
  for (const { seq, state } of await store.batchHeads(JOB, { states: ['planned', 'landed'] })) {
    if (state === 'planned') await finishBatch(store, lease, seq);
    await store.markLoaded(lease, [seq]);
  }
  await publish(store, lease);
  for (;;) {
    const from = Number((await store.positions(JOB))[0]?.next ?? '0');
    const ranges = [0, 1, 2].map((partition) => range(from, from + 10, { partition }));
    const { seq } = await store.planBatch(lease, T1, stream(ranges));
    say({ planned: seq });
    await finishBatch(store, lease, seq);
    await store.markLoaded(lease, [seq]);
    say({ loaded: seq });
    await publish(store, lease);
    say({ published: seq });
  }
}

async function finishBatch(store: StateStore, lease: Lease, seq: number): Promise<void> {
  await store.saveProgress(lease, seq, { seq });
  const [batch] = await store.batchesBySeq(JOB, [seq]);
  if (batch === undefined) throw new Error(`batch ${seq} is gone`);
  await store.sealBatch(lease, manifestOf(batch));
  say({ landed: seq });
}

async function publish(store: StateStore, lease: Lease): Promise<void> {
  const seqs = await store.unpublishedBatches(JOB, 'm');
  const partitions = seqs.map((seq) => ({ partition: `day ${seq}`, state: 'done' as const, batchId: null }));
  await store.markPublished(lease, 'm', { seqs, partitions, logicalTime: T1 });
}

function request(ttlMs: number): Parameters<StateStore['acquireLease']>[0] {
  const holder = { host: hostname(), pid: process.pid, processStartedAt: null, command: 'worker' };
  return { job: JOB, holder, ttlMs, isAlive: () => true };
}

function say(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

if (import.meta.main) {
  const [location = '', action = ''] = process.argv.slice(2);
  const options = {
    clock: { now: () => Date.now() },
    ...(action === 'freeze' ? { maxWaitMs: FREEZE_MAX_WAIT_MS } : {}),
  };
  const store = createKnexStateStore(JSON.parse(location) as StateLocation, options);
  await store.migrate();
  await ACTIONS[action]?.(store);
  await store.close();
}
