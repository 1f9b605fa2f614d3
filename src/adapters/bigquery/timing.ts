/** Time and chance of this adapter, so that tests need neither to wait nor to guess. */
import { setTimeout as delay } from 'node:timers/promises';

export interface Timing {
  /** Rejects when the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  monotonic(): number;
  /** 0 <= x < 1, for jitter only; never for identity. */
  random(): number;
}

export const systemTiming: Timing = {
  sleep: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
  monotonic: () => performance.now(),
  random: () => Math.random(),
};
