import type { Clock } from '../../core/clock.ts';

export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

/** Spaces requests evenly, so that no second holds more than the agreed number, retries included. */
export function createPace(
  perSecond: number | null,
  clock: Clock,
  sleep: Sleep,
): (signal?: AbortSignal) => Promise<void> {
  if (perSecond === null) return async () => undefined;
  const intervalMs = 1000 / perSecond;
  let next = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    const wait = next - clock.monotonic();
    if (wait > 0) await sleep(wait, signal);
    next = Math.max(next, clock.monotonic()) + intervalMs;
  };
}
