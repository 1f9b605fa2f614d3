/** CUSTOMER.md §2: the facts that records state, the total order over them, and the row of a key. */
import type { EventOp, ExpectedRow, OracleJob, Row } from './ground-truth.ts';
import { instantText } from './time.ts';

/** A record of §2's table: an event, a tombstone, a snapshot row or an absence. */
export interface Fact {
  readonly key: string;
  /** "says": create, update and snapshot row *there*; delete, tombstone and absence *gone*. */
  readonly there: boolean;
  readonly op: EventOp | 'r';
  /** Version time; null: none. */
  readonly version: bigint | null;
  readonly assertion: bigint;
  readonly effective: bigint;
  /** Business columns; null: it has no value. */
  readonly cells: Row | null;
  readonly at: string;
  /** "0 for stream, 1 for snapshot records" */
  readonly kind: 0 | 1;
  /** "broker timestamp or S0": also when the record was *observed*. */
  readonly observed: bigint;
  /** "topic; partition; offset | snapshot id; place in the snapshot" (a recreated topic's lives in their order). */
  readonly source: string;
  readonly place: readonly number[];
}

const OP_RANK = { r: 0, c: 1, u: 2, d: 3 } as const;
const order = <T extends bigint | number | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

/** "Ties, for both questions, newest last": (time; 0 | 1; broker timestamp or S0; r < c < u < d; topic; partition; offset | …). */
function compareFacts(a: Fact, b: Fact, time: (fact: Fact) => bigint): number {
  return (
    order(time(a), time(b)) ||
    order(a.kind, b.kind) ||
    order(a.observed, b.observed) ||
    order(OP_RANK[a.op], OP_RANK[b.op]) ||
    order(a.source, b.source) ||
    a.place.reduce((found, place, index) => found || order(place, b.place[index] ?? 0), 0)
  );
}

/** "Row of a key from a set of records"; undefined: there is none (no records, or gone with hard deletes). */
export function rowOfKey(key: string, facts: readonly Fact[], job: OracleJob): ExpectedRow | undefined {
  const versions = facts.filter(({ version }) => version !== null);
  // "business columns of the record with the newest version (NULL when none has a value)"
  const looks = versions.toSorted((a, b) => compareFacts(a, b, ({ version }) => version ?? 0n)).at(-1);
  const assertions = facts.toSorted((a, b) => compareFacts(a, b, ({ assertion }) => assertion));
  const newest = assertions.at(-1);
  if (newest === undefined) return undefined;
  const empty = Object.fromEntries(job.columns.map(({ name }) => [name, null]));
  const cells: Row = looks?.cells ?? { ...empty, [job.keyColumn]: key };
  // "*gone* when the record with the newest assertion says so, or when `deletedWhen` holds for those columns"
  const deletedWhen = job.deletedWhen !== null && cells[job.deletedWhen.column] === job.deletedWhen.equals;
  const gone = !newest.there || deletedWhen;
  // "With `deletes: 'hard'` a gone key has no row"
  if (gone && job.deletes === 'hard') return undefined;
  // "`_op` = `d` when gone, else the op of the record that gave the columns (… also `r` should that be a delete's)"
  const op = gone ? 'd' : looks === undefined || looks.op === 'd' ? 'r' : looks.op;
  // "when the newest assertion says gone: the assertion time of the *first* record since the last "there" that says gone"
  const firstGone = assertions[assertions.findLastIndex(({ there }) => there) + 1];
  const eventAt = newest.there ? looks?.version : firstGone?.assertion;
  if (eventAt === undefined || eventAt === null)
    throw new Error(`a key that is there has a record with a value: ${key}`);
  return {
    key,
    row: { ...cells, _op: op, _event_at: instantText(eventAt), _is_deleted: String(gone) },
    from: looks?.at ?? null,
  };
}
