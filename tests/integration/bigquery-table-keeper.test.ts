/**
 * What a table keeps when it is built anew or replaced, against the strict front: it knows BigQuery's rules of what `create or replace` and
 * `copy` take along, which the emulator does not.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectBigQuery, type BigQueryApi } from '../../src/adapters/bigquery/client.ts';
import type { TableReference } from '../../src/adapters/bigquery/rest-types.ts';
import { dialectOf } from '../../src/transform/sql/dialects/index.ts';
import { keptRelation, restoreStatements, swapStatements, type Swap } from '../../src/transform/sql/swap.ts';
import { behindFront, type Behind } from '../support/bigquery-front/behind.ts';

const PII = 'projects/p/locations/eu/taxonomies/1/policyTags/1';
const OTHER = 'projects/p/locations/eu/taxonomies/1/policyTags/2';
const READERS = { bindings: [{ role: 'roles/bigquery.dataViewer', members: ['group:crm@example.com'] }] };
const dialect = dialectOf('bigquery');

let behind: Behind;
let api: BigQueryApi;

// One each: whatever an emulator has done makes it slower.
beforeEach(async () => {
  behind = await behindFront();
  api = await connectBigQuery({ project: behind.front.project, location: 'EU', apiEndpoint: behind.front.endpoint });
});
afterEach(() => behind.close());

function reference(tableId: string): TableReference {
  return { projectId: behind.front.project, datasetId: 'ds', tableId };
}

function named(name: string): { readonly database: string; readonly schema: string; readonly name: string } {
  return { database: behind.front.project, schema: 'ds', name };
}

const text = (name: string): string => dialect.relation(named(name));

/** A table in use, with all that people put onto one. */
async function tableInUse(name: string, clauses = ''): Promise<void> {
  await behind.warehouse.execute(
    `create table ${text(name)}${clauses} as select 1 as id, 'a' as email, date '2026-03-01' as day`,
  );
  const table = await api.getTable(reference(name));
  await api.patchTable(reference(name), {
    description: 'Customers',
    labels: { team: 'crm' },
    expirationTime: '4102444800000',
    schema: {
      fields: (table.schema?.fields ?? []).map((field) =>
        field.name === 'email' ? { ...field, description: 'By hand', policyTags: { names: [PII] } } : field,
      ),
    },
  });
  await api.setIamPolicy(reference(name), READERS);
}

async function swapOf(name: string): Promise<Swap> {
  const existing = await behind.warehouse.relation(named(name));
  const columns = ['id', 'email', 'day'];
  const comments = { relation: null, columns: [{ name: 'id', comment: 'The key' }] };
  return { real: named(name), aside: named(`${name}__rebuild`), viewSelect: null, existing, columns, comments };
}

async function publish(statements: readonly string[]): Promise<void> {
  const unit = { node: 'refresh', statements: statements.map((sql) => ({ sql })), tests: [], marks: [] };
  expect(await behind.warehouse.publish(unit)).toMatchObject({ status: 'published' });
}

const rows = async (name: string): Promise<unknown> =>
  (await behind.warehouse.query(`select id, email from ${text(name)} order by 1`)).rows;

describe('a table that a refresh replaces', () => {
  test('keeps description, labels, expiration, clusters, descriptions and tags of columns, and grants', async () => {
    await tableInUse('t', '\ncluster by id');
    await behind.warehouse.execute(
      `create table ${text('t__rebuild')} as select 2 as id, 'b' as email, date '2026-03-02' as day`,
    );
    await publish(swapStatements(dialect, [await swapOf('t')]));
    expect(await rows('t')).toEqual([[2n, 'b']]);
    const table = await api.getTable(reference('t'));
    expect(table).toMatchObject({
      description: 'Customers',
      labels: { team: 'crm' },
      expirationTime: '4102444800000',
      clustering: { fields: ['id'] },
    });
    expect(table.schema?.fields).toMatchObject([
      { name: 'id', description: 'The key' },
      { name: 'email', description: 'By hand', policyTags: { names: [PII] } },
      { name: 'day' },
    ]);
    expect(await api.getIamPolicy(reference('t'))).toMatchObject(READERS);
  });

  test('has its policy tags in the moment in which it is replaced: they are on the copy before', async () => {
    await tableInUse('t');
    await behind.warehouse.execute(
      `create table ${text('t__rebuild')} as select 2 as id, 'b' as email, date '2026-03-02' as day`,
    );
    behind.front.faults.add({
      on: 'job_insert',
      fault: { type: 'fail_job', reason: 'invalidQuery', message: 'stopped' },
    });
    await expect(publish(swapStatements(dialect, [await swapOf('t')]))).rejects.toMatchObject({ code: 'model_failed' });
    const { schema } = await api.getTable(reference('t__rebuild'));
    expect(schema?.fields?.[1]).toMatchObject({ policyTags: { names: [PII] } });
    expect(await rows('t')).toEqual([[1n, 'a']]);
  });

  test('with other partitions is dropped first, and has its grants again', async () => {
    await tableInUse('t', '\npartition by day');
    await behind.warehouse.execute(
      `create table ${text('t__rebuild')}\npartition by date_trunc(day, month) as select 2 as id, 'b' as email, date '2026-03-02' as day`,
    );
    await publish(swapStatements(dialect, [await swapOf('t')]));
    expect(await rows('t')).toEqual([[2n, 'b']]);
    expect(await api.getTable(reference('t'))).toMatchObject({ timePartitioning: { type: 'MONTH', field: 'day' } });
    expect(await api.getIamPolicy(reference('t'))).toMatchObject(READERS);
    expect(behind.front.jobs.at(-1)?.configuration.query?.query).toContain(`drop table if exists ${text('t')};`);
  });

  test('by a model with other partitions has its grants, labels and tags again as well', async () => {
    await tableInUse('t', '\npartition by day');
    const create = `create or replace table ${text('t')}\npartition by date_trunc(\`day\`, month)\nas\nselect 2 as id, 'b' as email, date '2026-03-02' as day`;
    await publish([`drop table ${text('t')}`, create]);
    expect(await rows('t')).toEqual([[2n, 'b']]);
    const table = await api.getTable(reference('t'));
    expect(table).toMatchObject({ labels: { team: 'crm' }, timePartitioning: { type: 'MONTH', field: 'day' } });
    expect(table.schema?.fields?.[1]).toMatchObject({ policyTags: { names: [PII] } });
    expect(await api.getIamPolicy(reference('t'))).toMatchObject(READERS);
  });

  test('that loses its grants for good is a failure that names them', async () => {
    await tableInUse('t', '\npartition by day');
    await behind.warehouse.execute(
      `create table ${text('t__rebuild')} as select 2 as id, 'b' as email, date '2026-03-02' as day`,
    );
    behind.front.faults.add({ on: 'table_policy_set', fault: { type: 'refuse', status: 403, reason: 'accessDenied' } });
    await expect(publish(swapStatements(dialect, [await swapOf('t')]))).rejects.toMatchObject({
      code: 'warehouse_denied',
      message: expect.stringContaining('roles/bigquery.dataViewer to group:crm@example.com'),
      hint: expect.stringContaining('bigquery.tables.setIamPolicy'),
    });
  });

  test('with row access policies is left alone: without them everybody would see every row', async () => {
    await tableInUse('t');
    behind.front.tables?.setRowPolicies(reference('t'), ['only_hamburg']);
    await behind.warehouse.execute(
      `create table ${text('t__rebuild')} as select 2 as id, 'b' as email, date '2026-03-02' as day`,
    );
    await expect(publish(swapStatements(dialect, [await swapOf('t')]))).rejects.toMatchObject({
      code: 'table_changed',
      message: expect.stringContaining('row access policies (only_hamburg)'),
    });
    expect(await rows('t')).toEqual([[1n, 'a']]);
  });

  test('is kept for a while, and comes back as it was, without the expiration of the copy', async () => {
    await tableInUse('t');
    await behind.warehouse.execute(
      `create table ${text('t__rebuild')} as select 2 as id, 'b' as email, date '2026-03-02' as day`,
    );
    await publish(swapStatements(dialect, [await swapOf('t')], { hours: 168, refresh: 'run-7' }));
    expect(await rows('t')).toEqual([[2n, 'b']]);
    const kept = await behind.warehouse.relation(keptRelation(named('t')));
    expect(kept?.labels).toEqual({ sluice_refresh: 'run-7' });
    expect(Number((await api.getTable(reference('t__sluice_previous'))).expirationTime)).toBeGreaterThan(Date.now());

    const { free, put } = restoreStatements(dialect, named('t'));
    await behind.warehouse.execute(free);
    await publish(put);
    expect(await rows('t')).toEqual([[1n, 'a']]);
    const table = await api.getTable(reference('t'));
    expect(table).toMatchObject({ description: 'Customers', labels: { team: 'crm' }, expirationTime: '4102444800000' });
    expect(table.schema?.fields?.[1]).toMatchObject({ policyTags: { names: [PII] } });
    expect(await api.getIamPolicy(reference('t'))).toMatchObject(READERS);
    expect(await behind.warehouse.relation(keptRelation(named('t')))).toBeUndefined();
  });
});

describe('policy tags of a model', () => {
  const tagged = { relation: { schema: '', name: '' }, columns: { email: [OTHER] } };
  const unit = (statements: readonly { readonly sql: string }[]): Parameters<Behind['warehouse']['publish']>[0] => ({
    node: 'm',
    statements,
    tests: [
      {
        id: 't',
        severity: 'error',
        sql: `select count(*) as failures, false as should_warn, count(*) > 5 as should_error from ${text('t')}`,
      },
    ],
    marks: [],
    policyTags: { ...tagged, relation: named('t') },
  });
  const tagsOf = async (name: string): Promise<unknown> =>
    (await api.getTable(reference(name))).schema?.fields?.map((field) => field.policyTags?.names ?? null);

  test('stand on a new table before anybody can read it', async () => {
    const create = `create or replace table ${text('t')} as\nselect 1 as id, 'a' as email`;
    expect(await behind.warehouse.publish(unit([{ sql: create }]))).toMatchObject({ status: 'published' });
    expect(await tagsOf('t')).toEqual([null, [OTHER]]);
    // Two jobs, and the tags in between: the table itself is made by the second.
    const [first, second] = behind.front.jobs.slice(-2).map((job) => job.configuration.query?.query ?? '');
    expect(first).not.toContain(`table ${text('t')}`);
    expect(second).toContain(`create or replace table ${text('t')} copy`);
  });

  test('come onto a column that is added before it has values', async () => {
    await behind.warehouse.execute(`create table ${text('t')} as select 1 as id`);
    const statements = [
      { sql: `alter table ${text('t')} add column if not exists email string` },
      { sql: `insert into ${text('t')} (id, email) select 2, 'b'` },
    ];
    expect(await behind.warehouse.publish(unit(statements))).toMatchObject({ status: 'published' });
    expect(await tagsOf('t')).toEqual([null, [OTHER]]);
    const [first, second] = behind.front.jobs.slice(-2).map((job) => job.configuration.query?.query ?? '');
    expect(first).toContain('add column');
    expect(second).not.toContain('add column');
    expect(second).toContain('insert into');
  });
});

test('a table that wants a partition filter is tested and counted all the same, and wants it afterwards', async () => {
  const options = "options (require_partition_filter = true, labels = [('team', 'crm')])";
  const create = `create or replace table ${text('t')}\npartition by \`day\`\n${options}\nas\nselect date '2026-03-01' as day, 1 as id`;
  const count = `select count(*) as failures, false as should_warn, count(*) > 5 as should_error from ${text('t')}`;
  const outcome = await behind.warehouse.publish({
    node: 'm',
    statements: [{ sql: create, countRows: true }],
    tests: [{ id: 't', severity: 'error', sql: count }],
    marks: [],
  });
  expect(outcome).toMatchObject({ status: 'published', rows: 1, tests: [{ failures: 1, status: 'pass' }] });
  await expect(behind.warehouse.query(`select count(*) from ${text('t')}`)).rejects.toThrow(
    /without a filter over column/,
  );
  expect(await api.getTable(reference('t'))).toMatchObject({ requirePartitionFilter: true, labels: { team: 'crm' } });
});

test('descriptions of a table with many columns are one change of its metadata', async () => {
  const columns = Array.from({ length: 12 }, (_, index) => `c${String(index)}`);
  await behind.warehouse.execute(
    `create table ${text('wide')} as select ${columns.map((name) => `1 as ${name}`).join(', ')}`,
  );
  behind.front.resetCounts();
  await publish([
    dialect.commentOnRelation('table', named('wide'), "It's wide"),
    ...columns.map((name) => dialect.commentOnColumn('table', named('wide'), name, `About "${name}" \\ and more`)),
  ]);
  expect(behind.front.counts()).toEqual({ table_get: 1, table_patch: 1 });
  const info = await behind.warehouse.relation(named('wide'));
  expect(info?.comment).toBe("It's wide");
  expect(info?.columns.map(({ comment }) => comment)).toEqual(columns.map((name) => `About "${name}" \\ and more`));
});
