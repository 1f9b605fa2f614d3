/**
 * What runs of the reference job send to BigQuery and to the bucket, recorded in front of the emulator, where the product believes that it talks to
 * BigQuery: every statement is looked at by the cost checker, every call is counted, and the SQL of an hourly run stands in golden files
 * (`tests/golden/hourly-run/`; written anew by `npx vitest run tests/integration/hourly-run-cost.test.ts -u`).
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FrontStatement } from '../support/bigquery-front/front.ts';
import { costViolations, type CostTable, type CostViolation } from '../support/cost-checker.ts';
import { customerEvent, customerRow, RecordedStory, type RecordedStep } from '../support/recorded-runs.ts';

const ROOT = resolve(import.meta.dirname, '../..');

type StepName =
  | 'full load'
  | 'catching up'
  | 'hourly'
  | 'nothing new'
  | '10 objects'
  | '100 objects'
  | 'late event'
  | 'before the snapshot'
  | 'backfill'
  | 'full refresh';

const steps = new Map<StepName, RecordedStep>();
let story: RecordedStory;

/** Each record in a partition of its own makes `count` landing objects. */
const spread = (count: number, at: string): ReturnType<typeof customerEvent>[] =>
  Array.from({ length: count }, (_, index) =>
    customerEvent(`K-${String(index % 4)}`, at, { city: `Ort ${String(index)}` }, index),
  );

// Every statement runs on the emulator, which takes its time once it has seen a few.
beforeAll(async () => {
  story = await RecordedStory.start(100);
  const run = async (name: StepName, request: Parameters<RecordedStory['run']>[0]): Promise<void> => {
    steps.set(name, await story.run(request));
  };
  const customers = ['K-0', 'K-1', 'K-2', 'K-3'];
  await run('full load', { logicalTime: '2026-01-10T10:00:00Z', listing: customers.map((key) => customerRow(key)) });
  await run('catching up', { logicalTime: '2026-03-15T09:00:00Z', records: spread(1, '2026-03-15T08:30:00Z') });
  await run('hourly', { logicalTime: '2026-03-15T10:00:00Z', records: spread(1, '2026-03-15T09:30:00Z') });
  await run('nothing new', { logicalTime: '2026-03-15T11:00:00Z' });
  await run('10 objects', { logicalTime: '2026-03-15T12:00:00Z', records: spread(10, '2026-03-15T11:30:00Z') });
  await run('100 objects', { logicalTime: '2026-03-15T13:00:00Z', records: spread(100, '2026-03-15T12:30:00Z') });
  await run('late event', { logicalTime: '2026-03-15T14:00:00Z', records: spread(1, '2026-02-20T08:00:00Z') });
  await run('backfill', { logicalTime: '2026-03-15T14:30:00Z', backfill: { from: '2026-03-13', to: '2026-03-14' } });
  await run('before the snapshot', { logicalTime: '2026-03-15T15:00:00Z', records: spread(1, '2026-01-05T08:00:00Z') });
  await run('full refresh', { logicalTime: '2026-03-15T16:00:00Z', mode: 'refresh' });
}, 3_600_000);

afterAll(() => story[Symbol.asyncDispose]());

function stepOf(name: StepName): RecordedStep {
  const step = steps.get(name);
  if (step === undefined) throw new Error(`the story has no step "${name}"`);
  return step;
}

/** `streamFrom`: the first month of the stream that the step may read; null: any. */
function tables(streamFrom: string | null): readonly CostTable[] {
  const raw = (kind: string, column: string, readableFrom: string | null): CostTable[] =>
    ['', '__rebuild'].map((suffix) => ({
      name: `raw_customer_${kind}${suffix}`,
      partition: { column, type: 'timestamp' },
      cluster: '_key',
      readableFrom,
    }));
  return [
    ...raw('stream', '_event_at', streamFrom),
    ...raw('snapshot', '_snapshot_started_at', null),
    ...raw('dead_letter', '_timestamp', null),
    ...['', '__rebuild'].map((suffix): CostTable => ({
      name: `history_customer${suffix}`,
      partition: { column: 'day', type: 'date' },
      cluster: 'customer_id',
      readableFrom: null,
    })),
    { name: 'current_customer', partition: null, cluster: 'customer_id', readableFrom: null },
  ];
}

interface CostException {
  readonly name: string;
  readonly reason: string;
  readonly covers: (violation: CostViolation) => boolean;
}

const isRaw = ({ table }: CostViolation): boolean => /^raw_customer_(?:stream|snapshot)(?:__rebuild)?$/.test(table);

/** The only statements that may read partitions without a literal bound, and why no bound can be proven for them. */
const EXCEPTIONS: readonly CostException[] = [
  {
    name: 'fold of all raw',
    reason:
      'The row of a key is a function of all its records, and what the published row remembers stands for the older ones only when no snapshot reaches past them (src/pipeline/plan-base.ts). Without published rows (first run, full refresh), with a snapshot in the run or in its window, and with an event from before the last snapshot, any older record may decide.',
    covers: isRaw,
  },
  {
    name: 'backfill from raw alone',
    reason:
      'job backfill recomputes days for every key: it is the command that heals a history which is wrong, so it must not build upon it.',
    covers: isRaw,
  },
  {
    name: 'tests of a table that is built whole',
    reason: 'All of its partitions are new, so all of them are tested before readers see them.',
    covers: ({ table }) => table.startsWith('history_customer'),
  },
];

function violationsOf(
  name: StepName,
  streamFrom: string | null,
  exceptions: readonly string[] = [],
): readonly string[] {
  const allowed = EXCEPTIONS.filter((exception) => exceptions.includes(exception.name));
  expect(allowed).toHaveLength(exceptions.length);
  return stepOf(name)
    .statements.filter(({ kind }) => kind !== 'dry_run')
    .flatMap(({ sql }) => costViolations(sql, tables(streamFrom)))
    .filter((violation) => !allowed.some(({ covers }) => covers(violation)))
    .map(({ rule, table, statement }) => `${rule} ${table}: ${statement.slice(0, 300)}`);
}

describe('every statement', () => {
  it('of an hourly run names literal partitions, and reads the stream from the month of the window on', () => {
    for (const name of ['hourly', 'nothing new', '10 objects', '100 objects'] as const)
      expect(violationsOf(name, '2026-03'), name).toEqual([]);
  });

  it('of a run after days without one reads the stream from the first missing day on', () => {
    expect(violationsOf('catching up', '2026-01')).toEqual([]);
  });

  it('of a run with a late event reads the stream from the month of the event on', () => {
    expect(violationsOf('late event', '2026-02')).toEqual([]);
  });

  it.each([
    ['full load', ['fold of all raw', 'tests of a table that is built whole']],
    ['before the snapshot', ['fold of all raw']],
    ['full refresh', ['fold of all raw', 'tests of a table that is built whole']],
    ['backfill', ['backfill from raw alone']],
  ] as const)('of "%s" does so but for the stated exceptions: %s', (name, exceptions) => {
    expect(violationsOf(name, null, exceptions)).toEqual([]);
  });

  it('is checked: without its exceptions a fold of all raw is found', () => {
    expect(violationsOf('before the snapshot', null)).not.toEqual([]);
    expect(violationsOf('backfill', null)).not.toEqual([]);
    expect(violationsOf('late event', '2026-03')).not.toEqual([]);
  });
});

const callsOf = (name: StepName): RecordedStep['calls'] => {
  const { load_poll: polls, ...calls } = stepOf(name).calls;
  expect(polls ?? 0).toBeGreaterThanOrEqual(name === 'nothing new' ? 0 : 1);
  return calls;
};

/** Numbers of a table in docs/bigquery.md, by its first column. */
function documented(): ReadonlyMap<string, readonly string[]> {
  const text = readFileSync(join(ROOT, 'docs/bigquery.md'), 'utf8');
  const section = /## Calls of an hourly run\n([\s\S]*?)(?=\n## |$)/.exec(text)?.[1] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return new Map(
    rows.map((row) => {
      const [first = '', ...cells] = row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      return [first.replaceAll('`', ''), cells];
    }),
  );
}

describe('the calls of an hourly run', () => {
  it('to BigQuery do not grow with the number of landing objects', () => {
    expect(callsOf('10 objects')).toEqual(callsOf('hourly'));
    expect(callsOf('100 objects')).toEqual(callsOf('hourly'));
    expect(stepOf('100 objects').statements).toHaveLength(stepOf('hourly').statements.length);
  });

  it('to the bucket are the same but for one upload and one read for each object', () => {
    const of = (name: StepName, objects: number): object => {
      const { upload = 0, read = 0, ...rest } = stepOf(name).storage;
      return { ...rest, upload: upload - objects, read: read - objects };
    };
    expect(of('10 objects', 10)).toEqual(of('hourly', 1));
    expect(of('100 objects', 100)).toEqual(of('hourly', 1));
  });

  it('are what docs/bigquery.md says', () => {
    const counted = (name: StepName): Record<string, number> => {
      const { statements, storage } = stepOf(name);
      const ofBucket = Object.entries(storage).map(([kind, count]): [string, number] => [`bucket ${kind}`, count]);
      return { ...callsOf(name), ...Object.fromEntries(ofBucket), statements: statements.length };
    };
    const [withData, idle] = [counted('hourly'), counted('nothing new')];
    const kinds = [...new Set([...Object.keys(withData), ...Object.keys(idle)])].sort();
    const expected = kinds.map((kind) => [kind, String(idle[kind] ?? 0), String(withData[kind] ?? 0)]);
    const said = [...documented()].map(([kind, [none = '', some = '']]) => [kind, none, some]);
    expect(new Set(said.map(String))).toEqual(new Set(expected.map(String)));
  });
});

/** What differs from run to run, made equal. */
function stable(sql: string): string {
  return sql
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<run>')
    .replaceAll(/(values \('customer', \d+, 'customer-\d+', )'[0-9a-f]+'/g, "$1'<manifest>'");
}

function titleOf({ kind, sql }: FrontStatement): string {
  const about =
    /(?:table|view|into|from|schema)(?: if (?:not )?exists)? [`\w.-]*?\.?`?(\w+)`?(?=[\s(;]|$)/.exec(sql)?.[1] ??
    'statement';
  return `${kind.replace('job_insert', 'job').replace('_', '-')}-${about}`;
}

describe('the SQL of an hourly run', () => {
  it('is what the golden files show, statement by statement', async () => {
    const { statements } = stepOf('hourly');
    for (const [index, statement] of statements.entries()) {
      const number = String(index + 1).padStart(2, '0');
      const isRepeated =
        statement.kind === 'dry_run' && statements[index + 1]?.sql.includes(statement.sql.trim()) === true;
      const text = isRepeated
        ? '-- The select of the next statement, for its columns.\n'
        : `${stable(statement.sql).trimEnd()}\n`;
      await expect(text).toMatchFileSnapshot(`../golden/hourly-run/${number}-${titleOf(statement)}.bigquery.sql`);
    }
  });
});
