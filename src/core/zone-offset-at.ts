/** The UTC offset of a time zone at one instant. Node 26 has Temporal, which is ready in a tenth of the time that Intl takes; earlier ones have Intl. */

/** Local time minus UTC, seconds. `zone`: an IANA name; throws RangeError for others. */
export type OffsetAt = (millis: number, zone: string) => number;

/** As much of Temporal as is used; Node 22 and 24 have none. */
interface TemporalNamespace {
  readonly Instant: {
    fromEpochMilliseconds(millis: number): {
      toZonedDateTimeISO(zone: string): { readonly offsetNanoseconds: number };
    };
  };
}

const temporal = (globalThis as { readonly Temporal?: TemporalNamespace }).Temporal;
const formats = new Map<string, Intl.DateTimeFormat>();

export function offsetByIntl(millis: number, zone: string): number {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    formats.set(zone, format);
  }
  const parts = new Map(format.formatToParts(millis).map((part) => [part.type, Number(part.value)]));
  const of = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  const local = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
  return Math.round((local - Math.floor(millis / 1000) * 1000) / 1000);
}

/** undefined where there is no Temporal. */
export const offsetByTemporal: OffsetAt | undefined =
  temporal === undefined
    ? undefined
    : (millis, zone) =>
        Math.round(
          temporal.Instant.fromEpochMilliseconds(Math.trunc(millis)).toZonedDateTimeISO(zone).offsetNanoseconds / 1e9,
        );

export const offsetSecondsAt: OffsetAt = offsetByTemporal ?? offsetByIntl;
