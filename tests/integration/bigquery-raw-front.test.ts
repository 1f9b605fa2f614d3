/**
 * Loading as it talks to BigQuery itself, against the strict front: every request of a load fails once in every way, and after one
 * undisturbed run the rows are there once, noted once, and no load job has done its work twice.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectBigQuery, type BigQueryApi } from '../../src/adapters/bigquery/client.ts';
import { JobRunner } from '../../src/adapters/bigquery/job-runner.ts';
import { BigQueryModelWarehouse } from '../../src/adapters/bigquery/model-warehouse.ts';
import { rawTableResource } from '../../src/adapters/bigquery/raw-tables.ts';
import { BigQueryRawWarehouse } from '../../src/adapters/bigquery/raw-warehouse.ts';
import { MemoryJobLedger } from '../../src/adapters/memory/job-ledger.ts';
import type { Manifest } from '../../src/core/batch.ts';
import { bigQueryEmulatorBinary } from '../services/bigquery/build.ts';
import { startBigQueryEmulator, type BigQueryEmulator } from '../services/bigquery/emulator.ts';
import { startObjectServer, type ObjectServer } from '../services/bigquery/object-server.ts';
import type { Fault, FrontCall } from '../support/bigquery-front/faults.ts';
import { startBigQueryFront, type BigQueryFront } from '../support/bigquery-front/front.ts';
import { BUCKET, CUSTOMER, snapshotBatch, streamBatch, type LandedBatch } from '../support/bigquery-front/landing.ts';
import { testTiming } from '../support/bigquery-front/timing.ts';

let objects: ObjectServer;
let emulator: BigQueryEmulator;
let front: BigQueryFront;
let api: BigQueryApi;
let ledger: MemoryJobLedger;
let seq: number;
let runs = 0;

beforeAll(async () => {
  objects = await startObjectServer();
  await bigQueryEmulatorBinary();
}, 1_800_000);

afterAll(() => objects.stop());

// One each: whatever an emulator has done makes it slower.
beforeEach(async () => {
  ledger = new MemoryJobLedger();
  seq = 0;
  emulator = await startBigQueryEmulator({ storageEndpoint: objects.endpoint });
  const direct = await connectBigQuery({ project: emulator.project, location: 'EU', apiEndpoint: emulator.endpoint });
  front = await startBigQueryFront({ emulator: direct });
  api = await connectBigQuery({ project: emulator.project, location: 'EU', apiEndpoint: front.endpoint });
});

afterEach(async () => {
  await front.stop();
  await emulator.stop();
});

/** A warehouse as a new process opens it: only the ledger has lasted. */
function open(dataset = 'raw'): { raw: BigQueryRawWarehouse; models: BigQueryModelWarehouse } {
  const runner = new JobRunner({ api, ledger, run: `run-${String(++runs)}`, timing: testTiming(50) });
  return {
    raw: new BigQueryRawWarehouse({ runner, dataset, locate: (name) => `${BUCKET}/${name}`, emulator: false }),
    models: new BigQueryModelWarehouse({ runner, job: 'customer', batch: 'test', emulator: false }),
  };
}

function land(batch: LandedBatch): Manifest {
  for (const [uri, text] of batch.objects) objects.objects.set(uri, text);
  return batch.manifest;
}

function nextBatch(objectCount = 2): Manifest {
  seq++;
  const row = (offset: number): object => ({
    key: `K-${String(offset)}`,
    offset,
    eventAt: '2026-03-01T10:00:00Z',
    value: '{}',
  });
  const streams = Array.from({ length: objectCount }, (_, index) => [row(index) as never]);
  const dead = [{ _topic: 'customer-events', _epoch: 0, _topic_partition: 0, _offset: 99, reason_code: 'x' }];
  return land(streamBatch(seq, streams, dead));
}

async function load(manifest: Manifest): Promise<void> {
  const { raw } = open();
  await raw.prepare(CUSTOMER);
  await raw.loadBatch(CUSTOMER, { manifest, admission: null }, { guard: () => Promise.resolve() });
}

async function held(manifest: Manifest): Promise<readonly unknown[]> {
  const of = (table: string): string =>
    `(select count(*) from raw.${table} where ${table === '_sluice_batches' ? 'seq' : '_seq'} = ${String(manifest.seq)})`;
  const tables = ['raw_customer_stream', 'raw_customer_dead_letter', '_sluice_batches'];
  const { rows } = await open().models.query(`select ${tables.map(of).join(', ')}`);
  return rows[0] ?? [];
}

/** Load jobs that did their work, by destination. */
function worked(manifest: Manifest): readonly string[] {
  const jobs = front.jobs.filter(({ configuration }) => configuration.labels?.['sluice_batch'] === manifest.batchId);
  return jobs
    .filter((job) => job.executed && job.failure === undefined && job.configuration.load !== undefined)
    .map((job) => job.configuration.load?.destinationTable.tableId ?? '')
    .sort();
}

/** The `n`-th call of a kind in a load. */
function nth(kind: FrontCall['kind'], n: number): (call: FrontCall) => boolean {
  let seen = 0;
  return (call) => call.kind === kind && ++seen === n;
}

const LOST: Fault = { type: 'lose_response' };
/** Ends the run like a crash does: only what was sent before has happened. */
const CRASH: Fault = { type: 'refuse', status: 400, reason: 'invalid', message: 'struck down' };
const BROKEN: Fault = { type: 'fail_job', reason: 'backendError', message: 'Retrying may solve the problem.' };

/** Each request of a load; the other ways to fail are one and the same code, tried in `tests/unit/bigquery/job-runner.test.ts`. */
const EFFECTS: readonly (readonly [FrontCall['kind'], number, readonly Fault[]])[] = [
  ['table_get', 1, [LOST]],
  ['query', 1, [LOST, CRASH]],
  ['job_insert', 1, [LOST, CRASH, BROKEN]],
  ['job_insert', 2, [LOST, CRASH, { type: 'cancel_job' }]],
  ['job_insert', 3, [LOST, CRASH, BROKEN]],
  ['job_get', 1, [LOST, CRASH]],
  ['job_results', 1, [LOST]],
];

describe('every request of a load', () => {
  const cases = EFFECTS.flatMap(([kind, n, faults]) =>
    faults.map((fault) => ({ kind, n, fault, name: `${fault.type} ${'reason' in fault ? fault.reason : ''}` })),
  );

  test.each(cases)('$kind $n: $name', async ({ kind, n, fault }) => {
    await load(nextBatch(1));
    const manifest = nextBatch();
    front.faults.add({ on: nth(kind, n), fault });
    const outcome = await load(manifest).then(
      () => 'loaded',
      () => 'failed',
    );
    front.faults.clear();
    const heals =
      fault.type === 'disconnect' ||
      fault.type === 'lose_response' ||
      ('reason' in fault && fault.reason === 'backendError');
    expect(outcome).toBe(heals ? 'loaded' : 'failed');
    await load(manifest);
    expect(await held(manifest)).toEqual([2n, 1n, 1n]);
    expect(worked(manifest)).toEqual(['raw_customer_dead_letter', 'raw_customer_stream']);
  });
});

describe('requests', () => {
  test('are the same number for 1, 10 and 100 objects', async () => {
    const counted: unknown[] = [];
    await load(nextBatch());
    for (const objectCount of [1, 10, 100]) {
      const manifest = nextBatch(objectCount);
      front.resetCounts();
      await load(manifest);
      const { job_get: polls, ...rest } = front.counts();
      expect(polls).toBeGreaterThan(0);
      counted.push(rest);
    }
    // Five tables looked at, the notes read, two loads and one script sent, the script waited for; load jobs are polled by job_get.
    const each = { table_get: 5, query: 1, job_insert: 3, job_results: 1 };
    expect(counted).toEqual([each, each, each]);
  });
});

describe('what BigQuery checks', () => {
  test('landing without the members that BigQuery needs is refused, and nothing of it stays', async () => {
    const { manifest, objects: texts } = streamBatch(++seq, [
      [{ key: 'K', offset: 1, eventAt: '2026-03-01T10:00:00Z', value: '{}' }],
    ]);
    for (const [uri, text] of texts) objects.objects.set(uri, text.replace('"_topic_partition":0,', ''));
    await expect(load(manifest)).rejects.toMatchObject({
      code: 'load_failed',
      message: expect.stringContaining('_topic_partition'),
    });
    expect(await held(manifest)).toEqual([0n, 0n, 0n]);
  });

  test('one bad object of several keeps the whole batch out', async () => {
    const { manifest, objects: texts } = streamBatch(
      ++seq,
      [1, 2].map((offset) => [{ key: 'K', offset, eventAt: '2026-03-01T10:00:00Z', value: '{}' }]),
    );
    for (const [uri, text] of texts)
      objects.objects.set(uri, uri.endsWith('-1.ndjson') ? text.replace('"_offset":2', '"_offset":"x"') : text);
    await expect(load(manifest)).rejects.toMatchObject({ code: 'load_failed' });
    expect(await held(manifest)).toEqual([0n, 0n, 0n]);
  });

  test('a quota that is used up ends the run without further tries', async () => {
    const manifest = nextBatch();
    const before = front.jobs.length;
    const quota = {
      type: 'fail_job',
      reason: 'quotaExceeded',
      message: 'Quota exceeded: Your table exceeded quota for imports',
    } as const;
    front.faults.add({ on: 'job_insert', fault: quota, times: 2 });
    await expect(load(manifest)).rejects.toMatchObject({ code: 'warehouse_quota' });
    front.faults.clear();
    expect(front.jobs.length - before).toBeLessThanOrEqual(2);
  });

  test('columns are added behind the others, by the table itself', async () => {
    const reference = { projectId: emulator.project, datasetId: 'older', tableId: 'raw_customer_snapshot' };
    const now = rawTableResource(reference, 'snapshot');
    await api.insertDataset({ datasetReference: reference });
    await api.insertTable({
      ...now,
      schema: { fields: (now.schema?.fields ?? []).filter(({ name }) => name !== '_json') },
    });
    await open('older').raw.prepare(CUSTOMER);
    const names = ((await api.getTable(reference)).schema?.fields ?? []).map(({ name }) => name);
    expect(names.at(-1)).toBe('_json');
  });

  test('a dataset that may not be created is named with the permission', async () => {
    const message =
      'Access Denied: Project sluice-test: User does not have bigquery.datasets.create permission in project sluice-test.';
    front.faults.add({ on: 'dataset_insert', fault: { type: 'refuse', status: 403, reason: 'accessDenied', message } });
    await expect(open('forbidden').raw.prepare(CUSTOMER)).rejects.toMatchObject({
      code: 'warehouse_denied',
      message: expect.stringContaining('create dataset forbidden'),
      hint: expect.stringContaining('create the dataset yourself'),
    });
  });
});

describe('a full refresh', () => {
  test('swaps all tables and notes it, in one script', async () => {
    const { raw, models } = open('refreshed');
    await raw.prepare(CUSTOMER);
    const first = land(streamBatch(1, [[{ key: 'K', offset: 1, eventAt: '2026-03-01T10:00:00Z', value: '{}' }]]));
    const second = land(snapshotBatch(2, ['K-1', 'K-2'], false));
    await raw.loadBatch(CUSTOMER, { manifest: first, admission: null }, { guard: () => Promise.resolve() });
    const loads = [first, second].map((manifest) => ({ manifest, admission: null }));
    expect(await raw.loadAside(CUSTOMER, loads, '__rebuild')).toEqual({ stream: 1, snapshot: 2, deadLetters: 0 });
    const statements = raw.swapStatements(CUSTOMER, loads, '__rebuild').map((sql) => ({ sql }));
    const jobs = front.jobs.length;
    await models.publish({ node: 'refresh', statements, tests: [], marks: [] });
    expect(front.jobs.length - jobs).toBe(1);
    expect(await open('refreshed').raw.loadedBatches(CUSTOMER)).toEqual(new Set([1, 2]));
    const { rows } = await models.query(
      'select (select count(*) from refreshed.raw_customer_stream), (select count(*) from refreshed.raw_customer_snapshot), (select count(*) from refreshed.raw_customer_snapshot_load)',
    );
    expect(rows).toEqual([[1n, 2n, 1n]]);
  });
});
