/**
 * Every edge of CUSTOMER.md §2 at once, systematically where random histories hit by luck: one key for each combination of instants right
 * at, before and behind what matters (S0, S0 - tolerance, S1 + tolerance, midnight, the event time's bounds) and of what is said there.
 */
import { describe, it } from 'vitest';
import { CUSTOMER, ORDER } from '../support/entities.ts';
import type { History, HistoryRun, ProducedRecord } from '../support/history-build.ts';
import { timeText } from '../support/history-values.ts';
import { playHistory } from '../support/project-run.ts';
import { inProcess } from '../support/run-in-process.ts';

const us = (time: string): number => Date.parse(time) * 1000;
const MINUTE = 60e6;
const TOLERANCE = 5 * MINUTE;
const HOUR = 60 * MINUTE;
/** The second download takes half a minute; the local day ends at 23:00 UTC. */
const FIRST = us('2026-03-10T06:00:00Z');
const S0 = us('2026-03-10T22:56:00Z');
const S1 = S0 + 30e6;
const MIDNIGHT = us('2026-03-10T23:00:00Z');
const LAST = us('2026-03-11T00:30:00Z');

const around = (...edges: number[]): number[] => edges.flatMap((edge) => [edge - 1, edge, edge + 1]);
const EDGES = around(S0 - TOLERANCE, S0, S1, MIDNIGHT, S1 + TOLERANCE);

type Kind = 'create' | 'update' | 'delete' | 'tombstone' | 'deactivate';
const KINDS: readonly Kind[] = ['create', 'update', 'delete', 'tombstone', 'deactivate'];
const TOPICS = {
  create: 'create',
  update: 'update',
  delete: 'delete',
  tombstone: 'delete',
  deactivate: 'update',
} as const;

let tags = 0;
const eventTimes = new Map<ProducedRecord, number>();

function said(key: string, kind: Kind, atUs: number, brokerUs = atUs, partition = 0): ProducedRecord {
  const status = kind === 'deactivate' ? 'deactivated' : 'active';
  const fields = { id: key, updated_at: timeText(atUs, 0), advisor_id: `T${++tags}`, status };
  const record = {
    topic: `kundenservice-kunde-${TOPICS[kind]}`,
    partition,
    timestampMs: Math.floor(brokerUs / 1000),
    key: Buffer.from(key),
    value: kind === 'tombstone' ? null : Buffer.from(JSON.stringify(fields)),
  };
  eventTimes.set(record, atUs);
  return record;
}

const row = (key: string, fields: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({ id: key, advisor_id: `R${++tags}`, ...fields });

interface Case {
  readonly key: string;
  readonly records: readonly ProducedRecord[];
  /** Known from the first listing. */
  readonly first?: string;
  /** Its row in the second one; without it the key is absent there. */
  readonly second?: string;
}

function cases(): Case[] {
  const found: Case[] = [];
  const add = (name: string, make: (key: string) => Omit<Case, 'key'>): void => {
    const key = `${name}-${found.length}`;
    found.push({ key, ...make(key) });
  };
  for (const edge of EDGES) {
    for (const kind of KINDS) {
      add('absent', (key) => ({ first: row(key), records: [said(key, kind, edge)] }));
      add('absent-gone', (key) => ({
        first: row(key),
        records: [said(key, 'delete', S0 - HOUR), said(key, kind, edge)],
      }));
      add('listed', (key) => ({ first: row(key), second: row(key), records: [said(key, kind, edge)] }));
      add('dead-row', (key) => ({ first: row(key), second: row(key, { city: 5 }), records: [said(key, kind, edge)] }));
      add('same-time', (key) => {
        const second = row(key, { updated_at: timeText(edge, 1) });
        return { second, records: [said(key, 'create', FIRST), said(key, kind, edge)] };
      });
    }
    // First seen by the broker right at S0, with an older event time.
    for (const kind of ['create', 'delete'] as const)
      add('observed', (key) => ({ records: [said(key, kind, FIRST, edge)] }));
  }
  // Observed before S0 and effective behind the window: absent on the first day, there on the second.
  for (const later of around(MIDNIGHT + 10 * MINUTE)) {
    for (const kind of ['create', 'delete'] as const)
      add('ahead', (key) => ({ records: [said(key, kind, later, S0 - MINUTE)] }));
  }
  const ends = around(S1 + HOUR);
  for (const end of ends)
    add('row-bound', (key) => ({ first: row(key), second: row(key, { updated_at: timeText(end, 2) }), records: [] }));
  for (const ahead of around(HOUR))
    add('bound', (key) => ({ records: [said(key, 'update', MIDNIGHT - HOUR + ahead, MIDNIGHT - HOUR)] }));
  for (const early of around(us('2000-01-01T00:00:00Z')))
    add('old', (key) => ({ records: [said(key, 'update', early, FIRST)] }));
  for (const one of KINDS) {
    for (const other of KINDS) {
      add('tie', (key) => ({ records: [said(key, one, MIDNIGHT), said(key, other, MIDNIGHT)] }));
      add('tie-partition', (key) => ({ records: [said(key, one, MIDNIGHT, MIDNIGHT, 1), said(key, other, MIDNIGHT)] }));
      add('tie-late', (key) => ({ records: [said(key, one, MIDNIGHT, MIDNIGHT + 1000), said(key, other, MIDNIGHT)] }));
    }
  }
  return found;
}

function run(atUs: number, given: Partial<HistoryRun>): HistoryRun {
  const logicalTime = new Date(atUs / 1000).toISOString();
  return { logicalTime, mode: 'all', fullLoad: null, maxBatchRows: null, acceptDeletes: false, produced: [], ...given };
}

/** Which run lands a record: 0 before the second download, 1 right after it, 2 and 3 one after the other on the next day. */
type Cut = (eventUs: number, brokerUs: number) => 0 | 1 | 2 | 3;

const CUTS: Readonly<Record<string, Cut>> = {
  'before the download': (_, brokerUs) => (brokerUs <= S0 ? 0 : 2),
  'after it': () => 2,
  // Batches of the next day alone must reach back: they make (3) and unmake (2) absences of the day before.
  'by day': (eventUs, brokerUs) => {
    if (eventUs > S1 + TOLERANCE && brokerUs < S0) return 3;
    if (eventUs >= MIDNIGHT && brokerUs >= S0) return 2;
    return brokerUs <= S0 ? 0 : 1;
  },
};

/** The keys as one history: a listing, a second one with the events before and after it, a day later the rest. */
function history(cut: Cut): History {
  const all = cases();
  const page = (items: readonly (string | undefined)[], takesMs: number): HistoryRun['fullLoad'] => {
    const rows = items.filter((item) => item !== undefined);
    return [{ items: rows, total: rows.length, takesMs }];
  };
  const records = all.flatMap((found) => found.records);
  const landedBy = (number: number): ProducedRecord[] =>
    records.filter((record) => cut(eventTimes.get(record) ?? 0, record.timestampMs * 1000) === number);
  const [first, second] = [
    page(
      all.map((found) => found.first),
      0,
    ),
    page(
      all.map((found) => found.second),
      30_000,
    ),
  ];
  return {
    entity: 'customer',
    topics: CUSTOMER.topics.map(({ name }) => ({ name, partitions: 2 })),
    runs: [
      run(FIRST, { fullLoad: first }),
      run(S0 - 1000, { produced: landedBy(0), mode: 'land' }),
      run(S0, { fullLoad: second, acceptDeletes: true }),
      run(S0 + MINUTE, { produced: landedBy(1) }),
      run(LAST, { produced: landedBy(2) }),
      run(LAST, { produced: landedBy(3) }),
      run(LAST, { mode: 'refresh' }),
    ],
  };
}

function orders(): History {
  const changes = ['created', 'changed', 'cancelled', null] as const;
  const times = around(MIDNIGHT, MIDNIGHT - HOUR);
  const record = (key: string, change: string | null, atUs: number, partition: number): ProducedRecord => {
    const fields = { order_number: key, changed_at: timeText(atUs, 0), customer_id: `T${++tags}`, change };
    const value = change === null ? null : Buffer.from(JSON.stringify(fields));
    return {
      topic: 'shop-order-changes',
      partition,
      timestampMs: Math.floor(atUs / 1000),
      key: Buffer.from(key),
      value,
    };
  };
  const produced = changes.flatMap((one) =>
    changes.flatMap((other) =>
      times.flatMap((time, index) =>
        [0, 1].flatMap((partition) => {
          const key = `${one}-${other}-${index}-${partition}`;
          return [record(key, one, MIDNIGHT - HOUR, partition), record(key, other, time, 0)];
        }),
      ),
    ),
  );
  return {
    entity: 'order',
    topics: ORDER.topics.map(({ name }) => ({ name, partitions: 2 })),
    runs: [
      run(MIDNIGHT - HOUR, { produced: produced.filter((_, index) => index % 3 === 0) }),
      run(MIDNIGHT + HOUR, { produced: produced.filter((_, index) => index % 3 !== 0) }),
      run(LAST + 24 * HOUR, {}),
      run(LAST + 24 * HOUR, { mode: 'refresh' }),
    ],
  };
}

describe('the edges of CUSTOMER.md §2', () => {
  it.each(Object.entries(CUTS))(
    'are where the oracle has them, stream landed %s',
    { timeout: 300_000 },
    async (_name, cut) => {
      await playHistory(history(cut), inProcess());
    },
  );

  it('are there for orders as well', { timeout: 300_000 }, async () => {
    await playHistory(orders(), inProcess());
  });
});
