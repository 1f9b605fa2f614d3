/** An entity that shares nothing with the reference: numbers as keys, hard deletes, nested fields, pages by number, a history that begins on a date. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunReport } from '../../src/pipeline/request.ts';
import { CliProject } from '../support/cli.ts';

const JOB = `import { defineJob, runJobFile } from 'sluice';
export default defineJob({
  name: 'device',
  topics: [{ name: 'iot.readings', op: 'update' }, { name: 'iot.removals', op: 'delete' }],
  schema: { type: 'object', required: ['serial', 'ts'], properties: {
    ts: { type: 'string', format: 'date-time' },
    serial: { type: 'integer' },
    battery: { type: ['number', 'null'] },
    order: { type: ['string', 'null'] },
    place: { type: ['object', 'null'], properties: { lat: { type: 'number' } } },
  } },
  key: 'serial', eventTime: 'ts', deletes: 'hard', deletedWhen: 'battery < 0',
  snapshot: { type: 'rest', baseUrl: { env: 'DEVICE_API' }, path: '/devices', itemsPath: 'data.list', totalPath: 'data.count', tolerance: '1 minute',
    paginator: { type: 'page_number', parameter: 'page', limitParameter: 'size', limit: 2 } },
  historyStart: '2026-03-01',
  models: ['current_device', 'history_device'],
});
runJobFile(import.meta);
`;
const SOURCES = `version: 2
sources: [{ name: device_raw, schema: '{{ target.schema }}_raw', tables: [{ name: raw_device_stream }] }]
`;
const DEPENDS = "-- depends_on: {{ source('device_raw', 'raw_device_stream') }}";
const CURRENT_MODEL = `{{ config(materialized='incremental', incremental_strategy='merge', unique_key='serial', delete_when='_is_deleted') }}
${DEPENDS}
{{ sluice.current_rows('device', changes) }}
`;
const HISTORY_MODEL = `{{ config(materialized='incremental', incremental_strategy='insert_overwrite', unique_key='serial',
    partition_by={'field': 'day', 'data_type': 'date', 'granularity': 'day'}) }}
${DEPENDS}
{{ sluice.daily_rows('device', changes, this) }}
`;
const LARGE = '9223372036854775807';
/** What the service lists. */
const LISTED = [1, 2, 3].map((serial) => ({ serial, ts: '2026-03-01T08:00:00Z', battery: serial / 2 }));

let project: CliProject;
let server: Server;

beforeAll(async () => {
  project = await CliProject.create({ customers: 0 });
  project.write('jobs/device.ts', JOB);
  project.write('models/device.yml', SOURCES);
  project.write('models/current_device.sql', CURRENT_MODEL);
  project.write('models/history_device.sql', HISTORY_MODEL);
  for (const topic of ['iot.readings', 'iot.removals']) await project.topics.create(topic, 2);
  server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const [page, size] = [Number(searchParams.get('page')), Number(searchParams.get('size'))];
    const data = { list: LISTED.slice((page - 1) * size, page * size), count: LISTED.length };
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ data }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await project[Symbol.asyncDispose]();
});

async function produce(topic: string, key: string, value: string | null, at: string): Promise<void> {
  await project.topics.append(topic, [{ key, value, timestampMs: Date.parse(at) }]);
}

async function run(logicalTime: string, ...flags: readonly string[]): Promise<RunReport> {
  const env = { ...project.env, DEVICE_API: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  const args = ['job', 'run', 'device', '--logical-time', logicalTime, '--json', ...flags];
  return JSON.parse((await project.run(args, env)).stdout) as RunReport;
}

const current = () => project.rows('current_device', 'serial', 'battery', 'order', 'place');
const history = () => project.rows('history_device', 'day', 'serial');

describe('an entity with numbers as keys', () => {
  it('reads every 64-bit number exactly, and quarantines a key that is none or another way to write one', async () => {
    const at = '2026-03-02T08:00:00Z';
    await produce(
      'iot.readings',
      '1',
      `{"serial":1.0,"ts":"${at}","battery":0.25,"order":"a","place":{"lat":1.50}}`,
      at,
    );
    await produce('iot.readings', LARGE, `{"serial":${LARGE},"ts":"${at}"}`, at);
    await produce('iot.readings', '007', `{"serial":7,"ts":"${at}"}`, at);
    await produce('iot.readings', '8', `{"serial":9,"ts":"${at}"}`, at);
    await produce('iot.removals', 'x', null, at);
    expect(await run('2026-03-02T12:00:00Z')).toMatchObject({ exitCode: 0, batches: [{ landed: 2, quarantined: 3 }] });
    expect(await current()).toEqual(['1 | 0.25 | a | {"lat":1.5}', `${LARGE} | - | - | -`]);
    expect(await project.rows('analytics_raw.raw_device_dead_letter', '_key', 'reason_code')).toEqual([
      '007 | key_invalid',
      '8 | key_mismatch',
      'x | key_invalid',
    ]);
    expect(await history()).toEqual(['2026-03-02 | 1', `2026-03-02 | ${LARGE}`]);
  });

  it('takes a listing in, and what it lacks is gone from then on', async () => {
    expect(await run('2026-03-03T12:00:00Z', '--full-load')).toMatchObject({ exitCode: 0, batches: [{ landed: 3 }] });
    expect(await current()).toEqual(['1 | 0.25 | a | {"lat":1.5}', '2 | 1.0 | - | -', '3 | 1.5 | - | -']);
    expect((await history()).filter((row) => row.startsWith('2026-03-03'))).toHaveLength(3);
  });

  it('carries quiet keys forward, drops gone ones, and a full refresh gives the same rows', async () => {
    await produce('iot.readings', '2', '{"serial":2,"ts":"2026-03-03T13:00:00Z","battery":-1}', '2026-03-03T13:00:00Z');
    await produce('iot.removals', '3', null, '2026-03-04T09:00:00Z');
    expect(await run('2026-03-04T12:00:00Z')).toMatchObject({ exitCode: 0, errors: [], batches: [{ landed: 2 }] });
    expect(await current()).toEqual(['1 | 0.25 | a | {"lat":1.5}']);
    const days = await history();
    expect(days).toEqual([
      '2026-03-02 | 1',
      `2026-03-02 | ${LARGE}`,
      '2026-03-03 | 1',
      '2026-03-03 | 3',
      '2026-03-04 | 1',
    ]);
    expect(await run('2026-03-04T12:00:00Z', '--full-refresh')).toMatchObject({ exitCode: 0, errors: [] });
    expect(await current()).toEqual(['1 | 0.25 | a | {"lat":1.5}']);
    expect(await history()).toEqual(days);
  });

  it('keeps a listing out that would empty the table', async () => {
    LISTED.length = 0;
    const report = await run('2026-03-05T12:00:00Z', '--full-load');
    expect(report).toMatchObject({ exitCode: 1, errors: [{ code: 'delete_guard' }] });
    expect(report.errors[0]?.message).toContain('1 of 1 device keys');
    expect(await current()).toEqual(['1 | 0.25 | a | {"lat":1.5}']);
  });
});
