import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDuckDb, type DuckDbDatabase } from '../../src/adapters/duckdb/database.ts';
import { DuckDbModelWarehouse } from '../../src/adapters/duckdb/model-warehouse.ts';
import { compileModels, parseProjectCommand } from '../../src/cli/models/compile.ts';
import { listNodes } from '../../src/cli/models/ls.ts';
import { runModels } from '../../src/cli/models/run.ts';
import { showModel } from '../../src/cli/models/show.ts';
import type { ModelSurroundings } from '../../src/cli/models/surroundings.ts';
import { DUCKDB_TARGET, modelProject, testEnvironment, type ProjectFixture } from '../support/model-project.ts';

const plain = (text: string): string => text;
const colours = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain, cyan: plain };
let database: DuckDbDatabase;
let fixture: ProjectFixture;
let results: string[];
let notes: string[];
let opened: number;

const FILES = {
  'models/stg.sql': "{{ config(tags=['staging']) }} select id, label from {{ ref('input') }}",
  'models/current.sql': "{{ config(materialized='incremental', unique_key='id') }} select * from {{ ref('stg') }}",
  'seeds/input.csv': 'id,label\n1,a\n2,b\n',
  'models/schema.yml': `version: 2
models:
  - name: current
    columns: [{name: id, data_tests: [unique, not_null]}]
`,
};

beforeEach(async () => {
  database = await openDuckDb({ path: ':memory:', clock: { monotonic: () => performance.now() } });
  fixture = await modelProject(FILES);
  [results, notes, opened] = [[], [], 0];
});
afterEach(async () => {
  await database.close();
  await fixture.dispose();
});

function around(more: Partial<ModelSurroundings> = {}): ModelSurroundings {
  return {
    config: fixture.config,
    target: DUCKDB_TARGET,
    environment: testEnvironment({ invocationId: `run-${notes.length}` }),
    clock: { now: () => Date.parse('2026-03-01T10:00:00Z'), monotonic: () => performance.now() },
    output: {
      json: false,
      colours,
      result: (line?: string) => void results.push(line ?? ''),
      note: (line?: string) => void notes.push(line ?? ''),
      messageLines: (message: string) => message.split('\n'),
      progress: () => undefined,
    },
    signal: new AbortController().signal,
    openWarehouse: () => {
      opened++;
      return Promise.resolve({ models: new DuckDbModelWarehouse(database), close: () => Promise.resolve() });
    },
    ...more,
  };
}

async function artifact(name: string): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse(await readFile(join(fixture.dir, 'target', name), 'utf8')) as Readonly<Record<string, unknown>>;
}

describe('the model commands', () => {
  it('build runs seeds, models and tests, tells each, and leaves artifacts', async () => {
    const result = await runModels('build', {}, around());
    expect(result.exitCode).toBe(0);
    expect(result.json).toMatchObject({
      models: [
        { name: 'input', state: 'done', rows: 2 },
        { name: 'stg', state: 'done', rows: null },
        { name: 'current', state: 'done', rows: 2, partitions: [] },
      ],
      tests: [{ status: 'pass' }, { status: 'pass' }],
      errors: [],
    });
    expect(notes[2]).toMatch(/^3\/3 done current \(built anew, 2 rows, 2 tests, \d+\.\d\d s\)$/);
    expect(results[0]).toMatch(/^3 done, 2 data tests in \d+\.\d\d s$/);
    const manifest = await artifact('manifest.json');
    expect(manifest['metadata']).toMatchObject({
      dbt_schema_version: 'https://schemas.getdbt.com/dbt/manifest/v12.json',
      project_name: 'shop',
    });
    expect(Object.keys(manifest['nodes'] as object)).toContain('model.shop.current');
    expect((manifest['parent_map'] as Readonly<Record<string, unknown>>)['model.shop.current']).toEqual([
      'model.shop.stg',
    ]);
    const run = await artifact('run_results.json');
    expect(run['metadata']).toMatchObject({ dbt_schema_version: 'https://schemas.getdbt.com/dbt/run-results/v6.json' });
    expect(
      (run['results'] as readonly Readonly<Record<string, unknown>>[]).map(
        ({ unique_id: id, status }) => `${String(id)} ${String(status)}`,
      ),
    ).toEqual([
      'seed.shop.input success',
      'model.shop.stg success',
      'model.shop.current success',
      expect.stringMatching(/^test.shop.not_null_current_id.\w{10} pass$/),
      expect.stringMatching(/^test.shop.unique_current_id.\w{10} pass$/),
    ]);
    expect(await readFile(join(fixture.dir, 'target/compiled/shop/models/current.sql'), 'utf8')).toBe(
      'select * from "analytics"."stg"\n',
    );
    expect(await readFile(join(fixture.dir, 'target/run/shop/models/current.sql'), 'utf8')).toMatch(
      /^begin transaction;\n\ncreate or replace table/,
    );
    expect(await readdir(join(fixture.dir, 'target/runs/run-0'))).toEqual(['manifest.json', 'run_results.json']);
    expect((await readdir(join(fixture.dir, 'target'))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('writes a compiled file again when somebody deleted it, and only then', async () => {
    await runModels('build', {}, around());
    const path = join(fixture.dir, 'target/compiled/shop/models/stg.sql');
    await writeFile(path, 'edited by hand');
    await runModels('build', {}, around());
    expect(await readFile(path, 'utf8')).toBe('edited by hand');
    const { rm } = await import('node:fs/promises');
    await rm(path);
    await runModels('build', {}, around());
    expect(await readFile(path, 'utf8')).toContain('from "analytics"."input"');
  });

  it('ends with 1 and says why when a test fails', async () => {
    await fixture.write({ 'seeds/input.csv': 'id,label\n1,a\n1,b\n' });
    await fixture.write({ 'models/current.sql': "{{ config(materialized='table') }} select * from {{ ref('stg') }}" });
    const result = await runModels('build', {}, around());
    expect(result.exitCode).toBe(1);
    expect(notes.join('\n')).toContain(
      'readers keep the old state, because the data test failed: unique_current_id (1)',
    );
    expect(notes.join('\n')).toContain(
      'hint: Run the query to see the rows: target/compiled/shop/models/schema.yml/unique_current_id.sql',
    );
    expect(result.json).toMatchObject({ errors: [{ code: 'test_failed' }] });
  });

  it('test runs the data tests alone', async () => {
    await runModels('build', {}, around());
    await database.run("insert into analytics.current values (1, 'twice')");
    const result = await runModels('test', { select: ['test_name:unique'] }, around());
    expect(result.exitCode).toBe(1);
    expect(result.json['tests']).toEqual([
      { name: 'unique_current_id', status: 'fail', failures: 1, severity: 'error' },
    ]);
  });

  it('seed loads seeds, run leaves them alone', async () => {
    expect((await runModels('seed', {}, around())).json['models']).toMatchObject([{ name: 'input', rows: 2 }]);
    expect((await runModels('run', {}, around())).json['models']).toMatchObject([{ name: 'stg' }, { name: 'current' }]);
  });

  it('replaces the days that it is given, for models that no job runs', async () => {
    await fixture.write({
      'models/h.sql': `{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by='day') }}
select date '2026-03-01' as day, count(*) as n from {{ ref('input') }}`,
    });
    await runModels('build', {}, around());
    await runModels('seed', {}, around());
    const without = await runModels('run', { select: ['h'] }, around());
    expect(without.json['errors']).toMatchObject([
      { code: 'model_failed', hint: expect.stringContaining('--event-time-start') as string },
    ]);
    const days = { eventTimeStart: '2026-03-01', eventTimeEnd: '2026-03-01' };
    const given = await runModels('run', { select: ['h'], ...days }, around());
    expect(given.json['models']).toMatchObject([{ name: 'h', state: 'done', rows: 1, partitions: ['2026-03-01'] }]);
    await expect(runModels('run', { ...days, eventTimeEnd: '2026-02-30' }, around())).rejects.toThrow(
      /"2026-02-30" is not a day/,
    );
  });

  it('runs models of jobs under the claim of their jobs, and releases it', async () => {
    const log: string[] = [];
    await runModels(
      'build',
      {},
      around({
        claim: (_project, models) => {
          log.push(`claim ${models.join(' ')}`);
          return Promise.resolve({
            hooks: ({ name }) => ({ guard: () => Promise.resolve(void log.push(`guard ${name}`)) }),
            onPublished: ({ name }) => Promise.resolve(void log.push(`published ${name}`)),
            release: () => Promise.resolve(void log.push('release')),
          });
        },
      }),
    );
    expect(log).toEqual([
      'claim stg current',
      'guard input',
      'published input',
      'guard stg',
      'published stg',
      'guard current',
      'published current',
      'release',
    ]);
  });

  it('compile prints the SQL of one model and needs no warehouse', async () => {
    const result = await compileModels({ select: ['current'] }, around());
    expect(results).toEqual(['select * from "analytics"."stg"']);
    expect(result.json['models']).toMatchObject([{ name: 'current', path: 'target/compiled/shop/models/current.sql' }]);
    expect(opened).toBe(0);
  });

  it('compile asks the warehouse where a template does', async () => {
    await fixture.write({
      'models/asks.sql': "select {{ run_query('select 42 as n').rows[0].n if execute else 0 }} as n",
    });
    await compileModels({ select: ['asks'] }, around());
    expect(results).toEqual(['select 42 as n']);
    expect(opened).toBe(1);
  });

  it('ls lists nodes in the form that is asked for', async () => {
    await listNodes({ select: ['tag:staging+'], resourceType: ['model'] }, around());
    expect(results).toEqual(['shop.current', 'shop.stg']);
    results = [];
    await listNodes({ select: ['stg'], resourceType: ['model'], outputFormat: 'path' }, around());
    expect(results).toEqual(['models/stg.sql']);
    await expect(listNodes({ outputFormat: 'jsno' }, around())).rejects.toThrow(/did you mean "json"/);
    await expect(listNodes({ resourceType: ['modle'] }, around())).rejects.toThrow(/did you mean "model"/);
  });

  it('show prints the first rows of a model, or of SQL', async () => {
    await runModels('seed', {}, around());
    results = [];
    const shown = await showModel({ select: ['stg'], limit: 1 }, around()).catch((error: unknown) => error);
    expect(shown).toMatchObject({ exitCode: 0, json: { name: 'stg', rows: [{ id: 1n, label: 'a' }] } });
    expect(results).toEqual(['id  label', ' 1  a']);
    const inline = await showModel({ inline: "select count(*) as n from {{ ref('input') }}" }, around());
    expect(inline.json['rows']).toEqual([{ n: 2n }]);
    await expect(showModel({}, around())).rejects.toThrow(/show takes one model, the selection has 2/);
  });

  it('compile prints the SQL of a query with the names in it resolved', async () => {
    results = [];
    const { json } = await compileModels({ inline: "select * from {{ ref('input') }}" }, around());
    expect(json).toMatchObject({ models: [{ name: null, sql: results.join('\n') }] });
    expect(results.join('\n')).toMatch(/^select \* from ".*"\."input"$/);
  });

  it('parse checks the project and says what it holds', async () => {
    const result = await parseProjectCommand({}, around());
    expect(result.json).toEqual({ nodes: { seed: 1, model: 2, test: 2 } });
    expect(Object.keys((await artifact('manifest.json'))['nodes'] as object)).toHaveLength(5);
    expect(opened).toBe(0);
  });

  it('names the artifact that cannot be written', async () => {
    await mkdir(join(fixture.dir, 'target'), { recursive: true });
    await mkdir(join(fixture.dir, 'target/manifest.json'));
    await expect(parseProjectCommand({}, around())).rejects.toMatchObject({
      code: 'store_failed',
      message: expect.stringContaining('target/manifest.json cannot be written') as string,
    });
  });
});
