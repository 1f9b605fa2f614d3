/**
 * What every state store does (src/state/ports.ts, STYLE.md habit 3). An adapter's test file calls `describeStateStore` with a
 * harness that opens stores on one fresh database and lets lease time pass.
 */
import { afterEach, beforeEach, describe } from 'vitest';
import type { StateStore } from '../../src/state/ports.ts';
import { batchTests } from './state-store/batches.ts';
import { chainTests } from './state-store/chain.ts';
import { concurrencyTests } from './state-store/concurrency.ts';
import { fencingTests } from './state-store/fencing.ts';
import { leaseTests } from './state-store/lease.ts';
import { ledgerTests } from './state-store/ledger.ts';
import { recoveryTests } from './state-store/recovery.ts';
import { runTests } from './state-store/runs.ts';

/** One fresh, migrated database. */
export interface StateStoreHarness {
  /** A further store on the same database, as another process would have it. */
  open(): Promise<StateStore>;
  /** Lets this much time pass for all leases, without waiting for it. */
  elapse(ms: number): Promise<void>;
  dispose(): Promise<void>;
}

export interface StateStoreSubject {
  readonly store: StateStore;
  readonly harness: StateStoreHarness;
}

export function describeStateStore(name: string, create: () => Promise<StateStoreHarness>): void {
  describe(`state store on ${name}`, () => {
    let subject: StateStoreSubject | undefined;

    beforeEach(async () => {
      const harness = await create();
      subject = { harness, store: await harness.open() };
    });

    afterEach(async () => {
      await subject?.store.close();
      await subject?.harness.dispose();
      subject = undefined;
    });

    const current = (): StateStoreSubject => {
      if (subject === undefined) throw new Error('no store outside of a test');
      return subject;
    };

    describe('lease', () => {
      leaseTests(current);
    });
    describe('fencing', () => {
      fencingTests(current);
    });
    describe('offset chain', () => {
      chainTests(current);
    });
    describe('batches', () => {
      batchTests(current);
    });
    describe('ledger of models', () => {
      ledgerTests(current);
    });
    describe('runs and facts', () => {
      runTests(current);
    });
    describe('recovery', () => {
      recoveryTests(current);
    });
    describe('two stores on one database', () => {
      concurrencyTests(current);
    });
  });
}
