/** Storage settings as dbt-bigquery names them: what the DDL says, and that every mistake is told with its place. */
import { afterEach, describe, expect, it } from 'vitest';
import { isSluiceError } from '../../../src/core/errors.ts';
import { buildTable } from '../../../src/transform/sql/strategies/table.ts';
import { dialectOf } from '../../../src/transform/sql/dialects/index.ts';
import type { ModelNode } from '../../../src/transform/compile/node.ts';
import { modelProject, tree, type ProjectFixture } from '../../support/model-project.ts';

let fixture: ProjectFixture | undefined;
afterEach(async () => {
  await fixture?.dispose();
  fixture = undefined;
});

type Warehouse = 'duckdb' | 'bigquery';
const BIGQUERY = { type: 'bigquery', database: 'p', schema: 'ds', rawSchema: 'ds_raw' } as const;

async function model(config: string, warehouse: Warehouse = 'bigquery', yaml?: string): Promise<ModelNode> {
  fixture = await modelProject({
    'models/m.sql': `{{ config(materialized='table', ${config}) }}\nselect 1 as id`,
    ...(yaml === undefined ? {} : { 'models/m.yml': yaml }),
  });
  const project = await fixture.compile({ target: warehouse === 'bigquery' ? BIGQUERY : { type: 'duckdb' } });
  const node = project.nodes.get('model.shop.m');
  if (node?.kind !== 'model') throw new Error('no model');
  return node;
}

async function ddl(config: string, warehouse: Warehouse = 'bigquery'): Promise<string> {
  const node = await model(config, warehouse);
  const script = buildTable({
    dialect: dialectOf(warehouse),
    target: { schema: 'ds', name: 'm' },
    select: 'select 1 as id',
    options: node.config.build,
    existing: undefined,
  });
  return script.change.map(({ sql }) => sql).join(';\n');
}

async function mistake(config: string, warehouse: Warehouse = 'bigquery', yaml?: string): Promise<string> {
  const error: unknown = await model(config, warehouse, yaml).then(
    () => 'it compiled',
    (thrown: unknown) => thrown,
  );
  if (!isSluiceError(error, 'compile_error')) throw new Error(`no compile error: ${String(error)}`);
  expect(error.exitCode).toBe(2);
  await fixture?.dispose();
  fixture = undefined;
  return error.message;
}

describe('partitions', () => {
  it.each([
    ["'day'", 'partition by `day`\n'],
    ["{'field': 'day'}", 'partition by `day`\n'],
    ["{'field': 'd', 'data_type': 'date', 'granularity': 'month'}", 'partition by date_trunc(`d`, month)\n'],
    ["{'field': 't', 'data_type': 'timestamp', 'granularity': 'hour'}", 'partition by timestamp_trunc(`t`, hour)\n'],
    ["{'field': 't', 'data_type': 'TIMESTAMP', 'granularity': 'DAY'}", 'partition by timestamp_trunc(`t`, day)\n'],
    ["{'field': 't', 'data_type': 'datetime', 'granularity': 'year'}", 'partition by datetime_trunc(`t`, year)\n'],
    [
      "{'field': 'id', 'data_type': 'int64', 'range': {'start': 0, 'end': 100, 'interval': 10}}",
      'partition by range_bucket(`id`, generate_array(0, 100, 10))\n',
    ],
    ["{'field': 'day', 'time_ingestion_partitioning': false, 'copy_partitions': false}", 'partition by `day`\n'],
  ])('by %s', async (partition, clause) => {
    expect(await ddl(`partition_by=${partition}`)).toContain(clause);
    expect(await ddl(`partition_by=${partition}`, 'duckdb')).not.toContain('partition by');
  });

  it.each([
    [
      "{'field': 'd', 'granularty': 'day'}",
      /models\/m\.sql:1:1: .*partition_by: does not know "granularty".*"granularity"/,
    ],
    ["{'fild': 'd'}", /does not know "fild".*"field"/],
    ["{'data_type': 'date'}", /'field' is missing/],
    ['7', /expected a map with 'field'/],
    [
      "{'field': 'd', 'data_type': 'dat'}",
      /data_type came "dat", expected one of date, timestamp, datetime, int64.*"date"/,
    ],
    ["{'field': 'd', 'granularity': 'week'}", /granularity came "week", expected one of hour, day, month, year/],
    ["{'field': 'd', 'data_type': 'date', 'granularity': 'hour'}", /a date has no hours/],
    ["{'field': 'i', 'data_type': 'int64'}", /'range' needs whole numbers/],
    [
      "{'field': 'i', 'data_type': 'int64', 'range': {'start': 9, 'end': 1, 'interval': 1}}",
      /'range' needs whole numbers/,
    ],
    [
      "{'field': 'i', 'data_type': 'int64', 'range': {'start': 0, 'end': 100000, 'interval': 1}}",
      /makes 100000 partitions, BigQuery has at most 10000/,
    ],
    [
      "{'field': 'i', 'data_type': 'int64', 'granularity': 'day', 'range': {'start': 0, 'end': 9, 'interval': 1}}",
      /'granularity' belongs to dates and times/,
    ],
    ["{'field': 'd', 'range': {'start': 0, 'end': 9, 'interval': 1}}", /belongs to data_type int64/],
    [
      "{'field': 'd', 'time_ingestion_partitioning': true}",
      /ingestion time is not supported: it puts a row where it was written/,
    ],
    ["{'field': '_PARTITIONTIME', 'data_type': 'timestamp'}", /ingestion time is not supported/],
    ["{'field': 'd', 'copy_partitions': true}", /copy_partitions is not supported: .*some days new and some old/],
  ])('refuse %s', async (partition, says) => {
    expect(await mistake(`partition_by=${partition}`)).toMatch(says);
    expect(await mistake(`partition_by=${partition}`, 'duckdb')).toMatch(says);
  });
});

describe('options', () => {
  it('stand in the DDL on BigQuery and mean nothing on DuckDB', async () => {
    const config = `partition_by='day', cluster_by=['a', 'b'], require_partition_filter=true, partition_expiration_days=30,
      hours_to_expiration=48, labels={'team': 'crm', 'größe': ''}, kms_key_name='projects/p/locations/eu/keyRings/r/cryptoKeys/k'`;
    const sql = await ddl(config);
    expect(sql).toContain('cluster by `a`, `b`\n');
    for (const option of [
      'require_partition_filter = true',
      'partition_expiration_days = 30',
      "kms_key_name = 'projects/p/locations/eu/keyRings/r/cryptoKeys/k'",
      'expiration_timestamp = timestamp_add(current_timestamp(), interval 48 hour)',
      "labels = [('team', 'crm'), ('größe', '')]",
    ])
      expect(sql).toContain(option);
    expect(await ddl(config, 'duckdb')).not.toMatch(/options|cluster|partition/);
  });

  it.each([
    ["cluster_by=['a', 'b', 'c', 'd', 'e']", /cluster_by: names 5 columns, BigQuery clusters by at most 4/],
    ["cluster_by=['a', 'A']", /cluster_by: names "A" twice/],
    ['require_partition_filter=true', /require_partition_filter: needs partition_by/],
    [
      "require_partition_filter='maybe', partition_by='day'",
      /require_partition_filter: came "maybe", expected true or false/,
    ],
    ['partition_expiration_days=3', /partition_expiration_days: needs partition_by/],
    ["partition_expiration_days=0, partition_by='day'", /came 0, expected a whole number of 1 or more/],
    [
      "partition_expiration_days=3, partition_by={'field': 'i', 'data_type': 'int64', 'range': {'start': 0, 'end': 9, 'interval': 1}}",
      /belongs to partitions by time/,
    ],
    ["hours_to_expiration='soon'", /hours_to_expiration: came "soon", expected a whole number/],
    ["labels={'Team': 'crm'}", /labels: "Team" cannot be a label/],
    ["labels={'team': 'CRM Süd'}", /labels: "team" has the value "CRM Süd"/],
    ["kms_key_name='my-key'", /kms_key_name: came "my-key", expected projects\/<project>/],
    ["cluster_bye=['a']", /unknown setting "cluster_bye".*"cluster_by"/],
    ['partition_expiraton_days=3', /unknown setting "partition_expiraton_days".*"partition_expiration_days"/],
  ])('refuse %s', async (config, says) => {
    expect(await mistake(config)).toMatch(says);
    expect(await mistake(config, 'duckdb')).toMatch(/models\/m\.sql:1/);
  });

  it('of a folder do not trouble the views in it', async () => {
    fixture = await modelProject(
      { 'models/v.sql': 'select 1 as id' },
      { models: tree({ require_partition_filter: true, partition_expiration_days: 3, labels: { team: 'crm' } }) },
    );
    const project = await fixture.compile({ target: BIGQUERY });
    const node = project.nodes.get('model.shop.v');
    expect(node?.kind === 'model' ? node.config.build.tableOptions : null).toEqual({ labels: "[('team', 'crm')]" });
  });
});

describe('policy tags', () => {
  const tag = 'projects/p/locations/eu/taxonomies/1/policyTags/2';
  const yaml = (tags: string): string =>
    `version: 2\nmodels:\n  - name: m\n    columns:\n      - name: id\n        policy_tags: ${tags}\n`;

  it('are read from the columns, templates among them', async () => {
    const node = await model("tags=['x']", 'bigquery', yaml(`["{{ var('pii', '${tag}') }}"]`));
    expect(node.columns).toMatchObject([{ name: 'id', policyTags: [tag] }]);
  });

  it.each([
    ['[pii]', /models\/m\.yml:5:\d+: id: policy_tags: came "pii", expected projects\/<project>/],
    [`[${tag}, ${tag}3]`, /a column has at most one policy tag, came 2/],
  ])('refuse %s', async (tags, says) => {
    expect(await mistake("tags=['x']", 'bigquery', yaml(tags))).toMatch(says);
  });
});
