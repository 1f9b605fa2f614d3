import type { ManifestTimes } from '../core/batch.ts';
import { formatLastMicros, formatMicros, formatMillis } from '../core/time.ts';

/** Smallest and largest times of a batch's good records. */
export class TimeBounds {
  minEvent = Number.POSITIVE_INFINITY;
  maxEvent = Number.NEGATIVE_INFINITY;
  minBroker = Number.POSITIVE_INFINITY;
  maxBroker = Number.NEGATIVE_INFINITY;

  add(eventMicros: number, brokerMs: number): void {
    if (eventMicros < this.minEvent) this.minEvent = eventMicros;
    if (eventMicros > this.maxEvent) this.maxEvent = eventMicros;
    if (brokerMs < this.minBroker) this.minBroker = brokerMs;
    if (brokerMs > this.maxBroker) this.maxBroker = brokerMs;
  }

  toJson(): ManifestTimes | null {
    if (this.minEvent > this.maxEvent) return null;
    return {
      minEventAt: formatMicros(this.minEvent),
      maxEventAt: formatLastMicros(this.maxEvent),
      minBrokerAt: formatMillis(this.minBroker),
      maxBrokerAt: formatMillis(this.maxBroker),
    };
  }
}
