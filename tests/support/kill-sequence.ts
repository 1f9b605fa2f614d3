/** A longer scripted history, derived from small integers: hourly runs, two full loads, a step alone, a rebuild. */
import type { History, HistoryRun, ProducedRecord } from './history-build.ts';
import type { PlannedPage } from './history-pages.ts';
import { CUSTOMERS, customer, idOf, listing, record, TOPIC_SHAPES } from './kill-story.ts';

export const RUNS = 12;
const HOUR_MS = 3_600_000;
/** The night to summer time in Europe/Berlin is among the hours. */
const START_MS = Date.parse('2026-03-28T19:30:00Z');

const MODES: Readonly<Record<number, HistoryRun['mode']>> = { 3: 'land', 8: 'refresh' };
const FULL_LOADS = [0, 5];

/** mulberry32: a sequence of numbers below one that a seed repeats. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function recordsBetween(random: () => number, fromMs: number, toMs: number, count: number): ProducedRecord[] {
  const below = (limit: number): number => Math.floor(random() * limit);
  return Array.from({ length: count }, () => {
    const index = 1 + below(CUSTOMERS);
    const brokerMs = fromMs + below(toMs - fromMs);
    // Most come at once, some hours late, some a day and a half.
    const lateMs = [0, 0, 0, 5 * HOUR_MS, 36 * HOUR_MS][below(5)] ?? 0;
    const at = new Date(brokerMs - lateMs).toISOString();
    const brokerAt = new Date(brokerMs).toISOString();
    const change = { street: `Straße ${below(1000)}`, ...(below(8) === 0 ? { status: 'deactivated' } : {}) };
    const kind = below(12);
    if (kind === 0) return record({ op: 'd', index, at, brokerAt, value: null });
    if (kind === 1) return record({ op: 'u', index, at, brokerAt, value: `{"id":"${idOf(index)}"` });
    const op = kind === 2 ? 'd' : kind === 3 ? 'c' : 'u';
    return record({ op, index, at, brokerAt, value: customer(index, at, change) });
  }).toSorted((left, right) => left.timestampMs - right.timestampMs);
}

function pagesOf(random: () => number, s0Ms: number): readonly PlannedPage[] {
  const rows = Array.from({ length: CUSTOMERS }, (_, at) => {
    const updatedAt = new Date(s0Ms - Math.floor(random() * 30 * HOUR_MS)).toISOString();
    return customer(at + 1, updatedAt, { segment: `S${Math.floor(random() * 9)}` });
  });
  return listing(rows.slice(0, CUSTOMERS - 2));
}

export function killSequence(seed: number): History {
  const random = randomFrom(seed);
  const runs = Array.from({ length: RUNS }, (_, index): HistoryRun => {
    const ms = START_MS + index * 3 * HOUR_MS;
    return {
      logicalTime: new Date(ms).toISOString(),
      mode: MODES[index] ?? 'all',
      fullLoad: FULL_LOADS.includes(index) ? pagesOf(random, ms) : null,
      maxBatchRows: null,
      acceptDeletes: false,
      produced: recordsBetween(random, ms - 3 * HOUR_MS, ms, index === 0 ? 60 : 15),
    };
  });
  return { entity: 'customer', topics: TOPIC_SHAPES, runs };
}
