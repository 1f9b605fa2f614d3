/** Back-off and Retry-After. Retry is an allow-list: these statuses, the network errors in http-client.ts, and rejected pages. */
const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

const FIRST_DELAY_MS = 500;
/** A service that restarts is back within half a minute; waiting longer only makes the snapshot older. */
const LONGEST_DELAY_MS = 30_000;

export function isTransientStatus(status: number): boolean {
  return TRANSIENT_STATUSES.has(status);
}

/** Doubles from half a second, the upper half of it random: so that many downloads do not come back at the same moment. */
export function backOffMs(attempt: number, random: () => number, retryAfterMs: number | undefined): number {
  const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  const delay = ceiling * (0.5 + random() / 2);
  // What the server asked for is the least; the jitter comes on top, never below.
  return retryAfterMs === undefined ? delay : retryAfterMs + Math.min(delay, FIRST_DELAY_MS) * random();
}

/**
 * Retry-After in seconds or as a date. A date is compared with the answer's own Date header where there is one: the two clocks may
 * differ, and a run's logical clock is another matter altogether. Undefined when absent or unreadable.
 */
export function retryAfterMs(
  header: string | undefined,
  dateHeader: string | undefined,
  nowMs: number,
): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const until = httpDate(text);
  if (until === undefined) return undefined;
  return Math.max(0, until - (httpDate(dateHeader ?? '') ?? nowMs));
}

/** Only forms with a day's name, as HTTP has them: Date.parse takes nearly anything for a date. */
function httpDate(text: string): number | undefined {
  if (!/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
