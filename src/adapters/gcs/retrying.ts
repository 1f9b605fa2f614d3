import { setTimeout as wait } from 'node:timers/promises';
import { isTransient, TimeOut } from './errors.ts';

export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly firstDelayMs: number;
  /** The longest wait for one answer. */
  readonly timeoutMs: number;
}

/** Half a minute of outage is bridged (0.5 + 1 + 2 + 4 + 8 + 16 s); a longer one is a matter for the next run. */
export const DEFAULT_RETRY: RetryPolicy = { maxAttempts: 7, firstDelayMs: 500, timeoutMs: 60_000 };

const LONGEST_DELAY_MS = 16_000;

/** Repeats what is safe to repeat. The last error is thrown as it came. */
export async function retrying<T>(policy: RetryPolicy, attempt: () => Promise<T>): Promise<T> {
  for (let count = 1; ; count++) {
    try {
      return await withTimeOut(policy.timeoutMs, attempt());
    } catch (error) {
      if (count >= policy.maxAttempts || !isTransient(error)) throw error;
      await wait(delayMs(policy, count));
    }
  }
}

/** The upper half is random, so that many processes do not come back at the same moment. */
export function delayMs(policy: RetryPolicy, count: number): number {
  return Math.min(LONGEST_DELAY_MS, policy.firstDelayMs * 2 ** (count - 1)) * (0.5 + Math.random() / 2);
}

export async function withTimeOut<T>(ms: number, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = wait(ms, undefined, { signal: timer.signal }).then((): never => {
    throw new TimeOut(`no answer within ${String(ms / 1000)} s`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
    late.catch(() => undefined);
    work.catch(() => undefined);
  }
}
