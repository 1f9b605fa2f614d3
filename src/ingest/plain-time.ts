/** Dates and times read from bytes, as core/time.ts reads them from texts, for the forms that need no rewriting. */
import { daysFromCivil, daysInMonth } from '../core/time.ts';

const DASH = 0x2d;
const COLON = 0x3a;
const DOT = 0x2e;
const UPPER_T = 0x54;
const UPPER_Z = 0x5a;
const ZERO = 0x30;

const DATE_BYTES = 10;
/** `2026-03-01T10:15:30` */
const SECONDS_BYTES = 19;
const SHORTEST_INSTANT = 20;
/** Six decimals. */
const LONGEST_INSTANT = 27;

function twoDigits(bytes: Uint8Array, at: number): number {
  const high = (bytes[at] as number) - ZERO;
  const low = (bytes[at + 1] as number) - ZERO;
  return high >= 0 && high <= 9 && low >= 0 && low <= 9 ? high * 10 + low : -1;
}

/** Days since 1970-01-01 of `YYYY-MM-DD`; NaN when it is no day of the years 0001 to 9999. */
function daysAt(bytes: Uint8Array, at: number): number {
  const century = twoDigits(bytes, at);
  const rest = twoDigits(bytes, at + 2);
  const month = twoDigits(bytes, at + 5);
  const day = twoDigits(bytes, at + 8);
  if (bytes[at + 4] !== DASH || bytes[at + 7] !== DASH) return Number.NaN;
  if (century < 0 || rest < 0 || month < 1 || month > 12 || day < 1) return Number.NaN;
  const year = century * 100 + rest;
  return year >= 1 && day <= daysInMonth(year, month) ? daysFromCivil(year, month, day) : Number.NaN;
}

export function isDateAt(bytes: Uint8Array, from: number, to: number): boolean {
  return to - from === DATE_BYTES && !Number.isNaN(daysAt(bytes, from));
}

/** Microseconds since the epoch of `YYYY-MM-DDTHH:MM:SS[.up to 6 digits]Z`; NaN for every other form. */
export function microsAt(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from;
  if (length < SHORTEST_INSTANT || length > LONGEST_INSTANT || bytes[to - 1] !== UPPER_Z) return Number.NaN;
  const days = daysAt(bytes, from);
  const hour = twoDigits(bytes, from + 11);
  const minute = twoDigits(bytes, from + 14);
  const second = twoDigits(bytes, from + 17);
  const isPunctuated = bytes[from + 10] === UPPER_T && bytes[from + 13] === COLON && bytes[from + 16] === COLON;
  if (!isPunctuated || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
    return Number.NaN;
  const fraction = length === SHORTEST_INSTANT ? 0 : fractionAt(bytes, from + SECONDS_BYTES, to - 1);
  const micros = (days * 86_400 + hour * 3600 + minute * 60 + second) * 1_000_000 + fraction;
  return Number.isSafeInteger(micros) ? micros : Number.NaN;
}

/** `.5` is 500000; NaN when there is no dot and digit, or anything else. */
function fractionAt(bytes: Uint8Array, from: number, to: number): number {
  if (bytes[from] !== DOT || from + 1 === to) return Number.NaN;
  let micros = 0;
  for (let at = from + 1; at < from + 7; at++) {
    const digit = at < to ? (bytes[at] as number) - ZERO : 0;
    if (digit < 0 || digit > 9) return Number.NaN;
    micros = micros * 10 + digit;
  }
  return micros;
}
