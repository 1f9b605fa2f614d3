import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDuckDb, type DuckDbDatabase } from '../../src/adapters/duckdb/database.ts';
import { DuckDbModelWarehouse } from '../../src/adapters/duckdb/model-warehouse.ts';
import { planRun, runPlan, type PlanRequest, type RunOptions, type RunResult } from '../../src/transform/index.ts';
import { modelProject, type ProjectFixture } from '../support/model-project.ts';

const clock = { now: () => Date.parse('2026-03-01T10:00:00Z'), monotonic: () => performance.now() };
let database: DuckDbDatabase;
let fixture: ProjectFixture | undefined;

beforeEach(async () => {
  database = await openDuckDb({ path: ':memory:', clock });
});
afterEach(async () => {
  await database.close();
  await fixture?.dispose();
  fixture = undefined;
});

async function project(files: Readonly<Record<string, string>>): Promise<ProjectFixture> {
  fixture = await modelProject(files);
  return fixture;
}

async function run(request: PlanRequest = { command: 'run' }, options: Partial<RunOptions> = {}): Promise<RunResult> {
  if (fixture === undefined) throw new Error('no project');
  const compiled = await fixture.compile({ environment: { fullRefresh: request.fullRefresh === true } });
  const plan = planRun(compiled, request);
  return runPlan(compiled, plan, new DuckDbModelWarehouse(database), { clock, ...options });
}

async function rows(sql: string): Promise<readonly (readonly unknown[])[]> {
  return (await database.query(sql)).rows;
}

describe('running models on DuckDB', () => {
  it('builds views, tables and ephemeral models in the order of their references', async () => {
    await project({
      'models/last.sql': "{{ config(materialized='table') }} select id, label from {{ ref('middle') }}",
      'models/middle.sql': "{{ config(materialized='ephemeral') }} select * from {{ ref('first') }} where id > 1;",
      'models/first.sql': "select 1 as id, 'a' as label union all select 2, 'b'",
    });
    const result = await run();
    expect(result.nodes.map(({ name, state, error }) => [name, state, error])).toEqual([
      ['first', 'done', null],
      ['last', 'done', null],
    ]);
    expect(await rows('select * from analytics.last')).toEqual([[2, 'b']]);
  });

  it('merges by key: changed rows only, older rows never win', async () => {
    await project({
      'models/current.sql': `{{ config(materialized='incremental', unique_key='id', sequence_by='version') }}
select * from main.input`,
    });
    await database.run(
      "create table main.input as select 1 as id, 10 as version, 'a' as label union all select 2, 10, 'b'",
    );
    expect((await run()).nodes[0]).toMatchObject({ state: 'done', mode: 'full', rows: 2 });
    await database.run(
      "update main.input set label = 'x', version = 9 where id = 1; insert into main.input values (3, 1, 'c')",
    );
    const second = (await run()).nodes[0];
    expect(second).toMatchObject({ state: 'done', mode: 'merge', rows: 1 });
    expect(await rows('select * from analytics.current order by id')).toEqual([
      [1, 10, 'a'],
      [2, 10, 'b'],
      [3, 1, 'c'],
    ]);
  });

  it('gates a build by its tests and skips what is below', async () => {
    await project({
      'models/a.sql': "{{ config(materialized='table') }} select * from main.input",
      'models/b.sql': "select * from {{ ref('a') }}",
      'models/schema.yml': `version: 2
models:
  - name: a
    columns:
      - name: id
        data_tests: [unique, not_null]
`,
    });
    await database.run('create table main.input as select 1 as id');
    expect((await run({ command: 'build' })).ok).toBe(true);
    await database.run('insert into main.input values (1)');
    const result = await run({ command: 'build' });
    expect(result.nodes.map(({ name, state }) => [name, state])).toEqual([
      ['a', 'failed'],
      ['b', 'skipped'],
    ]);
    expect(result.nodes[0]?.error?.code).toBe('test_failed');
    expect(await rows('select count(*) from analytics.a')).toEqual([[1n]]);
  });
});
