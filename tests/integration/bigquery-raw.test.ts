/** Raw tables on BigQuery: load jobs from gs:// objects into the emulator, what is noted, what a repeated load does. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Admission } from '../../src/core/batch.ts';
import { connectBigQuery, type BigQueryApi } from '../../src/adapters/bigquery/client.ts';
import { MemoryJobLedger } from '../../src/adapters/memory/job-ledger.ts';
import type { JobLedger } from '../../src/state/job-ledger.ts';
import { JobRunner } from '../../src/adapters/bigquery/job-runner.ts';
import { BigQueryModelWarehouse } from '../../src/adapters/bigquery/model-warehouse.ts';
import { rawTableResource } from '../../src/adapters/bigquery/raw-tables.ts';
import { BigQueryRawWarehouse } from '../../src/adapters/bigquery/raw-warehouse.ts';
import { bigQueryEmulatorBinary } from '../services/bigquery/build.ts';
import { startBigQueryEmulator, type BigQueryEmulator } from '../services/bigquery/emulator.ts';
import { startObjectServer, type ObjectServer } from '../services/bigquery/object-server.ts';
import {
  BUCKET,
  CUSTOMER,
  replayBatch,
  snapshotBatch,
  streamBatch,
  type LandedBatch,
  type StreamRow,
} from '../support/bigquery-front/landing.ts';

let objects: ObjectServer;
let emulator: BigQueryEmulator;
let api: BigQueryApi;
let ledger: JobLedger;
let datasets = 0;
let runs = 0;
let dataset: string;

const hooks = { guard: (): Promise<void> => Promise.resolve() };

beforeAll(async () => {
  objects = await startObjectServer();
  await bigQueryEmulatorBinary();
}, 1_800_000);

afterAll(() => objects.stop());

// One each: every table that is there makes the emulator slower.
beforeEach(async () => {
  emulator = await startBigQueryEmulator({ storageEndpoint: objects.endpoint });
  api = await connectBigQuery({ project: emulator.project, location: 'EU', apiEndpoint: emulator.endpoint });
  dataset = `raw_${String(++datasets)}`;
  ledger = new MemoryJobLedger();
});

afterEach(() => emulator.stop());

/** A warehouse as a new process opens it. */
function open(): { raw: BigQueryRawWarehouse; models: BigQueryModelWarehouse } {
  const runner = new JobRunner({ api, ledger, run: `run-${String(++runs)}` });
  const locate = (name: string): string => `${BUCKET}/${name}`;
  return {
    raw: new BigQueryRawWarehouse({ runner, dataset, locate, emulator: true }),
    models: new BigQueryModelWarehouse({ runner, job: 'customer', batch: 'test', emulator: true }),
  };
}

function land(batch: LandedBatch): LandedBatch['manifest'] {
  for (const [uri, text] of batch.objects) objects.objects.set(uri, text);
  return batch.manifest;
}

async function rows(sql: string): Promise<readonly (readonly unknown[])[]> {
  return (await open().models.query(sql)).rows;
}

const EVENTS: readonly StreamRow[] = [
  { key: 'K-1', offset: 1, eventAt: '2026-02-28T23:59:59.999999Z', value: '{"id":"K-1","n":9007199254740993}' },
  { key: 'K-2', offset: 2, eventAt: '2026-03-01T10:15:30.5Z', value: null },
];

describe('prepare', () => {
  test('creates the dataset and the tables, partitioned by month and clustered by key, and may be repeated', async () => {
    await open().raw.prepare(CUSTOMER);
    await open().raw.prepare(CUSTOMER);
    const table = await api.getTable({
      projectId: emulator.project,
      datasetId: dataset,
      tableId: 'raw_customer_stream',
    });
    expect(table.timePartitioning).toEqual({ type: 'MONTH', field: '_event_at' });
    expect(table.clustering?.fields).toEqual(['_key']);
    expect(await open().raw.loadedBatches(CUSTOMER)).toEqual(new Set());
  });

  test('adds a column that an empty table lacks, and keeps partitioning', async () => {
    const reference = { projectId: emulator.project, datasetId: dataset, tableId: 'raw_customer_snapshot' };
    const now = rawTableResource(reference, 'snapshot');
    const fields = (now.schema?.fields ?? []).filter((field) => field.name !== '_json');
    await api.insertDataset({ datasetReference: reference });
    await api.insertTable({ ...now, schema: { fields } });
    await open().raw.prepare(CUSTOMER);
    await open().raw.prepare(CUSTOMER);
    expect(await rows(`select _snapshot_id, _json from ${dataset}.raw_customer_snapshot`)).toEqual([]);
  });

  test('a column that somebody dropped from a table with rows is named, not made anew without its values', async () => {
    const { raw, models } = open();
    await raw.prepare(CUSTOMER);
    const table = `${dataset}.raw_customer_snapshot`;
    await models.execute(`insert into ${table} (_snapshot_id, _batch_id, _seq, value) values ('s1', 'b', 1, '{}')`);
    await models.execute(`alter table ${table} drop column value`);
    await expect(open().raw.prepare(CUSTOMER)).rejects.toMatchObject({
      code: 'table_changed',
      message: expect.stringContaining('column value is missing'),
      hint: expect.stringContaining('npx sluice job run customer --full-refresh'),
    });
  });

  test('names what somebody changed by hand, and the command that heals it', async () => {
    const { raw, models } = open();
    await raw.prepare(CUSTOMER);
    await models.execute(`drop table ${dataset}.raw_customer_stream`);
    await models.execute(`create table ${dataset}.raw_customer_stream (_offset string)`);
    await expect(open().raw.prepare(CUSTOMER)).rejects.toMatchObject({
      code: 'table_changed',
      message: expect.stringMatching(
        /column _offset is STRING, expected INT64; it is not partitioned, expected partitioned by MONTH of _event_at/,
      ),
      hint: expect.stringContaining('npx sluice job run customer --full-refresh'),
    });
  });
});

describe('loadBatch', () => {
  test('loads all objects of a batch by one job per table, and notes the batch', async () => {
    const dead = [
      {
        _topic: 'customer-events',
        _partition: 0,
        _topic_partition: 0,
        _offset: 3,
        reason_code: 'json',
        reason: 'broken',
        value_base64: 'eA==',
      },
    ];
    const manifest = land(streamBatch(1, [[EVENTS[0] as StreamRow], [EVENTS[1] as StreamRow]], dead));
    const { raw } = open();
    await raw.prepare(CUSTOMER);
    const before = api.calls['job_insert'] ?? 0;
    expect(await raw.loadBatch(CUSTOMER, { manifest, admission: null }, hooks)).toEqual({
      stream: 2,
      snapshot: 0,
      deadLetters: 1,
    });
    expect(api.calls['job_insert']).toBeGreaterThan(before);
    expect(await open().raw.loadedBatches(CUSTOMER)).toEqual(new Set([1]));
    const stream = await rows(
      `select _topic, _topic_partition, _offset, _key, _event_at, _has_value, value, _batch_id, _seq from ${dataset}.raw_customer_stream order by _offset`,
    );
    expect(stream).toEqual([
      [
        'customer-events',
        0n,
        1n,
        'K-1',
        '2026-02-28 23:59:59.999999',
        true,
        '{"id":"K-1","n":9007199254740993}',
        'customer-00000001',
        1n,
      ],
      ['customer-events', 0n, 2n, 'K-2', '2026-03-01 10:15:30.5', false, null, 'customer-00000001', 1n],
    ]);
    expect(await rows(`select _offset, reason, _replayed_at from ${dataset}.raw_customer_dead_letter`)).toEqual([
      [3n, 'broken', null],
    ]);
    // BigQuery refuses the name; the emulator has what CUSTOMER.md §3 says.
    for (const table of ['stream', 'dead_letter'])
      expect(await rows(`select distinct _partition from ${dataset}.raw_customer_${table}`)).toEqual([[0n]]);
  });

  test('a repeated load gives the same rows, whether the note was written or not', async () => {
    const manifest = land(streamBatch(1, [EVENTS]));
    await open().raw.loadBatch(CUSTOMER, { manifest, admission: null }, hooks);
    await open().raw.loadBatch(CUSTOMER, { manifest, admission: null }, hooks);
    await open().models.execute(`delete from ${dataset}._sluice_batches where true`);
    expect(await open().raw.loadedBatches(CUSTOMER)).toEqual(new Set());
    await open().raw.loadBatch(CUSTOMER, { manifest, admission: null }, hooks);
    expect(await rows(`select count(*) from ${dataset}.raw_customer_stream`)).toEqual([[2n]]);
    expect(await rows(`select count(*) from ${dataset}._sluice_batches`)).toEqual([[1n]]);
  });

  test('brings rows back that somebody deleted', async () => {
    const first = land(streamBatch(1, [EVENTS]));
    const second = land(streamBatch(2, [[{ ...(EVENTS[0] as StreamRow), offset: 9 }]]));
    const { raw, models } = open();
    await raw.loadBatch(CUSTOMER, { manifest: first, admission: null }, hooks);
    await raw.loadBatch(CUSTOMER, { manifest: second, admission: null }, hooks);
    await models.execute(`delete from ${dataset}.raw_customer_stream where _offset = 1`);
    await open().raw.loadBatch(CUSTOMER, { manifest: first, admission: null }, hooks);
    expect(await rows(`select _offset from ${dataset}.raw_customer_stream order by 1`)).toEqual([[1n], [2n], [9n]]);
  });

  test('a batch whose rows are not those of its manifest is refused and leaves no rows', async () => {
    const { manifest, objects: texts } = streamBatch(1, [EVENTS]);
    for (const [uri, text] of texts) objects.objects.set(uri, text.slice(0, text.indexOf('\n') + 1));
    const load = open().raw.loadBatch(CUSTOMER, { manifest, admission: null }, hooks);
    await expect(load).rejects.toMatchObject({
      code: 'load_failed',
      message: expect.stringMatching(/holds 1 rows of customer-00000001, its manifest names 2/),
    });
    expect(await open().raw.loadedBatches(CUSTOMER)).toEqual(new Set());
  });

  test('a missing object is named', async () => {
    const { manifest } = streamBatch(7, [EVENTS]);
    const load = open().raw.loadBatch(CUSTOMER, { manifest, admission: null }, hooks);
    await expect(load).rejects.toMatchObject({ message: expect.stringContaining('7-0.ndjson') });
  });

  test('a guard that refuses keeps everything out', async () => {
    const manifest = land(streamBatch(1, [EVENTS]));
    await open().raw.prepare(CUSTOMER);
    const guard = (): Promise<void> => Promise.reject(new Error('lease lost'));
    await expect(open().raw.loadBatch(CUSTOMER, { manifest, admission: null }, { guard })).rejects.toThrow(
      'lease lost',
    );
    expect(await rows(`select count(*) from ${dataset}.raw_customer_stream`)).toEqual([[0n]]);
  });

  test('asks whether a complete snapshot counts once its rows are in place; a refused one is loaded but not admitted', async () => {
    const manifest = land(snapshotBatch(1, ['K-1', 'K-2']));
    const verdict = (admitted: boolean): Admission => ({
      batchId: manifest.batchId,
      admitted,
      accepted: admitted,
      keysThere: 2,
      keysGone: 0,
    });
    const asked: unknown[] = [];
    const judge = async (ask: (sql: string) => Promise<unknown>): Promise<Admission> => {
      asked.push(await ask(`select count(*), 0 from ${dataset}.raw_customer_snapshot`));
      return verdict(false);
    };
    expect(await open().raw.loadBatch(CUSTOMER, { manifest, admission: null }, { ...hooks, judge })).toMatchObject({
      snapshot: 2,
    });
    expect(asked).toEqual([{ keysThere: 2, keysGone: 0 }]);
    expect(await rows(`select * from ${dataset}.raw_customer_snapshot_load`)).toEqual([]);
    for (let times = 0; times < 2; times++)
      await open().raw.loadBatch(CUSTOMER, { manifest, admission: verdict(true) }, hooks);
    expect(
      await rows(`select _snapshot_id, _snapshot_complete, _rows, _total from ${dataset}.raw_customer_snapshot_load`),
    ).toEqual([['s00000001', true, 2n, 2n]]);
    expect(await rows(`select count(*) from ${dataset}.raw_customer_snapshot`)).toEqual([[2n]]);
  });

  test('marks dead letters that a replay landed, whichever of the two is loaded first', async () => {
    const dead = [3, 4].map((offset) => ({
      _topic: 'customer-events',
      _epoch: 0,
      _topic_partition: 0,
      _offset: offset,
      reason_code: 'x',
    }));
    const first = land(streamBatch(1, [EVENTS], dead));
    const replay = land(replayBatch(2, [{ ...(EVENTS[0] as StreamRow), offset: 3 }]));
    const expected = [
      [3n, '2026-03-05 09:00:00'],
      [4n, null],
    ];
    for (const order of [
      [first, replay],
      [replay, first],
    ]) {
      dataset = `raw_${String(++datasets)}`;
      ledger = new MemoryJobLedger();
      const { raw } = open();
      for (const manifest of order) await raw.loadBatch(CUSTOMER, { manifest, admission: null }, hooks);
      expect(await rows(`select _offset, _replayed_at from ${dataset}.raw_customer_dead_letter order by 1`)).toEqual(
        expected,
      );
    }
  });
});

describe('a full refresh', () => {
  test('fills new tables aside, then swaps them in with the notes', async () => {
    const batches = [
      streamBatch(1, [EVENTS]),
      streamBatch(2, [[{ ...(EVENTS[1] as StreamRow), offset: 5 }]]),
      snapshotBatch(3, ['K-1']),
    ];
    const loads = batches.map((batch) => ({ manifest: land(batch), admission: null }));
    const admitted = loads.map((load) => ({
      ...load,
      admission: { batchId: load.manifest.batchId, admitted: true, accepted: false, keysThere: 1, keysGone: 0 },
    }));
    const { raw, models } = open();
    await raw.loadBatch(CUSTOMER, loads[0] as (typeof loads)[number], hooks);
    for (let times = 0; times < 2; times++) {
      expect(await raw.loadAside(CUSTOMER, admitted, '__rebuild')).toEqual({ stream: 3, snapshot: 1, deadLetters: 0 });
    }
    expect(await rows(`select count(*) from ${dataset}.raw_customer_stream`)).toEqual([[2n]]);
    const statements = raw.swapStatements(CUSTOMER, admitted, '__rebuild').map((sql) => ({ sql }));
    await models.publish({ node: 'refresh', statements, tests: [], marks: [] });
    expect(await rows(`select _seq, _offset from ${dataset}.raw_customer_stream order by 1, 2`)).toEqual([
      [1n, 1n],
      [1n, 2n],
      [2n, 5n],
    ]);
    expect(await rows(`select _snapshot_id from ${dataset}.raw_customer_snapshot_load`)).toEqual([['s00000003']]);
    expect(await open().raw.loadedBatches(CUSTOMER)).toEqual(new Set([1, 2, 3]));
    expect(await models.relation({ schema: dataset, name: 'raw_customer_stream__rebuild' })).toBeUndefined();
  });
});
