/** The way of a model on a warehouse that stages outside of its transaction (BigQuery), seen from the port. */
import { afterEach, describe, expect, it } from 'vitest';
import {
  planRun,
  runPlan,
  type ModelWarehouse,
  type PublishUnit,
  type RunResult,
} from '../../../src/transform/index.ts';
import { SluiceError } from '../../../src/core/errors.ts';
import { modelProject, type ProjectFixture } from '../../support/model-project.ts';

let fixture: ProjectFixture | undefined;
afterEach(async () => {
  await fixture?.dispose();
  fixture = undefined;
});

const COLUMNS = [
  { name: 'id', type: 'INT64' },
  { name: 'label', type: 'STRING' },
];
const clock = { now: () => 0, monotonic: () => 0 };

async function run(
  sql: string,
  { publish, isThere = true }: { readonly publish?: (unit: PublishUnit) => void; readonly isThere?: boolean } = {},
): Promise<{ readonly calls: readonly string[]; readonly result: RunResult }> {
  fixture = await modelProject({ 'models/m.sql': sql });
  const calls: string[] = [];
  const relation = { database: 'p', schema: 'analytics', name: 'm' };
  const warehouse: ModelWarehouse = {
    dialect: 'bigquery',
    relation: () => Promise.resolve(undefined),
    relations: () => Promise.resolve(isThere ? [{ relation, kind: 'table', columns: COLUMNS }] : []),
    describe: () => Promise.resolve(COLUMNS),
    query: (text) => {
      calls.push(`query ${text}`);
      return Promise.resolve({ columns: [], rows: [[3n, 17n]] });
    },
    execute: (text) => {
      calls.push(`execute ${text.split('\n')[0] ?? ''}`);
      return Promise.resolve();
    },
    publish: (unit) => {
      calls.push(`publish ${unit.statements.map(({ sql: text }) => text).join('; ')}`);
      publish?.(unit);
      return Promise.resolve({ status: 'published', rows: 1, tests: [] });
    },
    close: () => Promise.resolve(),
  };
  const project = await fixture.compile({ target: { type: 'bigquery', database: 'p' } });
  return { calls, result: await runPlan(project, planRun(project, { command: 'run' }), warehouse, { clock }) };
}

const MERGE =
  "{{ config(materialized='incremental', unique_key='id', cluster_by=['id']) }} select 1 as id, 'a' as label";

describe('staging outside of the transaction', () => {
  it('stages, reads the bounds of the keys, merges within them, drops the staging table', async () => {
    const { calls, result } = await run(MERGE);
    expect(result.ok).toBe(true);
    expect(calls).toEqual([
      'execute create or replace table `p`.`analytics`.`m__sluice_stage`',
      'query select min(`id`), max(`id`) from `p`.`analytics`.`m__sluice_stage`',
      expect.stringMatching(/^publish select case when .*DBT_INTERNAL_DEST.`id` between 3 and 17/s),
      'execute drop table if exists `p`.`analytics`.`m__sluice_stage`',
    ]);
    expect(calls[2]).not.toMatch(/create or replace|drop table/);
  });

  it('drops the staging table when publishing fails', async () => {
    const { calls, result } = await run(MERGE, {
      publish: () => {
        throw new SluiceError('model_failed', 'no');
      },
    });
    expect(result.nodes[0]).toMatchObject({ state: 'failed', error: { code: 'model_failed' } });
    expect(calls.at(-1)).toBe('execute drop table if exists `p`.`analytics`.`m__sluice_stage`');
  });

  it('merges without bounds where the target is not clustered by its key', async () => {
    const { calls } = await run(MERGE.replace("['id']", "['label']"));
    expect(calls.filter((call) => call.startsWith('query'))).toEqual([]);
    expect(calls.join('\n')).not.toContain('between');
  });

  it('makes the schema only where nothing of it is there yet', async () => {
    const { calls } = await run('select 1 as id', { isThere: false });
    expect(calls[0]).toBe('execute create schema if not exists `p`.`analytics`');
  });

  it('publishes a view in one statement', async () => {
    const { calls } = await run('select 1 as id');
    expect(calls).toEqual([
      'publish drop table `p`.`analytics`.`m`; create or replace view `p`.`analytics`.`m` as\nselect 1 as id',
    ]);
  });
});
