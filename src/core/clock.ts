/**
 * The run's clock. A run reads the time through this port only, so that `--logical-time` moves the whole run: the
 * logical clock starts at the given instant and goes on at real speed (CUSTOMER.md §2).
 */
export interface Clock {
  /** Logical wall clock, milliseconds since the Unix epoch. */
  now(): number;
  /** Monotonic milliseconds, for durations, lease deadlines and time-outs; unrelated to `now`. */
  monotonic(): number;
}

/** A clock that shows `startMs` when made and then advances with `base`'s monotonic time. */
export function logicalClock(base: Clock, startMs: number): Clock {
  const origin = base.monotonic();
  return {
    now: () => startMs + Math.floor(base.monotonic() - origin),
    monotonic: () => base.monotonic(),
  };
}
