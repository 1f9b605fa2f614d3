/**
 * Repeats a request, by allow-list (FACTS.md §5): every request of `client.ts` may be sent twice, because a job carries its id, a query its
 * requestId, and creating what is there is answered with 409. What a *failed job* means is not decided here: `job-runner.ts` gives it a new id.
 */
import type { ApiFailure } from './api-failure.ts';
import { toApiFailure } from './api-failure.ts';
import type { Timing } from './timing.ts';

/** Google asks for exponential delays from 1 s; past half a minute a delay only adds latency. */
export const FIRST_DELAY_MS = 1000;
export const LONGEST_DELAY_MS = 32_000;
/** Outages of the API that are worth waiting for are over in minutes; an hourly run has to end within its hour. */
export const REQUEST_BUDGET_MS = 300_000;
/** A host that does not exist or refuses connections is a wrong endpoint more often than an outage: three tries, three seconds. */
const UNREACHABLE_TRIES = 3;
/** Only a backstop: the budget ends earlier. */
const MOST_TRIES = 20;

const RETRIED_STATUS = new Set([408, 429, 500, 502, 503, 504]);
const RETRIED_REASONS = new Set(['backendError', 'internalError', 'rateLimitExceeded', 'jobRateLimitExceeded']);
const UNREACHABLE = new Set(['ENOTFOUND', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH']);

/** How often a request that failed so may be sent in all; 1: not again. */
export function triesFor(failure: ApiFailure): number {
  if (failure.status === null) {
    if (failure.reason !== null && UNREACHABLE.has(failure.reason)) return UNREACHABLE_TRIES;
    return /certificate|self.signed|CERT_|ERR_TLS/i.test(`${failure.reason ?? ''} ${failure.message}`) ? 1 : MOST_TRIES;
  }
  // A used-up daily quota is a 403 too, and no delay helps: it is not in the list.
  const retried =
    RETRIED_STATUS.has(failure.status) || (failure.reason !== null && RETRIED_REASONS.has(failure.reason));
  return retried && failure.reason !== 'quotaExceeded' ? MOST_TRIES : 1;
}

/** The delay after the `tries`-th try, with jitter between its half and its whole. */
export function delayAfter(tries: number, timing: Pick<Timing, 'random'>): number {
  const full = Math.min(FIRST_DELAY_MS * 2 ** (tries - 1), LONGEST_DELAY_MS);
  return Math.round(full * (0.5 + timing.random() / 2));
}

export interface RetryOptions {
  readonly timing: Timing;
  readonly signal?: AbortSignal | undefined;
  readonly budgetMs?: number;
}

/** Rejects with the last `ApiFailure`, or with the signal's reason. */
export async function withRetries<T>(send: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { timing, signal } = options;
  const deadline = timing.monotonic() + (options.budgetMs ?? REQUEST_BUDGET_MS);
  for (let tries = 1; ; tries++) {
    signal?.throwIfAborted();
    try {
      return await send();
    } catch (error) {
      const failure = toApiFailure(error);
      const delayMs = delayAfter(tries, timing);
      if (tries >= triesFor(failure) || timing.monotonic() + delayMs > deadline) throw failure;
      await timing.sleep(delayMs, signal);
    }
  }
}
