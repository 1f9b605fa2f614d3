/** The UTC offsets of a time zone as data: SQL that adds an offset by comparison is ten times faster than a zone look-up per row. */
import { offsetSecondsAt } from './zone-offset-at.ts';

export interface OffsetPeriod {
  /** First millisecond (UTC) of the period; -Infinity for the first. */
  readonly fromMs: number;
  /** Local time = UTC + this. */
  readonly offsetSeconds: number;
}

const WEEK_MS = 7 * 86_400_000;

/** The first second in (low, high] whose offset differs from `low`'s. */
function changeBetween(low: number, high: number, zone: string): number {
  const before = offsetSecondsAt(low, zone);
  let left = low;
  let right = high;
  while (right - left > 1000) {
    const middle = Math.floor((left + right) / 2000) * 1000;
    if (offsetSecondsAt(middle, zone) === before) left = middle;
    else right = middle;
  }
  return right;
}

/**
 * The zone's offset periods from `fromMs` to `toMs`, the first reaching back and the last reaching on for ever. Sampled weekly: no zone
 * of the tz database changes twice within a week.
 */
export function zoneOffsets(zone: string, fromMs: number, toMs: number): readonly OffsetPeriod[] {
  const start = Math.floor(fromMs / 1000) * 1000;
  const periods: OffsetPeriod[] = [{ fromMs: Number.NEGATIVE_INFINITY, offsetSeconds: offsetSecondsAt(start, zone) }];
  for (let at = start; at < toMs; at += WEEK_MS) {
    const next = at + WEEK_MS;
    const offsetSeconds = offsetSecondsAt(next, zone);
    if (offsetSeconds !== periods.at(-1)?.offsetSeconds) {
      periods.push({ fromMs: changeBetween(at, next, zone), offsetSeconds });
    }
  }
  return periods;
}

/** The first instant (milliseconds, UTC) of a local day. A day whose midnight does not exist starts when the clock jumps past it. */
export function startOfDay(day: string, zone: string): number {
  const utcMidnight = Date.parse(`${day}T00:00:00Z`);
  const periods = zoneOffsets(zone, utcMidnight - 2 * 86_400_000, utcMidnight + 2 * 86_400_000);
  for (const [index, period] of periods.entries()) {
    const instant = utcMidnight - period.offsetSeconds * 1000;
    const end = periods[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
    if (instant < end) return Math.max(instant, period.fromMs);
  }
  return utcMidnight;
}
