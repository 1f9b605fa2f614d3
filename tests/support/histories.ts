/**
 * Random histories: what topics and the REST API brought, and how the job was run over it. The raw form is small integers only, so that
 * fast-check shrinks it well; `buildHistory` (history-build.ts) turns it into records, pages and runs. A failing case prints one line
 * that replays it: SLUICE_SEED=… SLUICE_PATH=… (see `checkHistories`).
 */
import fc from 'fast-check';
import { buildHistory } from './history-build.ts';
import type { History } from './history-build.ts';
import { describeHistory } from './history-truth.ts';

/** A moment of the history: a spot on the way from its start to its end, or close to something that matters. */
export type RawMoment =
  | { readonly near: 'spot'; readonly permille: number }
  | { readonly near: 'edge'; readonly edge: number; readonly delta: number };

export interface RawEvent {
  readonly key: number;
  readonly kind: 'create' | 'update' | 'delete' | 'deactivate' | 'tombstone';
  readonly at: RawMoment;
  /** Index of how much later (or earlier) than its event time the broker got it. */
  readonly late: number;
  readonly partition: number;
  /** Members by index; duplicates make duplicate names. */
  readonly fields: readonly number[];
  readonly timeFormat: number;
  readonly spacing: number;
  /** Further deliveries of the same bytes at new offsets, by index of their delay. */
  readonly copies: readonly number[];
  readonly poison: { readonly spoil: 'bytes' | 'member' | 'time'; readonly variant: number } | null;
  /** Of the key and the moment of the event before it. */
  readonly twin: boolean;
  /** Produced one run later than its broker timestamp allows, as a slow producer would. */
  readonly held: boolean;
}

export interface RawRow {
  readonly key: number;
  readonly change: 'drop' | 'add' | 'twice' | 'fresh' | 'timeless' | 'retag' | 'poison';
  readonly variant: number;
}

export interface RawSnapshot {
  /** How far the API's state lies behind S0, in percent of the tolerance. */
  readonly lag: number;
  readonly pageSize: number;
  readonly totals: 'right' | 'off' | 'grows';
  /** Customers that are gone are listed as well. */
  readonly listsGone: boolean;
  /** Customers that moved right at an edge of the download's window are missing. */
  readonly dropsMoving: boolean;
  /** Index of how long the server takes. */
  readonly slow: number;
  readonly noTimes: boolean;
  readonly changes: readonly RawRow[];
}

export interface RawRun {
  readonly at: RawMoment;
  readonly fullLoad: RawSnapshot | null;
  readonly mode: 'all' | 'land' | 'load' | 'transform' | 'refresh';
  readonly maxBatchRows: number | null;
  readonly acceptDeletes: boolean;
  /** What is gone before the run: then the rest must do. */
  readonly lost: 'state' | 'warehouse' | null;
  /** Run again at once, with nothing new. */
  readonly again: boolean;
}

export interface RawHistory {
  readonly start: string;
  readonly days: number;
  readonly partitions: readonly [number, number, number];
  readonly keys: number;
  /** Keys that only the API knows. */
  readonly strangers: number;
  readonly events: readonly RawEvent[];
  /** The first run's full load. */
  readonly opening: RawSnapshot | null;
  readonly runs: readonly RawRun[];
}

/** Local days in front of both switches of Europe/Berlin, a leap day, a year's end, and a plain one. */
export const STARTS = ['2026-06-10', '2026-03-27', '2026-10-23', '2028-02-27', '2026-12-29'] as const;

const moment: fc.Arbitrary<RawMoment> = fc.oneof(
  fc.record({ near: fc.constant('spot' as const), permille: fc.nat(1000) }),
  fc.record({ near: fc.constant('edge' as const), edge: fc.nat(40), delta: fc.nat(14) }),
);

const often = <T>(usual: T, rare: fc.Arbitrary<T>, weight: number): fc.Arbitrary<T> =>
  fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: rare });

const event: fc.Arbitrary<RawEvent> = fc.record({
  key: fc.nat(60),
  kind: fc.constantFrom('update', 'create', 'update', 'delete', 'deactivate', 'tombstone', 'update'),
  at: moment,
  late: often(0, fc.nat(13), 2),
  partition: fc.nat(2),
  fields: fc.array(fc.nat(80), { maxLength: 4 }),
  timeFormat: fc.nat(7),
  spacing: often(0, fc.nat(3), 3),
  copies: often<readonly number[]>([], fc.array(fc.nat(4), { minLength: 1, maxLength: 2 }), 7),
  poison: often<RawEvent['poison']>(
    null,
    fc.record({ spoil: fc.constantFrom('bytes', 'member', 'time'), variant: fc.nat(60) }),
    6,
  ),
  twin: often(false, fc.boolean(), 3),
  held: often(false, fc.boolean(), 9),
});

const snapshot: fc.Arbitrary<RawSnapshot> = fc.record({
  lag: fc.nat(100),
  pageSize: fc.integer({ min: 1, max: 12 }),
  totals: fc.constantFrom('right', 'right', 'right', 'right', 'grows', 'off'),
  listsGone: fc.boolean(),
  dropsMoving: fc.boolean(),
  slow: fc.nat(5),
  noTimes: often(false, fc.boolean(), 3),
  changes: fc.array(
    fc.record({
      key: fc.nat(60),
      change: fc.constantFrom('drop', 'drop', 'add', 'twice', 'fresh', 'timeless', 'retag', 'poison'),
      variant: fc.nat(60),
    }),
    { maxLength: 8 },
  ),
});

const run = (withSnapshots: boolean): fc.Arbitrary<RawRun> =>
  fc.record({
    at: moment,
    fullLoad: withSnapshots ? often<RawSnapshot | null>(null, snapshot, 1) : fc.constant(null),
    mode: fc.constantFrom('all', 'all', 'all', 'all', 'land', 'load', 'transform', 'refresh'),
    maxBatchRows: often<number | null>(null, fc.integer({ min: 2, max: 20 }), 3),
    acceptDeletes: often(false, fc.boolean(), 3),
    lost: often<RawRun['lost']>(null, fc.constantFrom('state', 'warehouse'), 7),
    again: often(false, fc.boolean(), 5),
  });

export function rawHistories(entity: 'customer' | 'order'): fc.Arbitrary<RawHistory> {
  const partitions = fc.integer({ min: 1, max: 3 });
  return fc.record({
    start: fc.constantFrom(...STARTS),
    days: fc.integer({ min: 1, max: 12 }),
    partitions: fc.tuple(partitions, partitions, partitions),
    keys: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 60 })),
    strangers: entity === 'customer' ? often(0, fc.nat(20), 2) : fc.constant(0),
    opening: entity === 'customer' ? fc.option(snapshot, { freq: 3 }) : fc.constant(null),
    events: fc.array(event, { maxLength: 60, size: 'max' }),
    runs: fc.array(run(entity === 'customer'), { minLength: 1, maxLength: 5, size: 'max' }),
  });
}

/** `shape` bends random histories towards what a test is about. */
export function histories(
  entity: 'customer' | 'order',
  shape: (raw: RawHistory) => RawHistory = (raw) => raw,
): fc.Arbitrary<History> {
  return rawHistories(entity).map((raw) => buildHistory(entity, shape(raw)));
}

/** A failing history is made smaller for this long. */
const SHRINK_MS = 60_000;

/**
 * Holds `check` against random histories; a new seed each time, or the one case that SLUICE_SEED and SLUICE_PATH name. The error tells the
 * smallest failing history in full and how to repeat it.
 */
export async function checkHistories(
  entity: 'customer' | 'order',
  numRuns: number,
  check: (history: History) => Promise<void> | void,
  shape?: (raw: RawHistory) => RawHistory,
): Promise<void> {
  const { SLUICE_SEED: seed, SLUICE_PATH: path, SLUICE_RUNS: runs } = process.env;
  let failedAt: number | undefined;
  const details = await fc.check(
    fc.asyncProperty(histories(entity, shape), async (history) => {
      if (failedAt !== undefined && performance.now() - failedAt > SHRINK_MS) return;
      try {
        await check(history);
      } catch (error) {
        failedAt ??= performance.now();
        throw error;
      }
    }),
    {
      numRuns: runs === undefined ? numRuns : Number(runs),
      ...(seed === undefined ? {} : { seed: Number(seed) }),
      ...(path === undefined ? {} : { path, endOnFailure: true }),
    },
  );
  const [smallest] = details.counterexample ?? [];
  if (!details.failed || smallest === undefined) return;
  const cause = details.errorInstance;
  const again = `SLUICE_SEED=${details.seed} SLUICE_PATH=${details.counterexamplePath}`;
  const found = `history ${details.numRuns}, made smaller ${details.numShrinks} times; repeat it with\n${again}`;
  throw new Error(
    `${cause instanceof Error ? cause.message : String(cause)}\n\n${describeHistory(smallest)}\n\n${found}`,
    {
      cause,
    },
  );
}
