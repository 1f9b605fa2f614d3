/** Times without a library: RFC 3339 to microseconds, and local days of a time zone. Pure: the zone's rules are the runtime's own data. */
import { offsetSecondsAt } from './zone-offset-at.ts';

export interface EventInstant {
  /** Microseconds since the epoch. Exact up to the year 2255 (2^53); later ones are rounded down to 32 µs, which a double still holds. */
  readonly micros: number;
  /** RFC 3339 in UTC with at most six fractional digits, always exact; both warehouses read it as a timestamp. */
  readonly text: string;
}

const ZERO = 48;

function twoDigits(text: string, at: number): number {
  const high = text.charCodeAt(at) - ZERO;
  const low = text.charCodeAt(at + 1) - ZERO;
  return high >= 0 && high <= 9 && low >= 0 && low <= 9 ? high * 10 + low : -1;
}

const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

export function daysInMonth(year: number, month: number): number {
  if (month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)) return 29;
  return DAYS_IN_MONTH[month - 1] ?? 0;
}

/** True for a day that exists in the Gregorian calendar, years 0001 to 9999, written `YYYY-MM-DD`. */
export function isCalendarDate(text: string): boolean {
  if (text.length !== 10 || text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return false;
  const century = twoDigits(text, 0);
  const rest = twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  if (century < 0 || rest < 0 || month < 1 || month > 12 || day < 1) return false;
  const year = century * 100 + rest;
  return year >= 1 && day <= daysInMonth(year, month);
}

/** Days since 1970-01-01 of a Gregorian date (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

interface Fraction {
  readonly micros: number;
  readonly digits: number;
  readonly next: number;
}

/** The fraction that starts with the dot at `at`: digits beyond microseconds are cut (CUSTOMER.md §1). */
function readFraction(text: string, at: number): Fraction | undefined {
  let micros = 0;
  let next = at + 1;
  for (; next < text.length; next++) {
    const digit = text.charCodeAt(next) - ZERO;
    if (digit < 0 || digit > 9) break;
    if (next - at <= 6) micros = micros * 10 + digit;
  }
  const digits = next - at - 1;
  if (digits === 0) return undefined;
  for (let i = digits; i < 6; i++) micros *= 10;
  return { micros, digits, next };
}

/** Seconds east of UTC of the offset at `at` (which must end the text); undefined when it is none. */
function readOffset(text: string, at: number): number | undefined {
  const sign = text.charCodeAt(at);
  if (sign === 90 || sign === 122) return text.length === at + 1 ? 0 : undefined;
  if ((sign !== 43 && sign !== 45) || text.length !== at + 6 || text.charCodeAt(at + 3) !== 58) return undefined;
  const hours = twoDigits(text, at + 1);
  const minutes = twoDigits(text, at + 4);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return undefined;
  const seconds = (hours * 60 + minutes) * 60;
  return sign === 45 ? -seconds : seconds;
}

/** Seconds of 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what both warehouses hold. */
const FIRST_SECOND = -62_135_596_800;
const LAST_SECOND = 253_402_300_799;

/** The last millisecond that both warehouses hold: 9999-12-31T23:59:59.999Z. */
export const MAX_TIMESTAMP_MS = LAST_SECOND * 1000 + 999;

/** Beyond 2^53 the doubles that are whole microseconds lie 2 to 32 apart; whole seconds are multiples of 64 µs. */
const COARSE_MICROS = 32;

/** `EventInstant.micros` of a broker timestamp. */
export function microsOfMillis(millis: number): number {
  const seconds = Math.floor(millis / 1000);
  return microsOf(seconds, (millis - seconds * 1000) * 1000);
}

function microsOf(seconds: number, fraction: number): number {
  const total = seconds * 1_000_000 + fraction;
  return Number.isSafeInteger(total) ? total : seconds * 1_000_000 + (fraction - (fraction % COARSE_MICROS));
}

/**
 * Reads an RFC 3339 date-time with any offset. Undefined when the text is not one, when it lies outside of the years 0001 to 9999 in UTC, which
 * no warehouse holds, or names a leap second (`:60`): no warehouse has one, and taking it for the second after it would move the record.
 */
export function parseInstant(text: string): EventInstant | undefined {
  if (text.length < 20 || !isCalendarDate(text.slice(0, 10))) return undefined;
  const separator = text.charCodeAt(10);
  if ((separator !== 84 && separator !== 116) || text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58)
    return undefined;
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  const second = twoDigits(text, 17);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return undefined;
  let micros = 0;
  let digits = 0;
  let zoneAt = 19;
  if (text.charCodeAt(19) === 46) {
    const fraction = readFraction(text, 19);
    if (fraction === undefined) return undefined;
    ({ micros, digits, next: zoneAt } = fraction);
  }
  const offset = readOffset(text, zoneAt);
  if (offset === undefined) return undefined;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const days = daysFromCivil(year, twoDigits(text, 5), twoDigits(text, 8));
  const seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
  if (seconds < FIRST_SECOND || seconds > LAST_SECOND) return undefined;
  const isCanonical = text.charCodeAt(zoneAt) === 90 && digits <= 6 && separator === 84;
  return { micros: microsOf(seconds, micros), text: isCanonical ? text : secondsText(seconds, micros) };
}

function secondsText(seconds: number, fraction: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(fraction).padStart(6, '0')}Z`;
}

/** `2026-03-01T10:15:30.123456Z`. */
export function formatMicros(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000);
  return secondsText(seconds, micros - seconds * 1_000_000);
}

/** As `formatMicros`, but the last microsecond that an `EventInstant.micros` may stand for: an upper bound stays one. */
export function formatLastMicros(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000);
  const spread = Number.isSafeInteger(micros) ? 0 : COARSE_MICROS - 1;
  return secondsText(seconds, micros - seconds * 1_000_000 + spread);
}

/** `2026-03-01T10:15:30.123Z`; milliseconds since the epoch in, as everything but event times is kept. */
export function formatMillis(millis: number): string {
  return new Date(millis).toISOString();
}

/** Milliseconds of an RFC 3339 text that sluice wrote itself. */
export function millisOf(text: string): number {
  return Date.parse(text);
}

/** Whether one RFC 3339 text in UTC that sluice wrote itself names an earlier microsecond than another. */
export function isEarlierText(left: string, right: string): boolean {
  return microsKey(left) < microsKey(right);
}

function microsKey(text: string): string {
  return text.slice(0, 19) + text.slice(20, -1).padEnd(6, '0');
}

/** The local day `YYYY-MM-DD` of an instant (milliseconds) in an IANA time zone. */
export function localDay(millis: number, zone: string): string {
  return new Date(millis + offsetSecondsAt(millis, zone) * 1000).toISOString().slice(0, 10);
}

/** The day `count` days after (before, when negative) a day. */
export function addDays(day: string, count: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + count * 86_400_000).toISOString().slice(0, 10);
}

/** Whole days from `from` to `to` (`to` - `from`). */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86_400_000);
}

export function laterOf(left: string, right: string): string {
  return left > right ? left : right;
}

export function earlierOf(left: string, right: string): string {
  return left < right ? left : right;
}

/** True for the name of a zone whose offsets can be told here. Without Intl where there is Temporal: making a format costs 18 ms. */
export function isTimeZone(zone: string): boolean {
  try {
    offsetSecondsAt(0, zone);
    return true;
  } catch {
    return false;
  }
}
