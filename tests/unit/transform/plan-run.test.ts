import { afterEach, describe, expect, it } from 'vitest';
import { planRun, type ModelChanges, type Project, type RunPlan } from '../../../src/transform/index.ts';
import { modelProject, type ProjectFixture } from '../../support/model-project.ts';

let fixture: ProjectFixture | undefined;
afterEach(async () => {
  await fixture?.dispose();
  fixture = undefined;
});

async function project(files: Readonly<Record<string, string>>): Promise<Project> {
  fixture = await modelProject(files);
  return fixture.compile();
}

const order = (plan: RunPlan): readonly string[] => plan.nodes.map(({ name }) => name);
const gates = (plan: RunPlan): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(plan.nodes.map(({ name, tests }) => [name, tests.map((test) => test.name)]));

const CHAIN = {
  'models/a.sql': 'select 1 as id',
  'models/b.sql': "{{ config(materialized='ephemeral') }} select * from {{ ref('a') }}",
  'models/c.sql': "{{ config(materialized='table') }} select * from {{ ref('b') }}",
  'models/d.sql': "select * from {{ ref('c') }}",
  'seeds/s.csv': 'id\n1\n',
};

describe('a plan', () => {
  it('is plain data: it survives JSON', async () => {
    const plan = planRun(await project(CHAIN), { command: 'build' });
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  it('holds what the command builds, parents first, without what is inlined', async () => {
    const compiled = await project(CHAIN);
    expect(order(planRun(compiled, { command: 'run' }))).toEqual(['a', 'c', 'd']);
    expect([...order(planRun(compiled, { command: 'build' }))].sort()).toEqual(['a', 'c', 'd', 's']);
    expect(order(planRun(compiled, { command: 'seed' }))).toEqual(['s']);
    expect(planRun(compiled, { command: 'run' }).nodes.map(({ after }) => after)).toEqual([
      [],
      ['model.shop.a'],
      ['model.shop.c'],
    ]);
  });

  it('keeps the order across nodes that are left out', async () => {
    const plan = planRun(await project(CHAIN), { command: 'run', select: ['a', 'd'] });
    expect(plan.nodes.map(({ name, after }) => [name, after])).toEqual([
      ['a', []],
      ['d', ['model.shop.a']],
    ]);
  });

  it('attaches a test of several models to the last of them, and of ephemeral ones to what is below', async () => {
    const compiled = await project({
      ...CHAIN,
      'tests/data/both.sql': "select 1 from {{ ref('c') }} join {{ ref('a') }} using (id) where false",
      'models/schema.yml': 'version: 2\nmodels:\n  - name: b\n    columns: [{name: id, data_tests: [unique]}]\n',
    });
    expect(gates(planRun(compiled, { command: 'build', exclude: ['s'] }))).toEqual({
      a: ['unique_b_id'],
      c: ['both'],
      d: [],
    });
    // Where only one of them runs, that one is the gate.
    expect(gates(planRun(compiled, { command: 'build', select: ['a', 'b'] }))).toEqual({ a: ['unique_b_id', 'both'] });
  });

  it('has tests in build and test only', async () => {
    const compiled = await project({
      ...CHAIN,
      'models/schema.yml': 'version: 2\nmodels:\n  - name: c\n    columns: [{name: id, data_tests: [unique]}]\n',
    });
    expect(gates(planRun(compiled, { command: 'run', select: ['c'] }))).toEqual({ c: [] });
    expect(gates(planRun(compiled, { command: 'test' }))).toEqual({ unique_c_id: ['unique_c_id'] });
  });

  it('knows from what is there whether a model runs incrementally', async () => {
    const compiled = await project({
      'models/m.sql': `{{ config(materialized='incremental', unique_key='id') }}
select 1 as id {% if is_incremental() %}where {{ changes.full }}{% endif %}`,
      'models/kept.sql': "{{ config(materialized='incremental', unique_key='id', full_refresh=false) }} select 1 as id",
    });
    const there = ['m', 'kept'].map((name) => ({
      relation: { schema: 'analytics', name },
      kind: 'table' as const,
      columns: [],
    }));
    const view = { relation: { schema: 'ANALYTICS', name: 'M' }, kind: 'view' as const, columns: [] };
    const modes = (request: Parameters<typeof planRun>[1]): readonly string[] =>
      planRun(compiled, request).nodes.map(({ name, mode }) => `${name} ${mode}`);
    const changes: ModelChanges = {
      full: false,
      today: '2026-03-01',
      window: null,
      newDaysFrom: null,
      keys: null,
      batchIds: [],
    };
    expect(modes({ command: 'run' })).toEqual(['kept full', 'm full']);
    expect(modes({ command: 'run', relations: there })).toEqual(['kept merge', 'm merge']);
    expect(modes({ command: 'run', relations: there, fullRefresh: true })).toEqual(['kept merge', 'm full']);
    expect(modes({ command: 'run', relations: [view] })).toEqual(['kept full', 'm full']);
    expect(modes({ command: 'run', relations: there, changes: () => ({ ...changes, full: true }) })).toEqual([
      'kept full',
      'm full',
    ]);
    const plan = planRun(compiled, { command: 'run', select: ['m'], relations: there, changes: () => changes });
    expect(plan.nodes[0]?.sql).toBe('select 1 as id where False');
    // The job thinks that the table is there, and it is not: the model is told to build everything.
    expect(planRun(compiled, { command: 'run', select: ['m'], changes: () => changes }).nodes[0]?.sql).toBe(
      'select 1 as id',
    );
  });

  it('leaves open what only the warehouse can answer', async () => {
    const compiled = await project({
      'models/m.sql':
        "{% if execute %}{% set rows = run_query('select 1').rows %}{% endif %}select {{ rows | length if execute else 0 }} as n",
    });
    expect(planRun(compiled, { command: 'run' }).nodes[0]?.sql).toBeNull();
  });

  it('shows the days that an overwrite replaces', async () => {
    const compiled = await project({
      'models/m.sql':
        "{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by='day') }} select 1 as day",
    });
    const window = { from: '2026-03-01', to: '2026-03-02' };
    const plan = planRun(compiled, {
      command: 'run',
      relations: [{ relation: { schema: 'analytics', name: 'm' }, kind: 'table', columns: [] }],
      changes: () => ({ full: false, today: '2026-03-02', window, newDaysFrom: null, keys: null, batchIds: [] }),
    });
    expect(plan.nodes[0]).toMatchObject({ mode: 'insert_overwrite', window });
  });

  it('renders generic tests with their settings: where, limit, thresholds, arguments that are calls', async () => {
    const compiled = await project({
      'models/parent.sql': 'select 1 as id',
      'models/m.sql': 'select 1 as id',
      'models/schema.yml': `version: 2
models:
  - name: m
    columns:
      - name: id
        data_tests:
          - relationships:
              to: ref('parent')
              field: id
              config: {where: "id > 1", limit: 7, warn_if: ">2", error_if: ">10", fail_calc: "sum(n)", severity: error}
          - accepted_values: {values: ["it's", 2], quote: true}
`,
    });
    const plan = planRun(compiled, { command: 'test' });
    expect(plan.nodes[1]?.tests[0]?.sql).toContain(`from (select * from "analytics"."m" where (id > 1)) as child
left join "analytics"."parent" as parent`);
    expect(plan.nodes[0]?.tests[0]?.sql).toContain(`not in ('it''s', '2')`);
  });
});
