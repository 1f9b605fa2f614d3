import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDuckDb, type DuckDbDatabase } from '../../src/adapters/duckdb/database.ts';
import { DuckDbModelWarehouse } from '../../src/adapters/duckdb/model-warehouse.ts';
import { buildAside, planRun, runPlan, type AsideResult } from '../../src/transform/index.ts';
import { modelProject, type ProjectFixture } from '../support/model-project.ts';

const clock = { now: () => Date.parse('2026-03-01T10:00:00Z'), monotonic: () => performance.now() };
const SUFFIX = '__rebuild';
let database: DuckDbDatabase;
let warehouse: DuckDbModelWarehouse;
let fixture: ProjectFixture;

const FILES = {
  'models/stg.sql': "select id, label from {{ source('raw', 'events') }}",
  'models/current.sql': `{{ config(materialized='incremental', unique_key='id') }}
select id, label from {{ ref('stg') }} {% if is_incremental() %}where false{% endif %}`,
  'models/report.sql': "select count(*) as n, '{{ this }}' as self from {{ ref('current') }}",
  'models/schema.yml': `version: 2
sources:
  - name: raw
    schema: raw
    tables: [{name: events}]
models:
  - name: current
    description: One row per id
    columns:
      - {name: id, description: The key, data_tests: [unique]}
  - name: report
    description: Numbers
`,
};

beforeEach(async () => {
  database = await openDuckDb({ path: ':memory:', clock });
  warehouse = new DuckDbModelWarehouse(database);
  fixture = await modelProject(FILES);
  await database.run("create schema raw; create table raw.events as select 1 as id, 'old' as label");
  const project = await fixture.compile();
  expect((await runPlan(project, planRun(project, { command: 'build' }), warehouse, { clock })).ok).toBe(true);
  await database.run("create table raw.events__rebuild as select * from (values (1, 'new'), (2, 'new')) v(id, label)");
});
afterEach(async () => {
  await database.close();
  await fixture.dispose();
});

async function rebuild(): Promise<AsideResult> {
  const project = await fixture.compile();
  const plan = planRun(project, { command: 'build', fullRefresh: true });
  return buildAside(project, plan, warehouse, { clock, suffix: SUFFIX, isAside: ({ schema }) => schema === 'raw' });
}

async function rows(sql: string): Promise<readonly (readonly unknown[])[]> {
  return (await database.query(sql)).rows;
}

async function swap(statements: readonly string[]): Promise<void> {
  await warehouse.publish({ node: 'swap', statements: statements.map((sql) => ({ sql })), tests: [], marks: [] });
}

describe('building aside', () => {
  it('changes nothing that readers use until the swap, then everything', async () => {
    const aside = await rebuild();
    expect(aside.result.ok).toBe(true);
    expect(aside.counts).toEqual([{ name: 'current', before: 1, after: 2 }]);
    expect(await rows('select * from analytics.current')).toEqual([[1, 'old']]);
    expect(await rows('select * from analytics.report')).toEqual([[1n, '"analytics"."report"']]);
    expect(await rows('select n from analytics.report__rebuild')).toEqual([[2n]]);
    await swap(['drop table raw.events', 'alter table raw.events__rebuild rename to events', ...aside.swap]);
    expect(await rows('select * from analytics.current order by id')).toEqual([
      [1, 'new'],
      [2, 'new'],
    ]);
    expect(await rows('select * from analytics.report')).toEqual([[2n, '"analytics"."report"']]);
    expect(await rows("select view_name from duckdb_views() where not internal and sql like '%__rebuild%'")).toEqual(
      [],
    );
    expect(await rows("select table_name from duckdb_tables() where table_name like '%__rebuild%'")).toEqual([]);
    expect(await rows("select view_name from duckdb_views() where view_name like '%__rebuild%'")).toEqual([]);
  });

  it('keeps comments, those written by hand too', async () => {
    await database.run("comment on column analytics.current.label is 'written by hand'");
    await swap((await rebuild()).swap);
    const info = await warehouse.relation({ schema: 'analytics', name: 'current' });
    expect(info?.comment).toBe('One row per id');
    expect(info?.columns.map(({ name, comment }) => [name, comment])).toEqual([
      ['id', 'The key'],
      ['label', 'written by hand'],
    ]);
    expect((await warehouse.relation({ schema: 'analytics', name: 'report' }))?.comment).toBe('Numbers');
  });

  it('goes on working incrementally after the swap', async () => {
    await swap([
      'drop table raw.events',
      'alter table raw.events__rebuild rename to events',
      ...(await rebuild()).swap,
    ]);
    const project = await fixture.compile();
    const result = await runPlan(project, planRun(project, { command: 'build' }), warehouse, { clock });
    expect(result.nodes.find(({ name }) => name === 'current')).toMatchObject({
      state: 'done',
      mode: 'merge',
      rows: 0,
    });
  });

  it('drops what an earlier rebuild left behind', async () => {
    await rebuild();
    await database.run("update raw.events__rebuild set label = 'newer'");
    await swap((await rebuild()).swap);
    expect(await rows('select distinct label from analytics.current')).toEqual([['newer']]);
  });

  it('gives no swap when a data test fails on the rebuilt rows', async () => {
    await database.run("insert into raw.events__rebuild values (2, 'twice')");
    const aside = await rebuild();
    expect(aside.swap).toEqual([]);
    expect(aside.result.nodes.map(({ name, state }) => [name, state])).toEqual([
      ['stg', 'done'],
      ['current', 'failed'],
      ['report', 'skipped'],
    ]);
    expect(await rows('select * from analytics.current')).toEqual([[1, 'old']]);
  });

  it('puts a table in the place of a view and a view in the place of a table', async () => {
    await fixture.write({
      'models/current.sql': "select * from {{ ref('stg') }}",
      'models/report.sql': "{{ config(materialized='table') }} select count(*) as n from {{ ref('current') }}",
    });
    await swap([
      'drop table raw.events',
      'alter table raw.events__rebuild rename to events',
      ...(await rebuild()).swap,
    ]);
    expect(await warehouse.relation({ schema: 'analytics', name: 'current' })).toMatchObject({ kind: 'view' });
    expect(await warehouse.relation({ schema: 'analytics', name: 'report' })).toMatchObject({ kind: 'table' });
    expect(await rows('select n from analytics.report')).toEqual([[2n]]);
  });

  it('refuses a project that uses the suffix itself', async () => {
    await fixture.write({ 'models/other.sql': 'select 1 as x__rebuild' });
    await expect(rebuild()).rejects.toThrow(/models\/other.sql uses "__rebuild"/);
  });
});
