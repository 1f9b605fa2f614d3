/** Time for tests: sleeping takes next to no time and moves the clock. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Timing } from '../../../src/adapters/bigquery/timing.ts';

export interface TestTiming extends Timing {
  /** Every sleep asked for, in milliseconds. */
  readonly slept: readonly number[];
}

/** `realMs`: how long a sleep really takes at most; more where something slow is waited for. */
export function testTiming(realMs = 1): TestTiming {
  let now = 0;
  const slept: number[] = [];
  return {
    slept,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      slept.push(ms);
      now += ms;
      await delay(Math.min(ms, realMs), undefined, signal === undefined ? {} : { signal });
    },
    monotonic: () => now,
    random: () => 0.5,
  };
}
