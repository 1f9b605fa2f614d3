/**
 * A small customer history for tests that kill the process: thirty customers over a few days with a DST switch in between, and in its second
 * part one of everything that makes a run work hard: late and duplicated events, deactivations, tombstones, a revival, dead letters.
 */
import type { History, HistoryRun, ProducedRecord } from './history-build.ts';
import type { PlannedPage } from './history-pages.ts';

const TOPICS = { c: 'kundenservice-kunde-create', u: 'kundenservice-kunde-update', d: 'kundenservice-kunde-delete' };
const PARTITIONS = 2;
export const CUSTOMERS = 30;
export const TOPIC_SHAPES = Object.values(TOPICS).map((name) => ({ name, partitions: PARTITIONS }));

/** The initial full load, and the run that is killed. Between them Europe/Berlin goes to summer time. */
export const FIRST_RUN = '2026-03-28T09:30:00Z';
export const SECOND_RUN = '2026-03-30T06:30:00Z';

export const idOf = (index: number): string => `K-${String(index).padStart(6, '0')}`;

export function customer(index: number, updatedAt: string, change: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    id: idOf(index),
    updated_at: updatedAt,
    status: 'active',
    first_name: `Vorname ${index}`,
    last_name: 'Schäfer',
    birth_date: `19${50 + index}-02-28`,
    street: 'Wendenstraße 12',
    city: 'Hamburg',
    newsletter: index % 2 === 0,
    credit_limit: index + 0.25,
    attributes: { source: 'web', n: index },
    ...change,
  });
}

interface Told {
  readonly op: keyof typeof TOPICS;
  readonly index: number;
  readonly at: string;
  /** Broker timestamp; the event time unless the record came late. */
  readonly brokerAt?: string;
  /** null: a tombstone. */
  readonly value?: string | null;
}

export function record({ op, index, at, brokerAt = at, value = customer(index, at) }: Told): ProducedRecord {
  return {
    topic: TOPICS[op],
    partition: index % PARTITIONS,
    timestampMs: Date.parse(brokerAt),
    key: Buffer.from(idOf(index)),
    value: value === null ? null : Buffer.from(value),
  };
}

const minute = (hour: string, index: number): string => `${hour}:${String(index).padStart(2, '0')}:00.250Z`;

function created(): ProducedRecord[] {
  const creates = Array.from({ length: CUSTOMERS }, (_, at) => {
    const index = at + 1;
    return record({ op: 'c', index, at: minute('2026-03-27T08', index) });
  });
  const moves = [2, 3, 5, 8, 13].map((index) => {
    const at = minute('2026-03-28T07', index);
    return record({ op: 'u', index, at, value: customer(index, at, { street: 'Heidenkampsweg 1' }) });
  });
  return [...creates, ...moves];
}

function changed(): ProducedRecord[] {
  const moved = [1, 2, 3, 4, 10, 11, 17].map((index) => {
    const at = minute('2026-03-29T10', index);
    return record({ op: 'u', index, at, value: customer(index, at, { street: 'Jungfernstieg 7', city: null }) });
  });
  const twice = '2026-03-30T05:59:59.999Z';
  const lateAt = '2026-03-28T11:00:00Z';
  const revived = '2026-03-30T05:00:00Z';
  const gone = '2026-03-29T21:59:59Z';
  return [
    ...moved,
    // Late: two days before it arrives, and one that is older than what is known.
    record({ op: 'u', index: 6, at: lateAt, brokerAt: '2026-03-30T06:00:00Z' }),
    record({ op: 'u', index: 2, at: '2026-03-27T12:00:00Z', brokerAt: '2026-03-30T06:01:00Z' }),
    // Gone in three ways, and back again.
    record({ op: 'd', index: 7, at: gone, value: customer(7, gone, { status: 'deactivated' }) }),
    record({ op: 'd', index: 9, at: '2026-03-29T01:30:00Z', value: null }),
    record({ op: 'd', index: 12, at: '2026-03-29T22:30:00Z', value: null }),
    record({ op: 'c', index: 12, at: revived, value: customer(12, revived, { first_name: 'Zurück' }) }),
    record({ op: 'u', index: 8, at: twice }),
    record({ op: 'u', index: 8, at: twice }),
    record({ op: 'c', index: 31, at: '2026-03-29T12:00:00Z' }),
    // Dead letters.
    record({ op: 'u', index: 14, at: '2026-03-29T13:00:00Z', value: '{"id":"K-000014","updated_at":' }),
    record({ op: 'u', index: 15, at: '2026-03-29T13:01:00Z', value: customer(99, '2026-03-29T13:01:00Z') }),
    record({ op: 'd', index: 16, at: '2026-03-29T13:02:00Z', value: customer(16, 'yesterday') }),
  ];
}

/** Two pages. */
export function listing(rows: readonly string[]): PlannedPage[] {
  const half = Math.ceil(rows.length / 2);
  return [rows.slice(0, half), rows.slice(half)].map((items) => ({ items, total: rows.length, takesMs: 0 }));
}

/** The first listing knows one customer whom no topic names, and one row without `updated_at`. */
const FIRST_LISTING = listing([
  ...Array.from({ length: CUSTOMERS }, (_, at) => customer(at + 1, minute('2026-03-27T08', at + 1))).slice(0, 29),
  customer(40, '2026-01-05T00:00:00Z'),
  JSON.stringify({ id: idOf(41), city: 'Kiel' }),
]);

/** The second one brings new values without events, lacks two customers and has a bad row. */
const SECOND_LISTING = listing([
  ...Array.from({ length: 27 }, (_, at) => {
    const index = at + 1;
    return customer(index, minute('2026-03-27T08', index), { segment: 'retail' });
  }),
  customer(28, minute('2026-03-27T08', 28), { credit_limit: 1.234 }),
  customer(40, '2026-03-29T00:00:00Z', { segment: 'business' }),
  customer(42, '2026-03-30T06:15:00Z'),
]);

const WITHOUT_FLAGS = { maxBatchRows: null, acceptDeletes: false };

/** Two runs: the initial full load, and one after the changes, with or without a second listing. */
export function killStory(mode: HistoryRun['mode'], withListing: boolean): History {
  const fullLoad = withListing ? SECOND_LISTING : null;
  return {
    entity: 'customer',
    topics: TOPIC_SHAPES,
    runs: [
      { ...WITHOUT_FLAGS, logicalTime: FIRST_RUN, mode: 'all', fullLoad: FIRST_LISTING, produced: created() },
      { ...WITHOUT_FLAGS, logicalTime: SECOND_RUN, mode, fullLoad, produced: changed() },
    ],
  };
}
