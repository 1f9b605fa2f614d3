/** Event times of records: how they are read, and the bounds that they must lie in. */
import type { JobDefinition } from '../core/job.ts';
import { parseInstant, type EventInstant } from '../core/time.ts';
import { Rejection } from './verdict.ts';

export interface EventTimeBounds {
  readonly earliestMicros: number;
  /** How far an event may lie ahead of the broker's (or the download's) time. */
  readonly maxFutureMicros: number;
}

export function eventTimeBounds(job: JobDefinition): EventTimeBounds {
  const { earliest, maxFutureMs } = job.eventTime;
  const instant = parseInstant(earliest.length === 10 ? `${earliest}T00:00:00Z` : earliest);
  if (instant === undefined) throw new RangeError(`event time bound ${earliest} is no date`);
  return { earliestMicros: instant.micros, maxFutureMicros: maxFutureMs * 1000 };
}

/** null: the value names none. Throws `Rejection`. */
export function readEventTime(object: Readonly<Record<string, unknown>>, field: string): EventInstant | null {
  const raw = object[field];
  if (raw === undefined || raw === null) return null;
  const instant = typeof raw === 'string' ? parseInstant(raw) : undefined;
  if (instant === undefined)
    throw new Rejection('event_time_unreadable', `$.${field} is no RFC 3339 date-time`, `$.${field}`);
  return instant;
}

/** Throws `Rejection`. */
export function checkEventTime(
  instant: EventInstant,
  latestMicros: number,
  bounds: EventTimeBounds,
  field: string,
): void {
  if (instant.micros < bounds.earliestMicros || instant.micros > latestMicros) {
    throw new Rejection(
      'event_time_out_of_bounds',
      `$.${field} ${instant.text} lies outside of the event time bounds`,
      `$.${field}`,
    );
  }
}
