import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDuckDb, type DuckDbDatabase } from '../../src/adapters/duckdb/database.ts';
import { DuckDbModelWarehouse } from '../../src/adapters/duckdb/model-warehouse.ts';
import { SluiceError } from '../../src/core/errors.ts';
import {
  planRun,
  runPlan,
  TargetFolder,
  type ModelChanges,
  type PlanRequest,
  type ModelSession,
  type RunOptions,
  type RunResult,
} from '../../src/transform/index.ts';
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

  describe('a model whose test reads another one', () => {
    const CURRENT =
      "{{ config(materialized='incremental', unique_key='id') }} select id, checked(id, version) as version from main.input";
    const HISTORY =
      "{{ config(materialized='incremental', unique_key='id') }} select id, kept(version) as version from main.input";
    const TEST = `select history.id from {{ ref('history') }} as history
left join {{ ref('current') }} as current on current.id = history.id and current.version = history.version where current.id is null`;

    async function fill(): Promise<void> {
      await project({ 'models/current.sql': CURRENT, 'models/history.sql': HISTORY, 'tests/data/agree.sql': TEST });
      await database.run(
        'create macro checked(id, version) as version; create macro kept(version) as version; create table main.input as select 1 as id, 1 as version',
      );
      expect((await run({ command: 'build' })).ok).toBe(true);
      await database.run('update main.input set version = 2');
    }

    /** What happens to the models, in order, as the database is told. */
    function watched(): { readonly warehouse: DuckDbModelWarehouse; readonly told: string[] } {
      const told: string[] = [];
      const warehouse = new DuckDbModelWarehouse(database);
      const session = warehouse.session.bind(warehouse);
      warehouse.session = async () => {
        const inner = await session();
        let name = '?';
        return {
          execute: async (sql) => {
            await inner.execute(sql);
            name = /"analytics\.(\w+)"/.exec(sql)?.[1] ?? '?';
            told.push(`${name} staged`);
          },
          describe: (sql) => inner.describe(sql),
          publish: async (unit, guard) => {
            const outcome = await inner.publish(unit, guard);
            told.push(`${name} ${outcome.status}`);
            return outcome;
          },
          close: async () => {
            await inner.close();
            told.push(`${name} closed`);
          },
        };
      };
      return { warehouse, told };
    }

    async function build(options: Partial<RunOptions> = {}) {
      const { warehouse, told } = watched();
      const compiled = await fixture?.compile();
      if (compiled === undefined) throw new Error('no project');
      const plan = planRun(compiled, { command: 'build' });
      return { told, result: await runPlan(compiled, plan, warehouse, { clock, ...options }) };
    }

    it('is staged while the other one is at work, and tested against what that has published', async () => {
      await fill();
      const { told, result } = await build();
      expect(result.ok).toBe(true);
      expect(told.toSorted()).toEqual([
        'current closed',
        'current published',
        'current staged',
        'history closed',
        'history published',
        'history staged',
      ]);
      expect(told.indexOf('history staged')).toBeLessThan(told.indexOf('current published'));
      expect(told.indexOf('current published')).toBeLessThan(told.indexOf('history published'));
      expect(await rows('select * from analytics.history')).toEqual([[1, 2]]);
      expect(await rows("select table_name from duckdb_tables() where database_name = 'temp'")).toEqual([]);
    });

    it('waits for its turn where there is one thread alone', async () => {
      await fill();
      const { told, result } = await build({ threads: 1 });
      expect(result.ok).toBe(true);
      const each = (name: string) => [`${name} staged`, `${name} published`, `${name} closed`];
      expect(told).toEqual([...each('current'), ...each('history')]);
    });

    it('is left out when the other one fails, whatever it has staged', async () => {
      await fill();
      await database.run("create or replace macro checked(id, version) as error('no such version')");
      const { told, result } = await build();
      expect(result.nodes.map(({ name, state, reason }) => [name, state, reason])).toEqual([
        ['current', 'failed', null],
        ['history', 'skipped', 'current failed'],
      ]);
      expect(told.filter((what) => what.startsWith('history'))).toEqual(['history staged', 'history closed']);
      expect(told.filter((what) => !what.startsWith('history'))).toEqual(['? closed']);
      expect(await rows('select * from analytics.history')).toEqual([[1, 1]]);
    });

    it('fails by itself when it cannot be staged', async () => {
      await fill();
      await database.run("create or replace macro kept(version) as error('not kept')");
      const { result, told } = await build();
      expect(result.nodes.map(({ name, state }) => [name, state])).toEqual([
        ['current', 'done'],
        ['history', 'failed'],
      ]);
      expect(result.nodes[1]?.error).toMatchObject({ code: 'model_failed' });
      expect(result.nodes[1]?.error?.message).toContain('not kept');
      expect(told.toSorted()).toEqual(['? closed', 'current closed', 'current published', 'current staged']);
      expect(await rows('select * from analytics.history')).toEqual([[1, 1]]);
    });

    it('keeps its old rows when its test fails', async () => {
      await fill();
      await database.run('create or replace macro checked(id, version) as version - 1');
      const { result, told } = await build();
      expect(result.nodes.map(({ name, state }) => [name, state])).toEqual([
        ['current', 'done'],
        ['history', 'failed'],
      ]);
      expect(told.slice(-2)).toEqual(['history rejected', 'history closed']);
      expect(await rows('select * from analytics.history')).toEqual([[1, 1]]);
    });

    it('is stopped with the run', async () => {
      await fill();
      const lost = new SluiceError('lease_lost', 'another run took over');
      await expect(build({ hooks: () => ({ guard: () => Promise.reject(lost) }) })).rejects.toBe(lost);
      expect(await rows('select * from analytics.history')).toEqual([[1, 1]]);
      expect(await rows("select table_name from duckdb_tables() where database_name = 'temp'")).toEqual([]);
    });
  });

  it('names the model, its file, the compiled file and what the database said', async () => {
    await project({ 'models/broken.sql': 'select nope from (select 1 as id)' });
    const folder = new TargetFolder(fixture?.config ?? { dir: '', name: '', targetPath: '' }, 'run-1');
    const result = await run({ command: 'run' }, { artifacts: folder });
    expect(result.nodes[0]?.error).toMatchObject({ code: 'model_failed' });
    expect(result.nodes[0]?.error?.message).toMatch(
      /^model broken in models\/broken.sql \(compiled: target\/compiled\/shop\/models\/broken.sql\): .*"nope"/,
    );
  });

  it('goes on beside a failing model and skips only what is below it', async () => {
    await project({
      'models/bad.sql': 'select * from main.nowhere',
      'models/below.sql': "select * from {{ ref('bad') }}",
      'models/below2.sql': "select * from {{ ref('below') }}",
      'models/beside.sql': 'select 1 as id',
    });
    const result = await run();
    expect(Object.fromEntries(result.nodes.map(({ name, state, reason }) => [name, [state, reason]]))).toEqual({
      bad: ['failed', null],
      below: ['skipped', 'bad failed'],
      below2: ['skipped', 'below was skipped'],
      beside: ['done', null],
    });
    expect(result.ok).toBe(false);
  });

  it('starts nothing more after a failure when it is told to fail fast', async () => {
    await project({ 'models/a.sql': 'select * from main.nowhere', 'models/b.sql': 'select 1 as id' });
    const result = await run({ command: 'run' }, { failFast: true, threads: 1 });
    expect(result.nodes.map(({ state }) => state)).toEqual(['failed', 'skipped']);
  });

  it('writes marks in the publishing transaction and asks the guard before its commit', async () => {
    await project({ 'models/a.sql': "{{ config(materialized='table') }} select 1 as id" });
    await database.run('create table main.marks (model varchar)');
    const seen: unknown[] = [];
    const published: string[] = [];
    await run(
      { command: 'run' },
      {
        hooks: () => ({
          marks: ["insert into main.marks values ('a')"],
          guard: async () =>
            void seen.push(await rows("select count(*) from duckdb_tables() where schema_name = 'analytics'")),
        }),
        onPublished: (node, result) => {
          published.push(`${node.name} ${String(result.rows)}`);
          return Promise.resolve();
        },
      },
    );
    // Another connection sees nothing of it when the guard is asked.
    expect(seen).toEqual([[[0n]]]);
    expect(await rows('select * from main.marks')).toEqual([['a']]);
    expect(published).toEqual(['a 1']);
  });

  it('stops the run when the guard says that the lease is lost, and keeps nothing of the node', async () => {
    await project({ 'models/a.sql': "{{ config(materialized='table') }} select 1 as id" });
    const lost = new SluiceError('lease_lost', 'another run took over');
    await expect(run({ command: 'run' }, { hooks: () => ({ guard: () => Promise.reject(lost) }) })).rejects.toBe(lost);
    expect(await rows("select count(*) from duckdb_tables() where schema_name = 'analytics'")).toEqual([[0n]]);
  });

  it('stops when it is interrupted', async () => {
    await project({ 'models/a.sql': 'select 1 as id', 'models/b.sql': "select * from {{ ref('a') }}" });
    const controller = new AbortController();
    const work = run(
      { command: 'run' },
      { signal: controller.signal, onPublished: () => Promise.resolve(controller.abort()) },
    );
    await expect(work).rejects.toMatchObject({ code: 'interrupted' });
    expect(await rows("select view_name from duckdb_views() where schema_name = 'analytics'")).toEqual([['a']]);
  });

  it('looks at the planned days only when it tests an overwrite', async () => {
    await project({
      'models/h.sql': `{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by='day') }}
select day, id from main.input {% if is_incremental() %}where day = date '2026-03-02'{% endif %}`,
      'models/schema.yml': 'version: 2\nmodels:\n  - name: h\n    columns:\n      - {name: id, data_tests: [unique]}\n',
    });
    await database.run(
      "create table main.input as select date '2026-03-01' as day, 1 as id union all select date '2026-03-02', 2",
    );
    expect((await run({ command: 'build' })).ok).toBe(true);
    await database.run("insert into analytics.h values (date '2026-03-01', 1)");
    const changes: ModelChanges = {
      full: false,
      today: '2026-03-02',
      window: { from: '2026-03-02', to: '2026-03-02' },
      newDaysFrom: null,
      keys: null,
      batchIds: [],
    };
    const daily = await run({ command: 'build' }, { hooks: () => ({ changes }) });
    expect(daily.nodes[0]).toMatchObject({ state: 'done', mode: 'insert_overwrite', rows: 1 });
    // Without a window the test sees the doubled row of the first day.
    expect((await run({ command: 'test' })).nodes[0]).toMatchObject({ state: 'failed' });
  });

  it('runs tests of sources first, and what reads a failing source not at all', async () => {
    await project({
      'models/a.sql': "select * from {{ source('raw', 'input') }}",
      'models/schema.yml': `version: 2
sources:
  - name: raw
    schema: main
    tables:
      - name: input
        columns: [{name: id, data_tests: [not_null]}]
`,
    });
    await database.run('create table main.input as select null::integer as id');
    const result = await run({ command: 'build' });
    expect(result.nodes.map(({ kind, state }) => [kind, state])).toEqual([
      ['test', 'failed'],
      ['model', 'skipped'],
    ]);
  });

  it('answers what templates ask of the warehouse', async () => {
    await project({
      'models/a.sql': "{{ config(materialized='table') }} select 1 as id, 'x' as label",
      'models/b.sql': `{% set names = adapter.get_columns_in_relation(ref('a')) | map(attribute='name') | list -%}
{% if execute %}{% set labels = run_query('select label from ' ~ ref('a')).columns[0].values() %}{% else %}{% set labels = [] %}{% endif -%}
{% call statement('n', fetch_result=true) %}select count(*) as n from {{ ref('a') }}{% endcall -%}
select '{{ names | join(',') }}' as names, '{{ labels | join(',') }}' as labels, {{ load_result('n').table.rows[0]['n'] if execute else 0 }} as n`,
    });
    const result = await run();
    expect(result.nodes.flatMap(({ error }) => error ?? [])).toEqual([]);
    expect(await rows('select * from analytics.b')).toEqual([['id,label', 'x', 1]]);
  });

  it('passes on once what a template says, however often it was rendered', async () => {
    await project({
      'models/a.sql': `{% if execute %}{{ log('counting', info=true) }}{% set n = run_query('select 1 as n').rows[0].n + run_query('select 2 as n').rows[0].n %}
{{ exceptions.warn('found ' ~ n) }}{% endif %}select {{ n if execute else 0 }} as n`,
    });
    const heard: string[] = [];
    const log = (message: string, level: string): void => void heard.push(`${level} ${message}`);
    const compiled = await fixture?.compile({ environment: { log } });
    if (compiled === undefined) throw new Error('no project');
    await runPlan(compiled, planRun(compiled, { command: 'run' }), new DuckDbModelWarehouse(database), { clock });
    expect(heard).toEqual(['info counting', 'warn found 3']);
  });

  it('runs hooks around the model in its transaction', async () => {
    await project({
      'models/a.sql': `{{ config(materialized='table', pre_hook="insert into main.log values ('before')",
  post_hook=["insert into main.log select 'after ' || count(*) from {{ this }}"]) }}
select 1 as id`,
    });
    await database.run('create table main.log (what varchar)');
    const result = await run();
    expect(result.nodes.flatMap(({ error }) => error ?? [])).toEqual([]);
    expect(await rows('select * from main.log')).toEqual([['before'], ['after 1']]);
  });

  it('writes comments only where they changed', async () => {
    const yaml = (description: string): string =>
      `version: 2\nmodels:\n  - name: m\n    description: ${description}\n    columns: [{name: id, description: Key}]\n`;
    await project({
      'models/m.sql': "{{ config(materialized='incremental', unique_key='id') }} select 1 as id",
      'models/schema.yml': yaml('First'),
    });
    await run();
    const executed: string[] = [];
    class Spy extends DuckDbModelWarehouse {
      override async session(): Promise<ModelSession> {
        const session = await super.session();
        return {
          ...session,
          publish: (unit, guard) => {
            executed.push(...unit.statements.map(({ sql }) => sql).filter((sql) => sql.startsWith('comment')));
            return session.publish(unit, guard);
          },
        };
      }
    }
    const again = async (): Promise<void> => {
      const compiled = await fixture?.compile();
      if (compiled !== undefined)
        await runPlan(compiled, planRun(compiled, { command: 'run' }), new Spy(database), { clock });
    };
    await again();
    expect(executed).toEqual([]);
    await fixture?.write({ 'models/schema.yml': yaml('Second') });
    await again();
    expect(executed).toEqual(['comment on table "analytics"."m" is \'Second\'']);
  });

  it('runs a model in the schema and under the name that it asks for', async () => {
    await project({
      'models/a.sql': `{{ config(schema='Side Schema', alias='the "a"') }} select 1 as id`,
      'models/b.sql': "select * from {{ ref('a') }}",
    });
    const result = await run();
    expect(result.nodes.flatMap(({ error }) => error ?? [])).toEqual([]);
    expect(await rows('select * from "analytics_Side Schema"."the ""a"""')).toEqual([[1]]);
  });

  it('runs independent models at the same time', async () => {
    await project({
      'models/a.sql': 'select 1 as id',
      'models/b.sql': 'select 1 as id',
      'models/c.sql': 'select 1 as id',
    });
    let running = 0;
    let most = 0;
    const observer = { started: () => void (most = Math.max(most, ++running)), finished: () => void running-- };
    await run({ command: 'run' }, { threads: 2, observer });
    expect(most).toBe(2);
  });

  it('keeps the failing rows of a data test when it is told to', async () => {
    await project({
      'models/a.sql': "{{ config(materialized='table') }} select 1 as id union all select 1",
      'models/schema.yml': 'version: 2\nmodels:\n  - name: a\n    columns: [{name: id, data_tests: [unique]}]\n',
    });
    await run();
    const result = await run({ command: 'test' }, { storeFailures: true });
    expect(result.nodes[0]).toMatchObject({ state: 'failed', error: { code: 'test_failed' } });
    expect(await rows('select * from analytics_dbt_test__audit.unique_a_id')).toEqual([[1, 2n]]);
  });
});
