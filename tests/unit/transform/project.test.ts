import { afterEach, describe, expect, it } from 'vitest';
import { isSluiceError, type SluiceError } from '../../../src/core/errors.ts';
import type { YamlValue } from '../../../src/config/yaml-source.ts';
import {
  hostFunction,
  hostObject,
  planRun,
  toText,
  type ModelProjectConfig,
  type Project,
} from '../../../src/transform/index.ts';
import type { ModelNode } from '../../../src/transform/compile/node.ts';
import { modelProject, tree, type ProjectFixture } from '../../support/model-project.ts';

let fixture: ProjectFixture | undefined;
afterEach(async () => {
  await fixture?.dispose();
  fixture = undefined;
});

type Files = Readonly<Record<string, string>>;

async function compile(
  files: Files,
  config: Partial<ModelProjectConfig> = {},
  vars: Readonly<Record<string, YamlValue>> = {},
): Promise<Project> {
  fixture = await modelProject(files, config);
  return fixture.compile({ environment: { vars, env: { REGION: 'eu' } } });
}

async function mistake(files: Files, config: Partial<ModelProjectConfig> = {}): Promise<SluiceError> {
  try {
    await compile(files, config);
  } catch (error) {
    if (isSluiceError(error)) return error;
    throw error;
  }
  throw new Error('the project compiled');
}

function model(project: Project, name: string): ModelNode {
  const node = project.nodes.get(`model.shop.${name}`);
  if (node?.kind !== 'model') throw new Error(`no model ${name}`);
  return node;
}

function sqlOf(project: Project, name: string): string | null {
  return planRun(project, { command: 'compile', select: [name] }).nodes.find((node) => node.name === name)?.sql ?? null;
}

describe('a project of models', () => {
  it('finds models, seeds, sources and tests and links them', async () => {
    const project = await compile({
      'models/staging/stg.sql': "select * from {{ source('raw', 'events') }}",
      'models/marts/current.sql': "select * from {{ ref('stg') }} join {{ ref('country') }} using (code)",
      'models/schema.yml': `version: 2
sources:
  - name: raw
    schema: "{{ target.schema }}_raw"
    tables:
      - name: events
        identifier: raw_events
models:
  - name: current
    description: One row per customer
    columns:
      - name: id
        tests: [unique]
`,
      'seeds/country.csv': 'code,name\nDE,Germany\n',
      'tests/data/no_gaps.sql': "select 1 from {{ ref('current') }} where false",
    });
    expect([...project.nodes.keys()].sort()).toEqual([
      'model.shop.current',
      'model.shop.stg',
      'seed.shop.country',
      'source.shop.raw.events',
      'test.shop.no_gaps',
      expect.stringMatching(/^test\.shop\.unique_current_id\.[0-9a-f]{10}$/),
    ]);
    expect(model(project, 'current').dependsOn).toEqual(['model.shop.stg', 'seed.shop.country']);
    expect(sqlOf(project, 'stg')).toBe('select * from "analytics_raw"."raw_events"');
    expect(model(project, 'stg').fqn).toEqual(['shop', 'staging', 'stg']);
    expect(model(project, 'current').description).toBe('One row per customer');
  });

  it('sees references that this rendering does not come by', async () => {
    const project = await compile({
      'models/a.sql': 'select 1 as id',
      'models/b.sql': "{% if is_incremental() %}select * from {{ ref('a') }}{% else %}select 2 as id{% endif %}",
    });
    expect(model(project, 'b').dependsOn).toEqual(['model.shop.a']);
  });

  it('sees references inside of macros', async () => {
    const project = await compile({
      'macros/m.sql': '{% macro all_of(name) %}select * from {{ ref(name) }}{% endmacro %}',
      'models/a.sql': 'select 1 as id',
      'models/b.sql': "{{ all_of('a') }}",
    });
    expect(model(project, 'b').dependsOn).toEqual(['model.shop.a']);
    expect(sqlOf(project, 'b')).toBe('select * from "analytics"."a"');
  });

  it('sees references inside of hooks', async () => {
    const project = await compile({
      'models/a.sql': 'select 1 as id',
      'models/b.sql': `{{ config(post_hook="insert into log select * from {{ ref('a') }}") }} select 2 as id`,
    });
    expect(model(project, 'b').dependsOn).toEqual(['model.shop.a']);
  });

  it('takes settings from project.yml by folder, from YAML and from the file, later ones winning, tags adding up', async () => {
    const project = await compile(
      {
        'models/staging/daily/m.sql': "{{ config(materialized='table', tags='file') }} select 1 as id",
        'models/staging/daily/n.sql': 'select 1 as id',
        'models/schema.yml':
          'version: 2\nmodels:\n  - name: m\n    config: {materialized: incremental, tags: [yaml], meta: {owner: a}}\n',
      },
      {
        models: tree(
          { tags: ['root'], meta: { team: 'x' } },
          { staging: tree({ materialized: 'view' }, { daily: tree({ schema: 'day' }) }) },
        ),
      },
    );
    expect(model(project, 'm').config).toMatchObject({
      materialized: 'table',
      tags: ['root', 'yaml', 'file'],
      meta: { team: 'x', owner: 'a' },
    });
    expect(model(project, 'm').relation).toEqual({ schema: 'analytics_day', name: 'm' });
    expect(model(project, 'n').config.materialized).toBe('view');
  });

  it('renders settings, with the target and the environment in them', async () => {
    const project = await compile(
      { 'models/m.sql': "{{ config(materialized='table' if target.name == 'dev' else 'view') }} select 1 as id" },
      {
        models: tree({ schema: "{{ env_var('REGION') }}_{{ target.name }}", enabled: "{{ target.type == 'duckdb' }}" }),
      },
    );
    expect(model(project, 'm').config.materialized).toBe('table');
    expect(model(project, 'm').relation.schema).toBe('analytics_eu_dev');
  });

  it('lets the project make names of schemas its own way', async () => {
    const project = await compile({
      'macros/names.sql':
        '{% macro generate_schema_name(custom_schema_name, node) %}{{ custom_schema_name or target.schema }}_{{ node.name }}{% endmacro %}',
      'models/m.sql': "{{ config(schema='side') }} select 1 as id",
    });
    expect(model(project, 'm').relation.schema).toBe('side_m');
  });

  it('leaves disabled models out, and their tests', async () => {
    const project = await compile({
      'models/a.sql': '{{ config(enabled=false) }} select 1 as id',
      'models/b.sql': 'select 1 as id',
      'models/schema.yml': 'version: 2\nmodels:\n  - name: a\n    columns: [{name: id, tests: [unique]}]\n',
    });
    expect([...project.nodes.keys()]).toEqual(['model.shop.b']);
    expect(project.disabled.map(({ name }) => name)).toEqual(['a', 'unique_a_id']);
  });

  it('puts ephemeral models in front as common table expressions, once each, inside of a WITH that is there', async () => {
    const project = await compile({
      'models/base.sql': "{{ config(materialized='ephemeral') }} select 1 as id",
      'models/left.sql':
        "{{ config(materialized='ephemeral') }} with x as (select * from {{ ref('base') }}) select * from x",
      'models/top.sql':
        "-- why\nWITH own as (select * from {{ ref('left') }}) select * from own join {{ ref('base') }} using (id)",
    });
    expect(sqlOf(project, 'top')?.replaceAll(/\s+/g, ' ')).toBe(
      '-- why WITH "__dbt__cte__base" as ( select 1 as id ), "__dbt__cte__left" as ( with x as (select * from "__dbt__cte__base") select * from x ), own as (select * from "__dbt__cte__left") select * from own join "__dbt__cte__base" using (id)',
    );
  });

  it('gives templates what callers add, with the changes of the run', async () => {
    fixture = await modelProject({
      'models/m.sql':
        "{{ sluice.rows('customer', changes) }} -- {{ job('customer').key }} {{ changes.window.to if changes.window }}",
    });
    const project = await fixture.compile({
      environment: {
        jobs: { customer: { key: 'customer_id' } },
        extensions: (scope) => ({
          sluice: hostObject({
            rows: hostFunction(
              ([name]) => `select '${toText(name ?? null)}' as a, '${scope.changes.today}' as b`,
              'rows',
            ),
          }),
        }),
      },
    });
    const changes = {
      full: false,
      today: '2026-03-02',
      window: { from: '2026-03-01', to: '2026-03-02' },
      newDaysFrom: null,
      keys: null,
      batchIds: [],
    };
    const plan = planRun(project, { command: 'run', changes: () => changes });
    expect(plan.nodes[0]?.sql).toBe("select 'customer' as a, '2026-03-02' as b -- customer_id 2026-03-02");
  });

  it("knows var, env_var, target, run_started_at and the rest by dbt's names", async () => {
    const project = await compile(
      {
        'models/m.sql': `select '{{ var("region") }}' as r, '{{ var("missing", "none") }}' as m, '{{ env_var("REGION") }}' as e, '{{ env_var("NO", "x") }}' as n,
'{{ target.schema }}' as s, '{{ run_started_at.strftime("%Y-%m-%d") }}' as d, '{{ run_started_at.astimezone(modules.pytz.timezone("Europe/Berlin")).isoformat() }}' as l,
'{{ modules.datetime.datetime.now().add(days=-1).date() }}' as y, '{{ this.schema }}.{{ this.identifier }}' as t, '{{ model.unique_id }}' as u, '{{ config.get("tags", ["none"])[0] }}' as g, {{ execute }} as x`,
      },
      {},
      { region: 'north' },
    );
    expect(sqlOf(project, 'm')).toBe(`select 'north' as r, 'none' as m, 'eu' as e, 'x' as n,
'analytics' as s, '2026-03-01' as d, '2026-03-01T11:00:00.000000+01:00' as l,
'2026-02-28' as y, 'analytics.m' as t, 'model.shop.m' as u, 'none' as g, True as x`);
  });
});

describe('mistakes in a project', () => {
  it('are listed all at once, each with file and line', async () => {
    const error = await mistake({
      'models/a.sql': "select *\nfrom {{ ref('stg_custmer') }}",
      'models/stg_customer.sql': "select * from {{ source('raww', 'events') }}",
      'models/broken.sql': 'select {{ nope }}',
      'models/unclosed.sql': 'select {% if true %} 1',
      'models/kind.sql': "\n{{ config(materialized='tabel', uniqe_key='id') }} select 1 as id",
      'models/merge.sql': "{{ config(materialized='incremental') }} select 1 as id",
      'models/schema.yml': `version: 2
sources: [{name: raw, tables: [{name: events}]}]
models:
  - name: stg_customers
    descripton: x
`,
      'models/more.yml': `version: 2
models:
  - name: stg_customers
    columns:
      - name: id
        data_tests: [uniqe]
  - name: a
    columns:
      - name: id
        data_tests: [uniqe, {accepted_values: [1]}]
`,
    });
    expect(error.code).toBe('compile_error');
    expect(error.exitCode).toBe(2);
    const lines = error.message.split('\n');
    for (const expected of [
      `models/a.sql:2:1: ref('stg_custmer'): there is no model or seed "stg_custmer"; did you mean "stg_customer"?`,
      `source('raww', 'events')`,
      `models/broken.sql:1:11: 'nope' is undefined`,
      'models/unclosed.sql:1:',
      `models/kind.sql:2:1: model kind: materialized: came "tabel", expected one of view, table, incremental, ephemeral; did you mean "table"?`,
      `models/kind.sql:2:1: model kind: unknown setting "uniqe_key"; did you mean "unique_key"?`,
      `models/merge.sql:1:1: model merge: incremental_strategy: is missing: 'merge' needs a unique_key, the others must be named`,
      'models/schema.yml:5:5: models[0]: unknown key "descripton"; did you mean "description"?',
      `models/more.yml:3:5: describes the model "stg_customers", which does not exist; did you mean "stg_customer"?`,
      `models/more.yml:10:22: there is no test "uniqe"; did you mean "unique"?`,
      `models/more.yml:10:29: data_tests: the arguments of "accepted_values" came as a list, expected a map`,
    ]) {
      expect(
        lines.some((line) => line.includes(expected)),
        `${expected}\n in \n${error.message}`,
      ).toBe(true);
    }
  });

  it.each<[string, Files, RegExp]>([
    [
      'a cycle',
      {
        'models/a.sql': "select * from {{ ref('c') }}",
        'models/b.sql': "select * from {{ ref('a') }}",
        'models/c.sql': "select * from {{ ref('b') }}",
      },
      /in a circle: a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c/,
    ],
    ['a model that refers to itself', { 'models/a.sql': "select * from {{ ref('a') }}" }, /in a circle: a -> a/],
    [
      'two models of one name',
      { 'models/x/a.sql': 'select 1 as id', 'models/y/a.sql': 'select 1 as id' },
      /models\/y\/a.sql: a model named "a" is in models\/x\/a.sql already/,
    ],
    [
      'a model and a seed of one name',
      { 'models/a.sql': 'select 1 as id', 'seeds/a.csv': 'id\n1\n' },
      /a model named "a" is in models\/a.sql already|a seed named "a" is in seeds\/a.csv already/,
    ],
    [
      'two models of one relation',
      {
        'models/a.sql': "{{ config(alias='X') }} select 1 as id",
        'models/b.sql': "{{ config(alias='x') }} select 1 as id",
      },
      /models\/b.sql: writes the relation analytics.x, and so does models\/a.sql/,
    ],
    [
      'a disabled parent',
      { 'models/a.sql': '{{ config(enabled=false) }} select 1', 'models/b.sql': "select * from {{ ref('a') }}" },
      /models\/b.sql:1:1: depends on the model "a", which is disabled/,
    ],
    [
      'a macro that stands twice',
      {
        'macros/a.sql': '{% macro m() %}{% endmacro %}',
        'macros/b.sql': '{% macro m() %}{% endmacro %}',
        'models/a.sql': 'select 1',
      },
      /the macro 'm' of shop stands in macros\/a.sql:1 already/,
    ],
    [
      'a variable that is not set',
      { 'models/a.sql': "select {{ var('days') }}" },
      /models\/a.sql:1:11: the variable 'days' is not set/,
    ],
    [
      'an insert_overwrite without partition',
      {
        'models/a.sql':
          "{{ config(materialized='incremental', incremental_strategy='insert_overwrite') }} select 1 as id",
      },
      /partition_by: is missing/,
    ],
    [
      'an insert_overwrite of integer ranges',
      {
        'models/a.sql':
          "{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by={'field': 'd', 'data_type': 'int64', 'range': {'start': 0, 'end': 10, 'interval': 1}}) }} select 1 as id",
      },
      /partition_by: 'insert_overwrite' replaces days, and integer ranges hold none/,
    ],
    [
      'a merge without key',
      { 'models/a.sql': "{{ config(materialized='incremental', incremental_strategy='merge') }} select 1 as id" },
      /unique_key: is missing: strategy 'merge' matches rows by it/,
    ],
    [
      'microbatch',
      { 'models/a.sql': "{{ config(materialized='incremental', incremental_strategy='microbatch') }} select 1 as id" },
      /'microbatch' is not supported yet/,
    ],
    [
      'a sequence guard without merge',
      {
        'models/a.sql':
          "{{ config(materialized='incremental', incremental_strategy='append', sequence_by='v') }} select 1 as id",
      },
      /sequence_by: belongs to strategy 'merge'/,
    ],
    [
      'a test that stands twice',
      {
        'models/a.sql': 'select 1 as id',
        'models/s.yml': 'version: 2\nmodels:\n  - name: a\n    columns: [{name: id, tests: [unique, unique]}]\n',
      },
      /the test "unique_a_id" stands in models\/s.yml:4 already/,
    ],
    ['a name that cannot be one', { 'models/a b.sql': 'select 1 as id' }, /"a b" cannot be the name of a model/],
    [
      'a source that is described twice',
      { 'models/s.yml': 'version: 2\nsources:\n  - {name: raw, tables: [{name: t}, {name: t}]}\n' },
      /the table "t" stands in models\/s.yml:3 already/,
    ],
    [
      'a data test with an unknown setting',
      {
        'models/a.sql': 'select 1 as id',
        'tests/data/t.sql': "{{ config(severty='warn') }} select 1 from {{ ref('a') }}",
      },
      /tests\/data\/t.sql:1:1: test t: unknown setting "severty"; did you mean "severity"/,
    ],
    [
      'a threshold that is none',
      {
        'models/a.sql': 'select 1 as id',
        'models/s.yml':
          'version: 2\nmodels:\n  - name: a\n    columns: [{name: id, tests: [{unique: {config: {warn_if: "more than 10"}}}]}]\n',
      },
      /warn_if: came "more than 10", expected a comparison/,
    ],
  ])('%s', async (_what, files, message) => {
    const error = await mistake(files);
    expect(error.code).toBe('compile_error');
    expect(error.message).toMatch(message);
  });

  it('names the variable that the environment lacks', async () => {
    const error = await mistake({ 'models/a.sql': "select '{{ env_var('NO_SUCH') }}'" });
    expect(error.code).toBe('env_missing');
    expect(error.message).toContain('models/a.sql:1:');
    expect(error.message).toContain('NO_SUCH');
  });

  it('keeps secrets of the environment out of templates', async () => {
    const error = await mistake({ 'models/a.sql': "select '{{ env_var('SLUICE_SECRET_TOKEN') }}'" });
    expect(error.message).toContain('the secret SLUICE_SECRET_TOKEN cannot be used in a template');
  });

  it('refuses files that are not text', async () => {
    fixture = await modelProject({});
    const { mkdir, writeFile } = await import('node:fs/promises');
    await mkdir(`${fixture.dir}/models`);
    await writeFile(`${fixture.dir}/models/a.sql`, Buffer.from([0x73, 0xff, 0xfe]));
    await expect(fixture.compile()).rejects.toThrow(/models\/a.sql: the file is not UTF-8 text/);
  });

  it('says which statement a model has too many', async () => {
    const project = await compile({ 'models/a.sql': 'select 1 as id;\n-- then\ndrop table x;' });
    expect(() => sqlOf(project, 'a')).toThrow(/a model is one select, a has a second statement: drop table x/);
  });

  it('says that a model is empty', async () => {
    const project = await compile({ 'models/a.sql': '-- nothing yet\n' });
    expect(() => sqlOf(project, 'a')).toThrow(/renders to nothing, expected one select/);
  });
});

describe('checked YAML', () => {
  it('is remembered by its text, and read anew when it changed', async () => {
    fixture = await modelProject({
      'models/a.sql': 'select 1 as id',
      'models/s.yml': 'version: 2\nmodels:\n  - {name: a, description: First}\n',
    });
    const { compileProject } = await import('../../../src/transform/index.ts');
    const { DUCKDB_TARGET, testEnvironment } = await import('../../support/model-project.ts');
    const known = new Map<string, never>();
    let reads = 0;
    const cache = {
      read: (text: string) => {
        const found = known.get(text);
        if (found !== undefined) reads++;
        return found;
      },
      write: (text: string, checked: unknown) => void known.set(text, checked as never),
    };
    const config = fixture.config;
    const description = async (): Promise<string | undefined> => {
      const project = await compileProject({ config, target: DUCKDB_TARGET, environment: testEnvironment(), cache });
      return project.nodes.get('model.shop.a')?.description;
    };
    expect([await description(), reads]).toEqual(['First', 0]);
    expect([await description(), reads]).toEqual(['First', 1]);
    await fixture.write({ 'models/s.yml': 'version: 2\nmodels:\n  - {name: a, description: Second}\n' });
    expect([await description(), reads]).toEqual(['Second', 1]);
  });
});
