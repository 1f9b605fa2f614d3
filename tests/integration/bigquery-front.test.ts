/** The model warehouse as it talks to BigQuery itself, against the strict front: one script job per unit, rolled back as a whole. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectBigQuery } from '../../src/adapters/bigquery/client.ts';
import type { PublishUnit } from '../../src/transform/run/ports.ts';
import { modelWarehouseContract } from '../contract/model-warehouse.ts';
import { behindFront, type Behind } from '../support/bigquery-front/behind.ts';

modelWarehouseContract('BigQuery, behind the strict front', async () => {
  const behind = await behindFront();
  return {
    warehouse: behind.warehouse,
    schema: { schema: 'contract' },
    rollsBack: true,
    guardsFirst: true,
    close: () => behind.close(),
  };
});

describe('a unit', () => {
  let behind: Behind;
  let table: string;
  let tables = 0;

  // One each: whatever an emulator has done makes it slower.
  beforeEach(async () => {
    behind = await behindFront();
    table = `\`ds\`.\`t${String(++tables)}\``;
    await behind.warehouse.execute(`create table ${table} as select 1 as id, 'old' as label`);
    behind.front.resetCounts();
  });
  afterEach(() => behind.close());

  const unit = (parts: Partial<PublishUnit>): PublishUnit => ({
    node: 'm',
    statements: [],
    tests: [],
    marks: [],
    ...parts,
  });
  const counts = (where: string): string =>
    `select count(*) as failures, count(*) > 0 as should_warn, count(*) > 0 as should_error from ${table} where ${where}`;
  const rows = async (): Promise<unknown> =>
    (await behind.warehouse.query(`select id, label from ${table} order by 1, 2`)).rows;

  test('costs three requests, however many statements and tests it has', async () => {
    const statements = [1, 2, 3, 4].map((id) => ({
      sql: `insert into ${table} select ${String(id)}, 'new'`,
      countRows: true,
    }));
    const tests = Array.from({ length: 10 }, (_, index) => ({
      id: String(index),
      severity: 'error' as const,
      sql: counts('id is null'),
    }));
    const outcome = await behind.warehouse.publish(unit({ statements, tests }));
    expect(outcome).toMatchObject({ status: 'published', rows: 4 });
    expect(behind.front.counts()).toEqual({ job_insert: 1, job_results: 1, job_get: 1 });
  });

  test('replaces a table only after its tests have passed; readers keep the old one otherwise', async () => {
    const replace = { sql: `create or replace table ${table} as\nselect 2 as id, 'new' as label`, countRows: true };
    const bad = unit({ statements: [replace], tests: [{ id: 't', severity: 'error', sql: counts('id = 2') }] });
    expect(await behind.warehouse.publish(bad)).toEqual({
      status: 'rejected',
      tests: [{ id: 't', status: 'fail', failures: 1 }],
    });
    expect(await rows()).toEqual([[1n, 'old']]);
    const good = unit({ ...bad, tests: [{ id: 't', severity: 'error', sql: counts('id = 1') }] });
    expect(await behind.warehouse.publish(good)).toEqual({
      status: 'published',
      rows: 1,
      tests: [{ id: 't', status: 'pass', failures: 0 }],
    });
    expect(await rows()).toEqual([[2n, 'new']]);
    expect(await behind.warehouse.relation({ schema: 'ds', name: `t${String(tables)}__sluice_next` })).toBeUndefined();
  });

  test('tests the staging table where the rows wait in one, and replaces from it', async () => {
    const stage = `\`ds\`.\`stage${String(tables)}\``;
    await behind.warehouse.execute(`create or replace table ${stage} as select 3 as id, 'staged' as label`);
    const statements = [{ sql: `create or replace table ${table}\nas\nselect * from ${stage}` }];
    const tests = [{ id: 't', severity: 'error' as const, sql: counts('id <> 3') }];
    expect(await behind.warehouse.publish(unit({ statements, tests }))).toMatchObject({ status: 'published' });
    expect(await rows()).toEqual([[3n, 'staged']]);
    expect(behind.front.jobs.at(-1)?.configuration.query?.query).not.toContain('__sluice_next');
  });

  test('replaces a view by the same rule', async () => {
    const view = `\`ds\`.\`v${String(tables)}\``;
    const build = (id: number, where: string): PublishUnit =>
      unit({
        statements: [{ sql: `create or replace view ${view} as\nselect ${String(id)} as id` }],
        tests: [{ id: 't', severity: 'error', sql: counts(where).replace(table, view) }],
      });
    expect(await behind.warehouse.publish(build(1, 'id = 9'))).toMatchObject({ status: 'published' });
    expect(await behind.warehouse.publish(build(2, 'id = 2'))).toMatchObject({ status: 'rejected' });
    expect((await behind.warehouse.query(`select id from ${view}`)).rows).toEqual([[1n]]);
  });

  test('adds columns before the transaction', async () => {
    const statements = [
      { sql: `alter table ${table} add column more string` },
      { sql: `delete from ${table} where id = 1` },
      { sql: `insert into ${table} (id, label, more) select 5, 'x', 'y'`, countRows: true },
    ];
    expect(await behind.warehouse.publish(unit({ statements }))).toMatchObject({ status: 'published', rows: 1 });
    expect((await behind.warehouse.query(`select id, more from ${table}`)).rows).toEqual([[5n, 'y']]);
  });

  test('takes everything back when a statement in its middle fails', async () => {
    const statements = [
      { sql: `delete from ${table} where true` },
      { sql: `insert into ${table} (id, nope) select 1, 2` },
    ];
    await expect(behind.warehouse.publish(unit({ statements }))).rejects.toMatchObject({
      code: 'model_failed',
      message: expect.stringContaining('nope'),
    });
    expect(await rows()).toEqual([[1n, 'old']]);
  });

  test('is published once when the answer is lost, and when BigQuery breaks it off', async () => {
    const statements = [
      { sql: `insert into ${table} select 7, 'once'` },
      { sql: `insert into ${table} select 8, 'once'` },
    ];
    behind.front.faults.add({ on: 'job_insert', fault: { type: 'lose_response' } });
    await behind.warehouse.publish(unit({ statements }));
    behind.front.faults.add({
      on: 'job_insert',
      fault: { type: 'fail_job', reason: 'backendError', message: 'Retrying may solve the problem.' },
    });
    await behind.warehouse.publish(unit({ statements: [{ sql: `delete from ${table} where id = 1` }] }));
    expect(await rows()).toEqual([
      [7n, 'once'],
      [8n, 'once'],
    ]);
  });

  test('two of its kind over one table follow each other', async () => {
    const work = { sql: `update ${table} set id = id + 1 where true` };
    const both = [1, 2].map(() =>
      behind.warehouse.publish(unit({ statements: [work, { sql: `delete from ${table} where id = 99` }] })),
    );
    expect((await Promise.all(both)).map((outcome) => outcome.status)).toEqual(['published', 'published']);
    expect(await rows()).toEqual([[3n, 'old']]);
  });
});

describe('what the front refuses', () => {
  let behind: Behind;

  beforeAll(async () => {
    behind = await behindFront({ limits: { outstandingDmlPerTable: 1 } });
    const { warehouse } = behind;
    await warehouse.execute('create table ds.target (k string, v int64)');
    await warehouse.execute("create table ds.source as select 'a' as k, 1 as v union all select 'a', 2");
    await warehouse.execute(
      'create table ds.parted (day date, k string) partition by day options (require_partition_filter = true)',
    );
  }, 1_800_000);
  afterAll(() => behind.close());

  const failure = (sql: string): Promise<unknown> =>
    behind.warehouse.execute(sql).then(
      () => 'no failure',
      (error: unknown) => (error instanceof Error ? error.message : error),
    );

  test('two source rows for one target row in MERGE', async () => {
    const merge = `merge into ds.target as t using ds.source as s on t.k = s.k when matched then update set v = s.v when not matched then insert (k, v) values (s.k, s.v)`;
    await behind.warehouse.execute("insert into ds.target select 'a', 0");
    expect(await failure(merge)).toMatch(/at most one source row/);
  });

  test('statements on a table that wants a partition filter and gets none', async () => {
    expect(await failure('delete from ds.parted where true')).toMatch(/without a filter over column\(s\) 'day'/);
    expect(await failure("delete from ds.parted where k = 'a'")).toMatch(/partition elimination/);
    expect(await failure("delete from ds.parted where day in (date '2026-01-01')")).toBe('no failure');
    expect(await failure('select count(*) from ds.parted')).toMatch(/partition elimination/);
  });

  test('changes that are not one transaction', async () => {
    expect(await failure("insert into ds.target select 'b', 1; delete from ds.target where k = 'b'")).toMatch(
      /not one transaction/,
    );
  });

  test('DDL inside a transaction', async () => {
    expect(await failure('begin transaction; create table ds.x (n int64); commit transaction')).toMatch(
      /not supported inside a transaction/,
    );
  });

  test('reserved column names, partition decorators, labels with other characters', async () => {
    expect(await failure('create table ds.y as select 1 as _partition')).toMatch(/Invalid field name "_partition"/);
    const api = await connectBigQuery({
      project: behind.front.project,
      location: 'EU',
      apiEndpoint: behind.front.endpoint,
    });
    const table = { projectId: behind.front.project, datasetId: 'ds', tableId: 'z$20260101' };
    await expect(api.insertTable({ tableReference: table })).rejects.toThrow('partition decorators');
    const query = { query: 'select 1', useLegacySql: false } as const;
    await expect(api.insertJob('labelled', { query, labels: { sluice_job: 'Große Kunden' } })).rejects.toMatchObject({
      status: 400,
    });
    await expect(api.insertJob('not a job id', { query })).rejects.toMatchObject({ status: 400 });
  });

  test('a second job of one id: 409, and nothing runs', async () => {
    const api = await connectBigQuery({
      project: behind.front.project,
      location: 'EU',
      apiEndpoint: behind.front.endpoint,
    });
    const query = { query: "insert into ds.target select 'twice', 1", useLegacySql: false } as const;
    await api.insertJob('same', { query });
    await expect(api.insertJob('same', { query })).rejects.toMatchObject({ status: 409, reason: 'duplicate' });
    await Promise.all(behind.front.jobs.map((job) => job.done));
    expect((await behind.warehouse.query("select count(*) from ds.target where k = 'twice'")).rows).toEqual([[1n]]);
  });

  test('looking for a job in another location', async () => {
    const api = await connectBigQuery({
      project: behind.front.project,
      location: 'US',
      apiEndpoint: behind.front.endpoint,
    });
    await expect(api.getJob('same')).rejects.toMatchObject({ status: 404 });
  });
});
