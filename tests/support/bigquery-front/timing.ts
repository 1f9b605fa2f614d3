/** Time for tests: sleeping takes a turn of the event loop and moves the clock. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Timing } from '../../../src/adapters/bigquery/timing.ts';

export interface TestTiming extends Timing {
  /** Every sleep asked for, in milliseconds. */
  readonly slept: readonly number[];
}

export function testTiming(): TestTiming {
  let now = 0;
  const slept: number[] = [];
  return {
    slept,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      slept.push(ms);
      now += ms;
      await delay(1, undefined, signal === undefined ? {} : { signal });
    },
    monotonic: () => now,
    random: () => 0.5,
  };
}
