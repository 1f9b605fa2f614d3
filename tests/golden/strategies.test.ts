/**
 * The SQL of every strategy: compared with a golden file per dialect, and for DuckDB executed three times in a row with equal result.
 * After a wanted change: vitest run tests/golden/strategies.test.ts -u, and read the difference.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openDuckDb, type DuckDbDatabase } from '../../src/adapters/duckdb/database.ts';
import { DuckDbModelWarehouse } from '../../src/adapters/duckdb/model-warehouse.ts';
import type { ColumnInfo, RelationName } from '../../src/core/relation.ts';
import {
  scriptText,
  type BuildOptions,
  type BuildScript,
  type IncrementalInput,
} from '../../src/transform/sql/build.ts';
import { bigquery } from '../../src/transform/sql/dialects/bigquery.ts';
import { duckdb } from '../../src/transform/sql/dialects/duckdb.ts';
import { buildAppend } from '../../src/transform/sql/strategies/append.ts';
import { buildDeleteInsert } from '../../src/transform/sql/strategies/delete-insert.ts';
import { buildInsertOverwrite } from '../../src/transform/sql/strategies/insert-overwrite.ts';
import { buildMerge } from '../../src/transform/sql/strategies/merge.ts';
import { buildTable } from '../../src/transform/sql/strategies/table.ts';
import { buildView } from '../../src/transform/sql/strategies/view.ts';

const OPTIONS: BuildOptions = {
  uniqueKey: [],
  sequenceBy: [],
  deleteWhen: null,
  mergeUpdateColumns: null,
  mergeExcludeColumns: [],
  incrementalPredicates: [],
  partitionBy: null,
  clusterBy: [],
  onSchemaChange: 'ignore',
  tableOptions: {},
};
const DAILY = { field: 'day', dataType: 'date', granularity: 'day' } as const;

interface Case {
  readonly name: string;
  /** Makes and fills `main.input` and, for incremental cases, `main.target`. */
  readonly setup: string;
  readonly options?: Partial<BuildOptions>;
  readonly build: (input: IncrementalInput) => BuildScript;
  /** Rows of the target after one, two and three runs. */
  readonly rows: readonly (readonly unknown[])[];
  readonly select?: string;
  /** The golden of BigQuery stands without an execution, so its types are given. */
  readonly bigquery?: { readonly existing: readonly ColumnInfo[]; readonly incoming?: readonly ColumnInfo[] };
}

const ROWS_BQ = [
  { name: 'id', type: 'INT64' },
  { name: 'version', type: 'INT64' },
  { name: 'label', type: 'STRING' },
];
const DAYS_BQ = [
  { name: 'day', type: 'DATE' },
  { name: 'id', type: 'INT64' },
  { name: 'label', type: 'STRING' },
];
const VERSIONED = `
  create table main.target as select * from (values (1, 10, 'a'), (2, 10, 'b'), (3, 10, null)) v(id, version, label);
  create table main.input as select * from (values (1, 9, 'late'), (2, 11, 'newer'), (3, 10, null), (4, 1, 'new')) v(id, version, label)`;
const TWO_DAYS = `
  create table main.target as select * from (values
    (date '2026-03-01', 1, 'a'), (date '2026-03-02', 1, 'old'), (date '2026-03-02', 2, 'gone'), (date '2026-03-03', 1, 'emptied'))
    v(day, id, label);
  create table main.input as select * from (values (date '2026-03-02', 1, 'new'), (date '2026-03-02', 3, 'x')) v(day, id, label)`;

const overwrite =
  (window: {
    readonly from: string;
    readonly to: string;
    readonly newDaysFrom: string | null;
    readonly keys: RelationName | null;
  }) =>
  (input: IncrementalInput): BuildScript =>
    buildInsertOverwrite({ ...input, window, partition: { field: 'day', dataType: 'date' } });

const CASES: readonly Case[] = [
  {
    name: 'view',
    setup: VERSIONED,
    build: (input) => buildView({ ...input, existing: undefined, target: { ...input.target, name: 'fresh' } }),
    rows: [],
  },
  {
    name: 'table',
    setup: VERSIONED,
    options: { partitionBy: null, clusterBy: ['id'] },
    build: (input) => buildTable(input),
    rows: [
      [1, 9, 'late'],
      [2, 11, 'newer'],
      [3, 10, null],
      [4, 1, 'new'],
    ],
    bigquery: { existing: ROWS_BQ },
  },
  {
    name: 'first-run-of-insert-overwrite',
    setup: TWO_DAYS,
    options: { partitionBy: DAILY, clusterBy: ['id'], uniqueKey: ['id'] },
    build: (input) => buildTable(input, 'insert_overwrite'),
    rows: [
      ['2026-03-02', 1, 'new'],
      ['2026-03-02', 3, 'x'],
    ],
    bigquery: { existing: DAYS_BQ },
  },
  {
    name: 'first-run-of-merge',
    setup: VERSIONED,
    options: { uniqueKey: ['id'], deleteWhen: 'version = 9' },
    build: (input) => buildTable(input, 'merge'),
    rows: [
      [2, 11, 'newer'],
      [3, 10, null],
      [4, 1, 'new'],
    ],
    bigquery: { existing: ROWS_BQ },
  },
  {
    name: 'merge',
    setup: VERSIONED,
    options: { uniqueKey: ['id'] },
    build: (input) => buildMerge(input),
    rows: [
      [1, 9, 'late'],
      [2, 11, 'newer'],
      [3, 10, null],
      [4, 1, 'new'],
    ],
    bigquery: { existing: ROWS_BQ },
  },
  {
    name: 'merge-with-sequence-and-delete',
    setup: VERSIONED,
    options: {
      uniqueKey: ['id'],
      sequenceBy: ['version', 'label'],
      deleteWhen: "label = 'newer' or DBT_INTERNAL_SOURCE.label = 'new'",
    },
    build: (input) => buildMerge(input),
    rows: [
      [1, 10, 'a'],
      [3, 10, null],
    ],
    bigquery: { existing: ROWS_BQ },
  },
  {
    name: 'merge-of-some-columns-in-a-key-range',
    setup: VERSIONED,
    options: { uniqueKey: ['id'], mergeUpdateColumns: ['label'], incrementalPredicates: ['DBT_INTERNAL_DEST.id > 0'] },
    build: (input) => buildMerge({ ...input, keyRange: { column: 'id', low: '1', high: '4' } }),
    rows: [
      [1, 10, 'late'],
      [2, 10, 'newer'],
      [3, 10, null],
      [4, 1, 'new'],
    ],
    bigquery: { existing: [...ROWS_BQ.slice(0, 2), { name: 'label', type: 'JSON' }] },
  },
  {
    name: 'merge-with-new-columns',
    setup: `${VERSIONED}; alter table main.input add column extra integer; update main.input set extra = id * 10`,
    options: { uniqueKey: ['id'], onSchemaChange: 'append_new_columns' },
    build: (input) => buildMerge(input),
    rows: [
      [1, 9, 'late', 10],
      [2, 11, 'newer', 20],
      [3, 10, null, 30],
      [4, 1, 'new', 40],
    ],
    bigquery: { existing: ROWS_BQ, incoming: [...ROWS_BQ, { name: 'extra', type: 'INT64' }] },
  },
  {
    name: 'merge-with-synced-columns',
    setup: `${VERSIONED}; alter table main.input drop column version; alter table main.input alter column id set data type bigint; alter table main.input add column extra integer`,
    options: { uniqueKey: ['id'], onSchemaChange: 'sync_all_columns' },
    build: (input) => buildMerge(input),
    rows: [
      [1n, 'late', null],
      [2n, 'newer', null],
      [3n, null, null],
      [4n, 'new', null],
    ],
    bigquery: {
      existing: ROWS_BQ,
      incoming: [
        { name: 'id', type: 'INT64' },
        { name: 'label', type: 'JSON' },
        { name: 'extra', type: 'INT64' },
      ],
    },
  },
  {
    name: 'insert-overwrite',
    setup: TWO_DAYS,
    options: { partitionBy: DAILY },
    build: overwrite({ from: '2026-03-02', to: '2026-03-03', newDaysFrom: null, keys: null }),
    rows: [
      ['2026-03-01', 1, 'a'],
      ['2026-03-02', 1, 'new'],
      ['2026-03-02', 3, 'x'],
    ],
    bigquery: { existing: DAYS_BQ },
  },
  {
    name: 'insert-overwrite-of-changed-keys',
    setup: `${TWO_DAYS}; create table main.changed as select 1 as _key;
      insert into main.input values (date '2026-03-04', 1, 'day 4'), (date '2026-03-04', 2, 'day 4')`,
    options: { partitionBy: DAILY, uniqueKey: ['id'] },
    build: overwrite({
      from: '2026-03-02',
      to: '2026-03-04',
      newDaysFrom: '2026-03-04',
      keys: { schema: 'main', name: 'changed' },
    }),
    // Key 2 stays on day 2 and key 3 stays out: their rows are not among the changed ones. Day 4 is new: every key.
    rows: [
      ['2026-03-01', 1, 'a'],
      ['2026-03-02', 1, 'new'],
      ['2026-03-02', 2, 'gone'],
      ['2026-03-04', 1, 'day 4'],
      ['2026-03-04', 2, 'day 4'],
    ],
    bigquery: { existing: DAYS_BQ },
  },
  {
    name: 'insert-overwrite-reading-itself',
    setup: TWO_DAYS,
    options: { partitionBy: DAILY },
    select:
      "select day, id, label from main.input where day = date '2026-03-02' union all select date '2026-03-03', id, label from main.target where day = date '2026-03-01'",
    build: overwrite({ from: '2026-03-02', to: '2026-03-03', newDaysFrom: null, keys: null }),
    rows: [
      ['2026-03-01', 1, 'a'],
      ['2026-03-02', 1, 'new'],
      ['2026-03-02', 3, 'x'],
      ['2026-03-03', 1, 'a'],
    ],
    bigquery: { existing: DAYS_BQ },
  },
  {
    name: 'insert-overwrite-with-new-columns',
    setup: `${TWO_DAYS}; alter table main.input add column extra integer`,
    options: { partitionBy: DAILY, onSchemaChange: 'append_new_columns' },
    build: overwrite({ from: '2026-03-02', to: '2026-03-02', newDaysFrom: null, keys: null }),
    rows: [
      ['2026-03-01', 1, 'a', null],
      ['2026-03-02', 1, 'new', null],
      ['2026-03-02', 3, 'x', null],
      ['2026-03-03', 1, 'emptied', null],
    ],
    bigquery: { existing: DAYS_BQ, incoming: [...DAYS_BQ, { name: 'extra', type: 'INT64' }] },
  },
  {
    name: 'append',
    setup: VERSIONED,
    select: 'select id, version, label from main.input where id > (select max(id) from main.target)',
    build: (input) => buildAppend(input),
    rows: [
      [1, 10, 'a'],
      [2, 10, 'b'],
      [3, 10, null],
      [4, 1, 'new'],
    ],
    bigquery: { existing: ROWS_BQ },
  },
  {
    name: 'delete-insert',
    setup: `${VERSIONED}; insert into main.input values (2, 12, 'second row of the key')`,
    options: { uniqueKey: ['id'], incrementalPredicates: ['DBT_INTERNAL_DEST.version < 100'] },
    build: (input) => buildDeleteInsert(input),
    rows: [
      [1, 9, 'late'],
      [2, 11, 'newer'],
      [2, 12, 'second row of the key'],
      [3, 10, null],
      [4, 1, 'new'],
    ],
    bigquery: { existing: ROWS_BQ },
  },
];

const SELECT = 'select * from main.input';
const TARGET: RelationName = { schema: 'main', name: 'target' };
let database: DuckDbDatabase;
let warehouse: DuckDbModelWarehouse;

async function inputFor(test: Case): Promise<IncrementalInput> {
  const existing = await warehouse.relation(TARGET);
  if (existing === undefined) throw new Error('the case has no target');
  const select = test.select ?? SELECT;
  return {
    dialect: duckdb,
    target: TARGET,
    select,
    options: { ...OPTIONS, ...test.options },
    existing,
    incoming: await warehouse.describe(select),
  };
}

function bigqueryInput(test: Case): IncrementalInput {
  const target = { database: 'my-project', schema: 'analytics', name: 'target' };
  const columns = test.bigquery?.existing ?? ROWS_BQ;
  return {
    dialect: bigquery,
    target,
    select: test.select ?? SELECT,
    options: { ...OPTIONS, ...test.options },
    existing: { relation: target, kind: 'table', columns },
    incoming: test.bigquery?.incoming ?? columns,
  };
}

async function caught(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    return String(error);
  }
  throw new Error('nothing was thrown');
}

beforeAll(async () => {
  database = await openDuckDb({ path: ':memory:', clock: { monotonic: () => performance.now() } });
  warehouse = new DuckDbModelWarehouse(database);
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.run(
    'drop view if exists main.fresh; drop table if exists main.target; drop table if exists main.input; drop table if exists main.changed',
  );
});

async function apply(script: BuildScript): Promise<void> {
  const statements = [...script.stage, ...script.change.map(({ sql }) => sql), ...script.cleanup].map((sql) => ({
    sql,
  }));
  await warehouse.publish({ node: 'golden', statements, tests: [], marks: [] });
}

describe('the SQL of the strategies', () => {
  it.each(CASES)('$name on DuckDB is the golden one, and gives the same rows three times in a row', async (test) => {
    await database.run(test.setup);
    const first = test.build(await inputFor(test));
    await expect(scriptText(first, duckdb)).toMatchFileSnapshot(`./${test.name}.duckdb.sql`);
    for (let run = 1; run <= 3; run++) {
      await apply(test.build(await inputFor(test)));
      if (test.name === 'view') expect((await database.query('select count(*) from main.fresh')).rows).toEqual([[4n]]);
      else expect((await database.query('select * from main.target order by all')).rows).toEqual(test.rows);
    }
    expect((await database.query('select count(*) from duckdb_tables() where temporary')).rows).toEqual([[0n]]);
  });

  it.each(CASES)('$name on BigQuery is the golden one', async (test) => {
    const text = scriptText(test.build(bigqueryInput(test)), bigquery);
    await expect(text).toMatchFileSnapshot(`./${test.name}.bigquery.sql`);
    expect(text).not.toMatch(/\bdeclare\b/i);
  });
});

describe('rows that no strategy takes', () => {
  const insertOverwrite: Pick<Case, 'setup' | 'options' | 'build'> = {
    setup: TWO_DAYS,
    options: { partitionBy: DAILY },
    build: overwrite({ from: '2026-03-02', to: '2026-03-03', newDaysFrom: null, keys: null }),
  };
  const merge: Pick<Case, 'setup' | 'options' | 'build'> = {
    setup: VERSIONED,
    options: { uniqueKey: ['id'] },
    build: (input) => buildMerge(input),
  };
  const deleteInsert = { ...merge, build: (input: IncrementalInput) => buildDeleteInsert(input) };
  const wrong: readonly (readonly [
    what: string,
    test: Pick<Case, 'setup' | 'options' | 'build'>,
    spoil: string,
    message: RegExp,
  ])[] = [
    [
      'a NULL key in a merge',
      merge,
      "insert into main.input values (null, 1, 'x')",
      /unique_key \(id\) is NULL in the model's rows: 1 rows/,
    ],
    [
      'a key that stands twice in a merge',
      merge,
      "insert into main.input values (2, 12, 'x'), (2, 13, 'y')",
      /unique_key \(id\) stands more than once.*surplus: 2 rows/,
    ],
    [
      'a NULL key in delete+insert',
      deleteInsert,
      "insert into main.input values (null, 1, 'x')",
      /is NULL in the model's rows/,
    ],
    [
      'a NULL partition',
      insertOverwrite,
      "insert into main.input values (null, 1, 'x')",
      /the partition column day is NULL in the model's rows: 1 rows/,
    ],
    [
      'a row before the window',
      insertOverwrite,
      "insert into main.input values (date '2026-03-01', 1, 'x')",
      /outside of the planned window 2026-03-02 to 2026-03-03 \(day\): 1 rows, from 2026-03-01 to 2026-03-01/,
    ],
    [
      'a row after the window',
      insertOverwrite,
      "insert into main.input values (date '2026-03-04', 1, 'x')",
      /outside of the planned window/,
    ],
  ];

  it.each(wrong)('%s fails three times in a row and changes nothing', async (_what, test, spoil, message) => {
    await database.run(`${test.setup}; ${spoil}`);
    const before = (await database.query('select * from main.target order by all')).rows;
    for (let run = 1; run <= 3; run++) {
      const script = test.build(await inputFor({ name: '', rows: [], ...test }));
      expect(await caught(() => apply(script))).toMatch(message);
    }
    expect((await database.query('select * from main.target order by all')).rows).toEqual(before);
  });

  it.each([
    ['ignore', 'alter table main.input drop column label', /missing: label VARCHAR.*on_schema_change is 'ignore'/],
    ['fail', 'alter table main.input add column extra integer', /new: extra INTEGER.*on_schema_change is 'fail'/],
    [
      'fail',
      'alter table main.input alter column label set data type json using to_json(label)',
      /other type: label VARCHAR -> JSON/,
    ],
  ] as const)(
    'columns that changed are refused under on_schema_change %s: %s',
    async (onSchemaChange, change, message) => {
      await database.run(`${VERSIONED}; ${change}`);
      const input = await inputFor({
        name: '',
        rows: [],
        setup: '',
        build: buildMerge,
        options: { uniqueKey: ['id'], onSchemaChange },
      });
      expect(() => buildMerge(input)).toThrow(message);
    },
  );

  it('a new column is left out under on_schema_change ignore, as in dbt', async () => {
    await database.run(`${VERSIONED}; alter table main.input add column extra integer`);
    await apply(
      buildMerge(await inputFor({ name: '', rows: [], setup: '', build: buildMerge, options: { uniqueKey: ['id'] } })),
    );
    expect((await warehouse.relation(TARGET))?.columns.map(({ name }) => name)).toEqual(['id', 'version', 'label']);
  });

  it('a merge touches changed rows only', async () => {
    await database.run(VERSIONED);
    const script = buildMerge(
      await inputFor({
        name: '',
        rows: [],
        setup: '',
        build: buildMerge,
        options: { uniqueKey: ['id'], sequenceBy: ['version'] },
      }),
    );
    const outcome = await warehouse.publish({
      node: 'golden',
      statements: [
        ...script.stage.map((sql) => ({ sql })),
        ...script.change,
        ...script.cleanup.map((sql) => ({ sql })),
      ],
      tests: [],
      marks: [],
    });
    expect(outcome).toMatchObject({ status: 'published', rows: 2 });
  });

  it('rows that a merge replaces are those that MERGE updates', async () => {
    // A column named rowid is what makes the statement a MERGE; keys stand twice in the target and values are NULL on either side. Numbers are
    // compared before texts, and rows differ in either, in both, or not at all.
    const optionsOf = (salt: number): Partial<BuildOptions> => ({
      uniqueKey: ['id'],
      ...(salt % 2 === 0 ? { sequenceBy: ['version'] } : {}),
      ...(salt % 4 < 2 ? { deleteWhen: "label = 't1'" } : {}),
    });
    const value = (salt: number): string => `case when hash(i + ${salt}) % 4 > 0 then hash(i * ${salt}) % 3 end`;
    const merged = async (last: string, salt: number): Promise<unknown> => {
      const rows = (count: number, key: string, seed: number): string =>
        `select ${key} as id, ${value(seed)} as version, 't' || (${value(seed + 1)}) as label, ${value(seed + 2)} as ${last} from range(${count}) as t(i)`;
      await database.run(
        `create or replace table main.target as ${rows(60, 'i % 50', salt)};
        create or replace table main.input as ${rows(60, 'i + 20', salt + 7)}`,
      );
      const script = buildMerge(
        await inputFor({
          name: '',
          rows: [],
          setup: '',
          build: buildMerge,
          options: optionsOf(salt),
        }),
      );
      expect(script.change.some(({ sql }) => sql.startsWith('merge into'))).toBe(last === 'rowid');
      const statements = [
        ...script.stage.map((sql) => ({ sql })),
        ...script.change,
        ...script.cleanup.map((sql) => ({ sql })),
      ];
      const outcome = await warehouse.publish({ node: 'golden', statements, tests: [], marks: [] });
      const { rows: left } = await database.query('select * from main.target order by all');
      return { outcome, left };
    };
    for (let salt = 1; salt <= 40; salt++) expect(await merged('place', salt)).toEqual(await merged('rowid', salt));
  });
});
