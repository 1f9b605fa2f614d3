/**
 * The conformance suite of materializations: the same models on the same inputs give the same rows on every warehouse. SQL here is of the
 * kind that both dialects read; where they differ, the models use sluice's own dialects, as a user's macros would.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  planRun,
  runPlan,
  type ModelChanges,
  type NodeResult,
  type PlanRequest,
  type RunResult,
} from '../../src/transform/index.ts';
import type { Dialect } from '../../src/transform/sql/dialect.ts';
import { dialectOf } from '../../src/transform/sql/dialects/index.ts';
import { modelProject, type ProjectFixture } from '../support/model-project.ts';
import type { WarehouseUnderTest } from './model-warehouse.ts';

interface RunCall extends Partial<PlanRequest> {
  readonly changes?: (model: string) => ModelChanges | undefined;
}

const clock = { now: () => Date.parse('2026-03-05T10:00:00Z'), monotonic: () => performance.now() };

function days(from: string, to: string, more: Partial<ModelChanges> = {}): ModelChanges {
  return { full: false, today: to, window: { from, to }, newDaysFrom: null, keys: null, batchIds: ['b-1'], ...more };
}

export function materializationConformance(name: string, open: () => Promise<WarehouseUnderTest>): void {
  describe(`materializations on ${name}`, () => {
    let under: WarehouseUnderTest;
    let dialect: Dialect;
    let fixture: ProjectFixture | undefined;
    let count = 0;

    beforeAll(async () => {
      under = await open();
      dialect = dialectOf(under.warehouse.dialect);
      await under.warehouse.execute(dialect.createSchema(under.schema));
    });
    afterEach(async () => {
      await fixture?.dispose();
      fixture = undefined;
    });
    afterAll(async () => {
      await under.warehouse.close();
      await under.close();
    });

    /** Every test has tables of its own: names with `$` get its number. */
    const own = (text: string): string => text.replaceAll('$', String(count));
    const sql = (relation: string): string => dialect.relation({ ...under.schema, name: own(relation) });

    async function project(files: Readonly<Record<string, string>>): Promise<void> {
      count++;
      fixture = await modelProject(
        Object.fromEntries(Object.entries(files).map(([file, text]) => [own(file), own(text)])),
      );
    }

    /** `values`: rows as SQL; the first gives the types. */
    async function input(columns: string, rows: readonly string[]): Promise<void> {
      const names = columns.split(', ');
      const selects = rows.map((row, index) => {
        const values = row.split(', ');
        return `select ${values.map((value, at) => (index === 0 ? `${value} as ${names[at] ?? ''}` : value)).join(', ')}`;
      });
      await under.warehouse.execute(`create or replace table ${sql('input_$')} as ${selects.join(' union all ')}`);
    }

    async function run({ changes, ...request }: RunCall = {}): Promise<RunResult> {
      if (fixture === undefined) throw new Error('the test has no project');
      const compiled = await fixture.compile({
        environment: { vars: { input: sql('input_$') }, fullRefresh: request.fullRefresh === true },
        target: {
          name: 'test',
          schema: under.schema.schema,
          rawSchema: under.schema.schema,
          type: under.warehouse.dialect,
          ...(under.schema.database === undefined ? {} : { database: under.schema.database }),
        },
      });
      const plan = planRun(compiled, { command: 'build', ...request, ...(changes === undefined ? {} : { changes }) });
      return runPlan(compiled, plan, under.warehouse, {
        clock,
        hooks: (node) => {
          const found = changes?.(node.name);
          return found === undefined ? {} : { changes: found };
        },
      });
    }

    async function done(call: RunCall = {}): Promise<readonly NodeResult[]> {
      const result = await run(call);
      expect(result.nodes.flatMap(({ error }) => error?.message ?? [])).toEqual([]);
      expect(result.ok).toBe(true);
      return result.nodes;
    }

    /** Rows as text, so that the warehouses' number types do not matter. */
    async function rows(relation: string, columns: string): Promise<readonly string[]> {
      const string = dialect.typeName('string');
      const list = columns.split(', ').map((column) => `coalesce(cast(${column} as ${string}), 'null')`);
      const result = await under.warehouse.query(`select ${list.join(', ')} from ${sql(relation)}`);
      return result.rows.map((row) => row.join(' ')).sort();
    }

    it('builds a view, a table and an ephemeral model on each other', async () => {
      await project({
        'models/a_$.sql': 'select * from {{ var("input") }}',
        'models/b_$.sql': "{{ config(materialized='ephemeral') }}\nselect id, label from {{ ref('a_$') }} where id < 3",
        'models/c_$.sql':
          "{{ config(materialized='table') }}\nwith chosen as (select * from {{ ref('b_$') }})\nselect * from chosen",
      });
      await input('id, label', ["1, 'a'", "2, 'b'", "3, 'c'"]);
      const nodes = await done();
      expect(nodes.map(({ name: node, mode }) => [node, mode])).toEqual([
        [own('a_$'), 'view'],
        [own('c_$'), 'table'],
      ]);
      expect(await rows('c_$', 'id, label')).toEqual(['1 a', '2 b']);
      await input('id, label', ["1, 'z'"]);
      await done();
      expect(await rows('c_$', 'id, label')).toEqual(['1 z']);
    });

    it('replaces a view by a table and a table by a view', async () => {
      await project({ 'models/m_$.sql': 'select * from {{ var("input") }}' });
      await input('id', ['1']);
      await done();
      await fixture?.write({
        [own('models/m_$.sql')]: "{{ config(materialized='table') }} select * from {{ var('input') }}",
      });
      await done();
      expect(await under.warehouse.relation({ ...under.schema, name: own('m_$') })).toMatchObject({ kind: 'table' });
      await fixture?.write({ [own('models/m_$.sql')]: 'select * from {{ var("input") }}' });
      await done();
      expect(await under.warehouse.relation({ ...under.schema, name: own('m_$') })).toMatchObject({ kind: 'view' });
    });

    it('merges by key: newer rows win, deleted ones leave, quiet ones stay', async () => {
      await project({
        'models/m_$.sql': `{{ config(materialized='incremental', unique_key='id', sequence_by='version', delete_when='gone') }}
select id, version, label, gone from {{ var('input') }}`,
      });
      await input('id, version, label, gone', [
        "1, 10, 'a', false",
        "2, 10, 'b', false",
        "3, 10, 'c', false",
        "4, 10, 'never', true",
      ]);
      await done();
      expect(await rows('m_$', 'id, version, label')).toEqual(['1 10 a', '2 10 b', '3 10 c']);
      await input('id, version, label, gone', [
        "1, 9, 'older', false",
        "2, 11, 'newer', false",
        "3, 11, 'c', true",
        "5, 1, 'new', false",
      ]);
      for (let repeat = 1; repeat <= 3; repeat++) {
        await done();
        expect(await rows('m_$', 'id, version, label')).toEqual(['1 10 a', '2 11 newer', '5 1 new']);
      }
    });

    it('merges by a key of two columns and updates only the columns that it is told to', async () => {
      await project({
        'models/m_$.sql': `{{ config(materialized='incremental', unique_key=['id', 'part'], merge_exclude_columns=['kept']) }}
select id, part, kept, label from {{ var('input') }}`,
      });
      await input('id, part, kept, label', ["1, 'x', 'k', 'a'", "1, 'y', 'k', 'b'"]);
      await done();
      await input('id, part, kept, label', ["1, 'y', 'other', 'b2'", "1, 'z', 'other', 'c'"]);
      await done();
      expect(await rows('m_$', 'id, part, kept, label')).toEqual(['1 x k a', '1 y k b2', '1 z other c']);
    });

    it('overwrites the planned days only, and empties a day that has no rows any more', async () => {
      await project({
        'models/m_$.sql': `{{ config(materialized='incremental', incremental_strategy='insert_overwrite',
  partition_by={'field': 'day', 'data_type': 'date'}) }}
select day, id from {{ var('input') }}
{% if is_incremental() %}where day between date '{{ changes.window['from'] }}' and date '{{ changes.window.to }}'{% endif %}`,
      });
      await input('day, id', ["date '2026-03-01', 1", "date '2026-03-02', 1", "date '2026-03-03', 1"]);
      await done({ changes: () => days('2026-03-01', '2026-03-03', { full: true }) });
      await input('day, id', ["date '2026-03-01', 9", "date '2026-03-02', 2", "date '2026-03-02', 3"]);
      for (let repeat = 1; repeat <= 3; repeat++) {
        const [node] = await done({ changes: () => days('2026-03-02', '2026-03-03') });
        expect(node).toMatchObject({ mode: 'insert_overwrite', partitions: ['2026-03-02', '2026-03-03'] });
        expect(await rows('m_$', 'day, id')).toEqual(['2026-03-01 1', '2026-03-02 2', '2026-03-02 3']);
      }
    });

    it.each([
      ['hours of a timestamp', 'timestamp', 'hour'],
      ['days of a timestamp', 'timestamp', 'day'],
      ['months of a date', 'date', 'month'],
      ['years of a date', 'date', 'year'],
    ])(
      'overwrites the planned days in partitions by %s, and leaves other days of a partition alone',
      async (_, type, unit) => {
        await project({
          'models/m_$.sql': `{{ config(materialized='incremental', incremental_strategy='insert_overwrite',
  partition_by={'field': 'moment', 'data_type': '${type}', 'granularity': '${unit}'}) }}
select moment, id from {{ var('input') }}
{% if is_incremental() %}where id > 10{% endif %}`,
        });
        const value = (day: string, hour: string): string =>
          type === 'date' ? `date '${day}'` : `timestamp '${day} ${hour}:00:00'`;
        const first = [
          value('2026-03-01', '23'),
          value('2026-03-02', '00'),
          value('2026-03-03', '12'),
          value('2026-03-04', '00'),
        ];
        await input(
          'moment, id',
          first.map((at, index) => `${at}, ${String(index + 1)}`),
        );
        await done({ changes: () => days('2026-03-01', '2026-03-04', { full: true }) });
        await input('moment, id', [`${value('2026-03-02', '07')}, 12`, `${value('2026-03-02', '23')}, 13`]);
        for (let repeat = 1; repeat <= 3; repeat++) {
          const [node] = await done({ changes: () => days('2026-03-02', '2026-03-03') });
          expect(node).toMatchObject({ mode: 'insert_overwrite', partitions: ['2026-03-02', '2026-03-03'] });
          expect(await rows('m_$', 'id')).toEqual(['1', '12', '13', '4']);
        }
        await input('moment, id', [`${value('2026-03-01', '23')}, 14`]);
        const { nodes } = await run({ changes: () => days('2026-03-02', '2026-03-03') });
        expect(nodes[0]?.error?.message).toMatch(/rows outside of the planned window/);
      },
    );

    it('lets an overwrite read its own table', async () => {
      await project({
        'models/m_$.sql': `{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by='day') }}
{% if is_incremental() %}
select date '2026-03-02' as day, id + 1 as id from {{ this }} where day = date '2026-03-01'
{% else %}
select date '2026-03-01' as day, id from {{ var('input') }}
{% endif %}`,
      });
      await input('id', ['1', '5']);
      await done();
      for (let repeat = 1; repeat <= 2; repeat++) {
        await done({ changes: () => days('2026-03-02', '2026-03-02') });
        expect(await rows('m_$', 'day, id')).toEqual(['2026-03-01 1', '2026-03-01 5', '2026-03-02 2', '2026-03-02 6']);
      }
    });

    it('does nothing where the window has no days', async () => {
      await project({
        'models/m_$.sql': `{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by='day') }}
select date '2026-03-01' as day, id from {{ var('input') }}`,
      });
      await input('id', ['1']);
      await done();
      await input('id', ['2']);
      const [node] = await done({ changes: () => ({ ...days('2026-03-01', '2026-03-01'), window: null }) });
      expect(node).toMatchObject({ state: 'done', rows: 0, partitions: [] });
      expect(await rows('m_$', 'id')).toEqual(['1']);
    });

    it('appends, and replaces all rows of a key', async () => {
      await project({
        'models/a_$.sql': `{{ config(materialized='incremental', incremental_strategy='append') }}
select id, label from {{ var('input') }}{% if is_incremental() %} where id > (select max(id) from {{ this }}){% endif %}`,
        'models/d_$.sql': `{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='id') }}
select id, label from {{ var('input') }}`,
      });
      await input('id, label', ["1, 'a'", "1, 'b'", "2, 'c'"]);
      await done();
      await input('id, label', ["1, 'z'", "3, 'n'"]);
      for (let repeat = 1; repeat <= 3; repeat++) {
        await done();
        expect(await rows('a_$', 'id, label')).toEqual(['1 a', '1 b', '2 c', '3 n']);
        expect(await rows('d_$', 'id, label')).toEqual(['1 z', '2 c', '3 n']);
      }
    });

    it('takes new columns in when it is told to, and rebuilds on a full refresh', async () => {
      await project({
        'models/m_$.sql': `{{ config(materialized='incremental', unique_key='id', on_schema_change='append_new_columns') }}
select * from {{ var('input') }}`,
      });
      await input('id, label', ["1, 'a'", "2, 'b'"]);
      await done();
      await input('id, label, extra', ["2, 'b', 20", "3, 'c', 30"]);
      await done();
      expect(await rows('m_$', 'id, label, extra')).toEqual(['1 a null', '2 b 20', '3 c 30']);
      const [node] = await done({ fullRefresh: true });
      expect(node).toMatchObject({ mode: 'full' });
      expect(await rows('m_$', 'id, label, extra')).toEqual(['2 b 20', '3 c 30']);
    });

    const changing = (setting: string): Record<string, string> => ({
      'models/m_$.sql': `{{ config(materialized='incremental', unique_key='id'${setting === '' ? '' : `, on_schema_change='${setting}'`}) }}
select * from {{ var('input') }}`,
    });
    const columnsOf = async (): Promise<readonly string[]> =>
      ((await under.warehouse.relation({ ...under.schema, name: own('m_$') }))?.columns ?? []).map(
        ({ name: column }) => column,
      );

    it("leaves new columns out with on_schema_change 'ignore', says so where nobody chose that, and refuses a missing one", async () => {
      for (const setting of ['ignore', '']) {
        await project(changing(setting));
        await input('id, label', ["1, 'a'"]);
        await done();
        await input('id, label, extra', ["1, 'b', 5", "2, 'c', 6"]);
        const [node] = await done();
        expect(await columnsOf()).toEqual(['id', 'label']);
        expect(await rows('m_$', 'id, label')).toEqual(['1 b', '2 c']);
        if (setting === 'ignore') expect(node?.warnings).toEqual([]);
        else
          expect(node?.warnings).toEqual([expect.stringMatching(/no column extra, which the model gives: left out/)]);
        await input('id', ['3']);
        const { nodes } = await run();
        expect(nodes[0]?.error).toMatchObject({
          code: 'model_failed',
          message: expect.stringMatching(/missing: label/),
        });
        expect(await rows('m_$', 'id, label')).toEqual(['1 b', '2 c']);
        await fixture?.dispose();
      }
    });

    it("refuses any change with on_schema_change 'fail', and writes nothing", async () => {
      await project(changing('fail'));
      await input('id, label', ["1, 'a'"]);
      await done();
      await input('id, label, extra', ["1, 'b', 5"]);
      const { nodes } = await run();
      expect(nodes[0]?.error).toMatchObject({
        code: 'model_failed',
        message: expect.stringMatching(/new: extra .*on_schema_change is 'fail'/),
        hint: expect.stringContaining('--full-refresh'),
      });
      expect(await rows('m_$', 'id, label')).toEqual(['1 a']);
    });

    it("keeps a column that the model lost with 'append_new_columns', and adds several at once", async () => {
      await project(changing('append_new_columns'));
      await input('id, label', ["1, 'a'", "2, 'b'"]);
      await done();
      await input('id, extra, more', ["2, 20, 'x'", "3, 30, 'y'"]);
      for (let repeat = 1; repeat <= 2; repeat++) {
        await done();
        expect(await columnsOf()).toEqual(['id', 'label', 'extra', 'more']);
        expect(await rows('m_$', 'id, label, extra, more')).toEqual(['1 a null null', '2 b 20 x', '3 null 30 y']);
      }
    });

    it("makes the table's columns the model's with 'sync_all_columns': added, dropped, widened", async () => {
      await project(changing('sync_all_columns'));
      await input('id, label, gone, count', ["1, 'a', true, 7", "2, 'b', true, 8"]);
      await done();
      const wide = under.warehouse.dialect === 'bigquery' ? 'cast(9 as numeric)' : 'cast(9 as hugeint)';
      await input('id, label, count, more', [`2, 'z', ${wide}, 'x'`, `3, 'c', ${wide}, 'y'`]);
      for (let repeat = 1; repeat <= 2; repeat++) {
        await done();
        expect([...(await columnsOf())].sort()).toEqual(['count', 'id', 'label', 'more']);
        expect(await rows('m_$', 'id, label, count, more')).toEqual(['1 a 7 null', '2 z 9 x', '3 c 9 y']);
      }
    });

    it('loads a seed with types, and again only when it changed', async () => {
      await project({
        'seeds/s_$.csv': 'code,name,since,amount\n01,"Straße, ""groß""",2026-03-01,1.50\n02,,,\n03,"",2026-03-02,-2\n',
        'seeds/seeds.yml': 'version: 2\nseeds:\n  - name: s_$\n    config: {column_types: {amount: "numeric(18,2)"}}\n',
      });
      expect(await done()).toMatchObject([{ mode: 'seed', rows: 3 }]);
      expect(await rows('s_$', 'code, name, since')).toEqual([
        '01 Straße, "groß" 2026-03-01',
        '02 null null',
        '03  2026-03-02',
      ]);
      expect(await done()).toMatchObject([{ mode: 'seed', rows: 0 }]);
      await fixture?.write({ [own('seeds/s_$.csv')]: 'code,name,since,amount\n09,x,2026-03-01,1\n' });
      expect(await done()).toMatchObject([{ mode: 'seed', rows: 1 }]);
      expect(await rows('s_$', 'code')).toEqual(['09']);
    });

    it('keeps readers on the old rows when a data test fails', async () => {
      await project({
        'models/m_$.sql': "{{ config(materialized='table') }} select * from {{ var('input') }}",
        'models/v_$.sql': "select * from {{ ref('m_$') }}",
        'models/schema.yml': `version: 2
models:
  - name: m_$
    columns:
      - name: id
        data_tests: [unique, not_null]
      - name: label
        data_tests:
          - accepted_values: {values: [a, b], severity: warn}
          - relationships: {to: "ref('m_$')", field: label}
`,
      });
      await input('id, label', ["1, 'a'", "2, 'b'"]);
      const first = await done();
      expect(first[0]?.tests.map(({ status }) => status)).toEqual(['pass', 'pass', 'pass', 'pass']);
      await input('id, label', ["1, 'a'", "1, 'x'"]);
      const { nodes } = await run();
      expect(nodes.map(({ state }) => state)).toEqual(['failed', 'skipped']);
      const status = new Map(nodes[0]?.tests.map((test) => [test.name.replace(own('m_$_'), ''), test.status]));
      expect(Object.fromEntries(status)).toMatchObject({ unique_id: 'fail', not_null_id: 'pass' });
      if (under.rollsBack) expect(await rows('m_$', 'id, label')).toEqual(['1 a', '2 b']);
    });

    it('keeps descriptions in the warehouse through rebuilds', async () => {
      await project({
        'models/m_$.sql': "{{ config(materialized='table') }} select * from {{ var('input') }}",
        'models/schema.yml':
          "version: 2\nmodels:\n  - name: m_$\n    description: One row per it's id\n    columns:\n      - {name: id, description: The key}\n",
      });
      await input('id', ['1']);
      for (let repeat = 1; repeat <= 2; repeat++) {
        await done();
        const info = await under.warehouse.relation({ ...under.schema, name: own('m_$') });
        expect(info).toMatchObject({ comment: "One row per it's id", columns: [{ name: 'id', comment: 'The key' }] });
      }
    });
  });
}
