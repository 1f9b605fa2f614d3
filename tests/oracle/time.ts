/** Instants are microseconds since 1970 UTC as bigint; local days are `YYYY-MM-DD`. */

const RFC_3339 = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))$/;

/** "RFC 3339, any offset; digits beyond microseconds are cut"; undefined when it is none or names an impossible time. */
export function readInstant(text: string): bigint | undefined {
  const [matched, date = '', time = '', fraction = '', , sign, hours = '0', minutes = '0'] = RFC_3339.exec(text) ?? [];
  if (matched === undefined || Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const ms = Date.parse(`${date}T${time}Z`);
  // Date.parse forgives 30 February and 24:00:00: what it made of them reads differently.
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== `${date}T${time}.000Z`) return undefined;
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1);
  return BigInt(ms - offsetMs) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'));
}

export function instant(text: string): bigint {
  const read = readInstant(text);
  if (read === undefined) throw new Error(`not an instant: ${text}`);
  return read;
}

const floorMs = (us: bigint): number => Number((us - (((us % 1000n) + 1000n) % 1000n)) / 1000n);

export function instantText(us: bigint): string {
  const ms = floorMs(us);
  return `${new Date(ms).toISOString().slice(0, -1)}${String(us - BigInt(ms) * 1000n).padStart(3, '0')}Z`;
}

/** A real calendar date `YYYY-MM-DD`. */
export function isDate(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && readInstant(`${text}T00:00:00Z`) !== undefined;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/**
 * The local day an instant falls on. "Before the end of day D" is `localDay(t) <= D`: days of 23 and 25 hours need nothing else.
 */
export function localDay(us: bigint, timeZone: string): string {
  const format =
    formats.get(timeZone) ??
    new Intl.DateTimeFormat('en-US', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  formats.set(timeZone, format);
  const part = Object.fromEntries(format.formatToParts(floorMs(us)).map(({ type, value }) => [type, value]));
  // Days are compared as texts; the few hours of the year 10000 that a zone can reach sort last.
  return part['year']?.length === 4 ? `${part['year']}-${part['month']}-${part['day']}` : '9999-12-31';
}

/** Calendar days from `first` to `last`, both inclusive; none when `last` lies before. */
export function daysBetween(first: string, last: string): string[] {
  const days: string[] = [];
  for (let ms = Date.parse(first); ms <= Date.parse(last); ms += 86_400_000) {
    days.push(new Date(ms).toISOString().slice(0, 10));
  }
  return days;
}
