/**
 * Times in templates: `run_started_at` and a small part of Python's `datetime` and `pytz`, with the run's logical time as "now". Sums
 * and differences are written `run_started_at.add(days=-3)`: operators know no times.
 */
import { offsetSecondsAt } from '../../../core/zone-offset-at.ts';
import { fail, hostFunction, hostObject, ObjectValue, toPlain, type Kwargs, type Value } from '../jinja/index.ts';

interface Parts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const UNITS_MS: Readonly<Record<string, number>> = {
  weeks: 604_800_000,
  days: 86_400_000,
  hours: 3_600_000,
  minutes: 60_000,
  seconds: 1000,
  milliseconds: 1,
};

export class DateTimeValue extends ObjectValue {
  readonly typeName = 'datetime';
  readonly #millis: number;
  readonly #zone: string;

  constructor(millis: number, zone = 'UTC') {
    super();
    this.#millis = millis;
    this.#zone = zone;
  }

  override text(): string {
    return this.#format('%Y-%m-%d %H:%M:%S.%f%:z');
  }

  override equals(other: Value): boolean {
    return other instanceof DateTimeValue && other.#millis === this.#millis;
  }

  override memberNames(): Iterable<string> {
    return ['year', 'month', 'day', 'hour', 'minute', 'second', 'microsecond', ...this.#methods().keys()];
  }

  override member(name: string): Value | undefined {
    if (name === 'microsecond') return (((this.#millis % 1000) + 1000) % 1000) * 1000;
    const parts = this.#parts();
    if (Object.hasOwn(parts, name)) return parts[name as keyof Parts];
    const method = this.#methods().get(name);
    return method === undefined ? undefined : hostFunction(method, name);
  }

  #methods(): ReadonlyMap<string, (args: readonly Value[], kwargs: Kwargs) => Value> {
    return new Map<string, (args: readonly Value[], kwargs: Kwargs) => Value>([
      ['strftime', ([format]) => this.#format(typeof format === 'string' ? format : fail('strftime() takes a text'))],
      ['isoformat', () => this.#format('%Y-%m-%dT%H:%M:%S.%f%:z')],
      ['date', () => this.#format('%Y-%m-%d')],
      ['timestamp', () => Math.floor(this.#millis / 1000)],
      ['weekday', () => (new Date(this.#local()).getUTCDay() + 6) % 7],
      ['astimezone', ([zone]) => new DateTimeValue(this.#millis, zoneName(zone))],
      ['add', (_args, kwargs) => new DateTimeValue(this.#millis + duration(kwargs), this.#zone)],
    ]);
  }

  /** The wall clock of the zone, as if it were UTC. */
  #local(): number {
    return this.#millis + offsetMillis(this.#millis, this.#zone);
  }

  #parts(): Parts {
    const date = new Date(this.#local());
    return {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      second: date.getUTCSeconds(),
    };
  }

  #format(format: string): string {
    const local = new Date(this.#local());
    const offset = Math.round(offsetMillis(this.#millis, this.#zone) / 60_000);
    return format.replaceAll(
      /%(:z|[A-Za-z%])/g,
      (token, code: string) => formatPart(local, code, offset, this.#zone) ?? token,
    );
  }
}

function padded(value: number, digits = 2): string {
  return String(value).padStart(digits, '0');
}

const names = (date: Date, options: Intl.DateTimeFormatOptions): string =>
  new Intl.DateTimeFormat('en-US', { ...options, timeZone: 'UTC' }).format(date);

/** undefined: a code that we do not know stays as it is written. */
function formatPart(date: Date, code: string, offset: number, zone: string): string | undefined {
  const sign = offset < 0 ? '-' : '+';
  const [hours, minutes] = [padded(Math.floor(Math.abs(offset) / 60)), padded(Math.abs(offset) % 60)];
  const dayOfYear = (): number => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
  const codes: Readonly<Record<string, () => string>> = {
    Y: () => padded(date.getUTCFullYear(), 4),
    y: () => padded(date.getUTCFullYear() % 100),
    m: () => padded(date.getUTCMonth() + 1),
    d: () => padded(date.getUTCDate()),
    H: () => padded(date.getUTCHours()),
    I: () => padded(((date.getUTCHours() + 11) % 12) + 1),
    p: () => (date.getUTCHours() < 12 ? 'AM' : 'PM'),
    M: () => padded(date.getUTCMinutes()),
    S: () => padded(date.getUTCSeconds()),
    f: () => padded(date.getUTCMilliseconds() * 1000, 6),
    j: () => padded(dayOfYear(), 3),
    B: () => names(date, { month: 'long' }),
    b: () => names(date, { month: 'short' }),
    A: () => names(date, { weekday: 'long' }),
    a: () => names(date, { weekday: 'short' }),
    z: () => `${sign}${hours}${minutes}`,
    ':z': () => `${sign}${hours}:${minutes}`,
    Z: () => zone,
    '%': () => '%',
  };
  return Object.hasOwn(codes, code) ? codes[code]?.() : undefined;
}

function offsetMillis(millis: number, zone: string): number {
  return zone === 'UTC' ? 0 : offsetSecondsAt(millis, zone) * 1000;
}

function zoneName(zone: Value | undefined): string {
  const name = zone instanceof ObjectValue ? zone.text() : zone;
  try {
    if (typeof name === 'string') return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    // Not a zone that Intl knows: said below.
  }
  return fail('expected an IANA time zone such as Europe/Berlin');
}

function duration(kwargs: Kwargs): number {
  let millis = 0;
  for (const [unit, count] of kwargs) {
    const factor = UNITS_MS[unit];
    const number = toPlain(count);
    if (factor === undefined || typeof number !== 'number') {
      return fail(`add() takes ${Object.keys(UNITS_MS).join(', ')} with a number, not ${unit}`);
    }
    millis += factor * number;
  }
  return millis;
}

/** `modules`: `modules.datetime.datetime.now()`, `modules.datetime.date.today()`, `modules.pytz.timezone('Europe/Berlin')`. */
export function modulesValue(nowMillis: number): Value {
  const now = hostFunction(
    ([zone]) => new DateTimeValue(nowMillis, zone === undefined ? 'UTC' : zoneName(zone)),
    'now',
  );
  const today = hostFunction(() => new DateTimeValue(nowMillis), 'today');
  const timezone = hostFunction(([zone]) => {
    const name = zoneName(zone);
    return hostObject({ zone: name }, { typeName: 'timezone', text: () => name });
  }, 'timezone');
  const datetime = hostObject({ now, utcnow: now, today }, { typeName: 'type' });
  return hostObject(
    {
      datetime: hostObject({ datetime, date: hostObject({ today }, { typeName: 'type' }) }, { typeName: 'module' }),
      pytz: hostObject({ timezone, utc: 'UTC' }, { typeName: 'module' }),
    },
    { typeName: 'module' },
  );
}
