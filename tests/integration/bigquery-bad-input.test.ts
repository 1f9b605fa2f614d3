/**
 * What goes wrong at BigQuery, one after the other on one job: each is told with its code and what to do, ends with exit code 1, loses nothing,
 * and is gone after what the message says. Expected rows are written down by hand.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorReport } from '../../src/pipeline/request.ts';
import type { Fault, FrontCall } from '../support/bigquery-front/faults.ts';
import { FrontProject } from '../support/bigquery-front/front-project.ts';

let project: FrontProject;
/** Each event is an hour later than the one before. */
let hour = 0;

beforeAll(async () => {
  project = await FrontProject.start();
  await event('A');
  expect((await hourly()).errors).toEqual([]);
}, 1_800_000);
afterAll(() => project[Symbol.asyncDispose]());

const time = (minute: number): string => new Date(Date.UTC(2026, 2, 1, hour, minute)).toISOString();

async function event(order: string): Promise<void> {
  hour++;
  await project.produce({ order_number: order, changed_at: time(0), change: 'changed', channel: 'web' });
}

async function hourly(more: Partial<Parameters<FrontProject['run']>[0]> = {}): ReturnType<FrontProject['run']> {
  return project.run({ logicalTime: time(30), ...more });
}

async function orders(): Promise<string> {
  return (await project.rows("select order_number from shop.current_order where channel = 'web'")).join('');
}

const isLoadOf =
  (table: string) =>
  (call: FrontCall): boolean =>
    call.kind === 'job_insert' && JSON.stringify(call.body).includes(`"tableId":"${table}"`);
const publishes = (call: FrontCall): boolean =>
  call.kind === 'job_insert' && /merge into `[^`]+`\.`shop`\.`current_order`/.test(JSON.stringify(call.body));

it('carries the settings of the target on every job', async () => {
  const before = project.front.jobs.length;
  await event('B');
  const settings = { maximumBytesBilled: 123_456_789, priority: 'batch', jobTimeoutMs: 600_000 } as const;
  expect(await project.run({ logicalTime: time(30) }, settings)).toMatchObject({ exitCode: 0, errors: [] });
  const jobs = project.front.jobs.slice(before);
  expect(jobs.length).toBeGreaterThan(5);
  for (const { configuration, location } of jobs) {
    expect(location).toBe('EU');
    expect(configuration.jobTimeoutMs).toBe('600000');
    expect(configuration.labels).toMatchObject({ sluice_job: 'order', sluice_batch: expect.any(String) });
    if (configuration.load === undefined)
      expect(configuration.query).toMatchObject({ maximumBytesBilled: '123456789', priority: 'BATCH' });
  }
});

describe('what BigQuery refuses', () => {
  const cases: readonly {
    readonly name: string;
    readonly on: (call: FrontCall) => boolean;
    readonly fault: Fault;
    readonly times?: number;
    readonly error: Partial<Record<keyof ErrorReport, unknown>>;
  }[] = [
    {
      name: 'a permission on one raw table',
      on: isLoadOf('raw_order_stream'),
      fault: {
        type: 'refuse',
        status: 403,
        reason: 'accessDenied',
        message:
          'Access Denied: Table p:shop_raw.raw_order_stream: Permission bigquery.tables.updateData denied on table',
      },
      error: {
        code: 'warehouse_denied',
        message: expect.stringContaining('raw_order_stream'),
        hint: expect.stringContaining('roles/bigquery.dataEditor on the dataset'),
      },
    },
    {
      name: 'a bucket and a dataset in different locations',
      on: isLoadOf('raw_order_stream'),
      fault: {
        type: 'fail_job',
        reason: 'invalid',
        message: 'Cannot read and write in different locations: source: US, destination: EU',
      },
      error: {
        code: 'warehouse_location',
        hint: expect.stringContaining('put the bucket and the datasets into that location'),
      },
    },
    {
      name: 'a load whose rows do not fit the schema',
      on: isLoadOf('raw_order_stream'),
      fault: {
        type: 'fail_job',
        reason: 'invalid',
        message:
          'Error while reading data, error message: JSON parsing error in row starting at position 0: Could not convert value to integer. Field: _offset; Value: x',
      },
      error: {
        code: 'load_failed',
        message: expect.stringMatching(/load order-0+\d+ into .*raw_order_stream.*Field: _offset/),
      },
    },
    {
      name: 'a quota that is used up',
      on: publishes,
      fault: {
        type: 'fail_job',
        reason: 'quotaExceeded',
        message: 'Quota exceeded: Your project exceeded quota for total number of dml jobs writing to a table',
      },
      error: { code: 'warehouse_quota', hint: expect.stringContaining('Wait until the quota is free again') },
    },
    {
      name: 'more bytes than the target allows',
      on: publishes,
      fault: {
        type: 'refuse',
        status: 400,
        reason: 'bytesBilledLimitExceeded',
        message: 'Query exceeded limit for bytes billed: 1000. 10485760 or higher required.',
      },
      error: { code: 'warehouse_quota', hint: expect.stringContaining('Raise maximum_bytes_billed') },
    },
    {
      name: 'a job that an admin cancels',
      on: publishes,
      fault: { type: 'cancel_job' },
      error: { code: 'warehouse_cancelled', hint: expect.stringContaining('Run again: nothing of it stays') },
    },
    {
      name: 'a project that does not exist',
      on: ({ kind }) => kind === 'job_insert' || kind === 'query' || kind === 'table_get',
      times: 1000,
      fault: { type: 'refuse', status: 404, reason: 'notFound', message: 'Not found: Project no-such-project' },
      error: { code: 'warehouse_missing', hint: expect.stringContaining('Check BIGQUERY_PROJECT') },
    },
    {
      name: 'credentials',
      on: () => true,
      times: 1000,
      fault: {
        type: 'refuse',
        status: 401,
        reason: 'authError',
        message: 'Request had invalid authentication credentials.',
      },
      error: { code: 'warehouse_auth', hint: expect.stringContaining('gcloud auth application-default login') },
    },
  ];

  it.each(cases)('is told, and the next run goes on: $name', async ({ on, fault, times = 1, error }) => {
    const before = await orders();
    const name = String.fromCharCode(before.charCodeAt(before.length - 1) + 1);
    await event(name);
    project.front.faults.add({ on, fault, times });
    const broken = await hourly();
    project.front.faults.clear();
    expect(broken.exitCode).toBe(1);
    expect(broken.errors).toEqual(expect.arrayContaining([expect.objectContaining(error)]));
    // Landing is not held up by the warehouse: the record is safe.
    expect(broken.steps[0]).toMatchObject({ name: 'land', state: 'done', rows: 1 });
    expect(await hourly()).toMatchObject({ exitCode: 0, errors: [] });
    expect(await orders()).toBe(before + name);
  });
});

describe('a table that somebody changed by hand', () => {
  const p = (name: string): string => `shop.${name}`;
  const change = (sql: string): Promise<void> => project.warehouse((models) => models.execute(sql));

  const cases: readonly { readonly name: string; readonly sql: readonly string[]; readonly says: RegExp }[] = [
    {
      name: 'a column of a raw table is gone',
      sql: ['alter table shop_raw.raw_order_stream drop column value'],
      says: /raw_order_stream is not as sluice created it: column value is missing/,
    },
    {
      name: 'a column of a published table is gone',
      sql: [`alter table ${p('current_order')} drop column channel`],
      says: /Name channel not found.*current_order` is not as the model builds it: column channel is missing/,
    },
    {
      name: 'a column of a published table has another type',
      sql: [
        `create or replace table ${p('current_order')}\ncluster by order_number as select * replace (1 as channel) from ${p('current_order')}`,
      ],
      says: /column channel is INT64, the model gives STRING/,
    },
    {
      name: 'a published table has other partitions',
      sql: [
        'create table shop.aside as select * from shop.history_order',
        `drop table ${p('history_order')}`,
        `create table ${p('history_order')}\npartition by date_trunc(day, month)\ncluster by order_number as select * from shop.aside`,
        'drop table shop.aside',
      ],
      says: /history_order` is partitioned by month of day, the model says partitioned by day of day/,
    },
  ];

  it.each(cases)('is named with what differs, and healed by what the message says: $name', async ({ sql, says }) => {
    const before = await orders();
    for (const statement of sql) await change(statement);
    const name = String.fromCharCode(before.charCodeAt(before.length - 1) + 1);
    await event(name);
    const broken = await hourly();
    expect(broken.exitCode).toBe(1);
    const found = broken.errors.find(({ code }) => code === 'table_changed');
    expect(`${found?.message ?? JSON.stringify(broken.errors)} ${found?.hint ?? ''}`).toMatch(says);
    expect(`${found?.message ?? ''} ${found?.hint ?? ''}`).toContain('--full-refresh');
    expect(await hourly({ fullRefresh: true })).toMatchObject({ exitCode: 0, errors: [] });
    expect(await orders()).toBe(before + name);
    expect(await hourly()).toMatchObject({ exitCode: 0, errors: [] });
  });
});

it('says that a table is clustered otherwise than its model, and what heals it, but goes on', async () => {
  const before = await orders();
  for (const sql of [
    'create table shop.aside as select * from shop.current_order',
    'drop table shop.current_order',
    'create table shop.current_order\ncluster by channel as select * from shop.aside',
    'drop table shop.aside',
  ])
    await project.warehouse((models) => models.execute(sql));
  const name = String.fromCharCode(before.charCodeAt(before.length - 1) + 1);
  await event(name);
  const told = await hourly();
  expect(told).toMatchObject({ exitCode: 0, errors: [] });
  expect(told.warnings).toEqual([
    expect.stringMatching(
      /current_order` is clustered by channel, the model says clustered by order_number; to rebuild it so: sluice run --select current_order --full-refresh/,
    ),
  ]);
  expect(await orders()).toBe(before + name);
  expect(await hourly({ fullRefresh: true })).toMatchObject({ exitCode: 0, errors: [] });
  await event(String.fromCharCode(name.charCodeAt(0) + 1));
  expect(await hourly()).toMatchObject({ exitCode: 0, errors: [], warnings: [] });
});

it('keeps readers on a table of which the rebuilt one is much smaller, until that is accepted', async () => {
  const before = await orders();
  await project.warehouse((models) =>
    models.execute(
      `insert into shop.current_order (order_number, channel) select concat('X', cast(n as string)), 'hand' from unnest(generate_array(1, 40)) as n`,
    ),
  );
  const count = async (): Promise<number> =>
    Number((await project.rows('select count(*) from shop.current_order'))[0] ?? 0);
  const refused = await hourly({ fullRefresh: true });
  expect(refused).toMatchObject({ exitCode: 1, errors: [{ code: 'shrink_guard' }] });
  expect(refused.errors[0]?.message).toMatch(/current_order \d+ -> \d+ rows/);
  expect(await count()).toBe(before.length + 40);
  expect(await hourly({ fullRefresh: true, acceptShrink: true })).toMatchObject({ exitCode: 0, errors: [] });
  expect(await count()).toBe(before.length);
  expect(await orders()).toBe(before);
});
