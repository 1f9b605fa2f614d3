/** Several batches in one transaction on DuckDB: the same rows and notes as one by one, or nothing. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDuckDb, type DuckDbDatabase } from '../../src/adapters/duckdb/database.ts';
import { DuckDbRawWarehouse } from '../../src/adapters/duckdb/raw-warehouse.ts';
import type { Manifest } from '../../src/core/batch.ts';
import {
  BUCKET,
  CUSTOMER,
  replayBatch,
  streamBatch,
  type LandedBatch,
  type StreamRow,
} from '../support/bigquery-front/landing.ts';

let folder: string;
let database: DuckDbDatabase;
const guard = (): Promise<void> => Promise.resolve();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-raw-'));
  database = await openDuckDb({ path: ':memory:', clock: { monotonic: () => performance.now() } });
});
afterEach(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

async function open(schema: string): Promise<DuckDbRawWarehouse> {
  const raw = new DuckDbRawWarehouse(database, { schema, locate: (name) => join(folder, name) });
  await raw.prepare(CUSTOMER);
  return raw;
}

function land({ manifest, objects }: LandedBatch): Manifest {
  for (const [uri, text] of objects) {
    const path = join(folder, uri.slice(BUCKET.length + 1));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return manifest;
}

function row(offset: number): StreamRow {
  return { key: `K-${offset}`, offset, eventAt: '2026-03-01T10:00:00Z', value: `{"n":${offset}}` };
}

const dead = (offset: number): object => ({
  _topic: 'customer-events',
  _epoch: 0,
  _partition: 0,
  _offset: offset,
  reason_code: 'json',
  reason: 'broken',
});

async function contents(schema: string): Promise<unknown> {
  const tables = ['raw_customer_stream', 'raw_customer_dead_letter', '_sluice_batches'];
  const read = tables.map(
    async (table) => (await database.query(`select * from ${schema}.${table} order by all`)).rows,
  );
  return Promise.all(read);
}

describe('loadTogether', () => {
  it('leaves what loading one by one leaves, however often, and gives the rows of each batch', async () => {
    const manifests = [
      land(streamBatch(1, [[row(1), row(2)], [row(3)]])),
      land(streamBatch(2, [[row(4)]], [dead(5)])),
      land(streamBatch(3, [[row(6)]], [dead(7), dead(8)])),
    ];
    const replay = land(replayBatch(9, [row(5)]));
    const one = await open('one');
    await one.loadBatch(CUSTOMER, { manifest: replay, admission: null }, { guard });
    for (const manifest of manifests) await one.loadBatch(CUSTOMER, { manifest, admission: null }, { guard });
    const together = await open('together');
    await together.loadBatch(CUSTOMER, { manifest: replay, admission: null }, { guard });
    for (let time = 0; time < 3; time++) {
      expect(await together.loadTogether(CUSTOMER, manifests, guard)).toEqual([
        { stream: 3, snapshot: 0, deadLetters: 0 },
        { stream: 1, snapshot: 0, deadLetters: 1 },
        { stream: 1, snapshot: 0, deadLetters: 2 },
      ]);
      expect(await contents('together')).toEqual(await contents('one'));
    }
    expect(await together.loadedBatches(CUSTOMER)).toEqual(new Set([1, 2, 3, 9]));
  });

  it('loads nothing when the lease is lost', async () => {
    const raw = await open('lost');
    const manifests = [land(streamBatch(1, [[row(1)]])), land(streamBatch(2, [[row(2)]]))];
    const lost = new Error('lease lost');
    await expect(raw.loadTogether(CUSTOMER, manifests, () => Promise.reject(lost))).rejects.toThrow('lease lost');
    expect(await contents('lost')).toEqual([[], [], []]);
  });

  it("does not let one batch's surplus make up for what another one lacks", async () => {
    const raw = await open('counts');
    const manifests = [land(streamBatch(1, [[row(1), row(2)]])), land(streamBatch(2, [[row(3)]]))];
    const [first, second] = manifests.map(({ objects }) => objects[0]?.rows ?? 0);
    const shifted = manifests.map((manifest, at) => ({
      ...manifest,
      objects: manifest.objects.map((object) => ({ ...object, rows: (at === 0 ? second : first) ?? 0 })),
    }));
    await expect(raw.loadTogether(CUSTOMER, shifted, guard)).rejects.toMatchObject({
      code: 'load_failed',
      message: expect.stringContaining('took 2 rows, the manifest of customer-00000001 names 1'),
    });
    expect(await contents('counts')).toEqual([[], [], []]);
  });
});

describe('documents in a file', () => {
  async function compressions(version: string): Promise<ReadonlyMap<unknown, unknown>> {
    const path = join(folder, `${version}.duckdb`);
    const made = await DuckDBInstance.create(path, { storage_compatibility_version: version });
    made.closeSync();
    const file = await openDuckDb({ path, clock: { monotonic: () => performance.now() } });
    try {
      const raw = new DuckDbRawWarehouse(file, { schema: 'raw', locate: (name) => join(folder, name) });
      await raw.prepare(CUSTOMER);
      const long = (offset: number): StreamRow => ({
        ...row(offset),
        value: JSON.stringify({ n: offset, text: `${offset} of many `.repeat(20) }),
      });
      const manifest = land(streamBatch(1, [Array.from({ length: 3000 }, (_, offset) => long(offset))]));
      await raw.loadBatch(CUSTOMER, { manifest, admission: null }, { guard });
      await file.run('checkpoint');
      const { rows } = await file.query(
        "select distinct column_name, compression from pragma_storage_info('raw.raw_customer_stream') where segment_type = 'VARCHAR' and column_name in ('_key', 'value') order by all",
      );
      return new Map(rows.map(([column, compression]) => [column, compression]));
    } finally {
      await file.close();
    }
  }

  // Which of its own schemes DuckDB takes for a column that nothing was declared for rests on a random sample.
  it('are compressed as documents, other columns as DuckDB likes', async () => {
    const chosen = await compressions('v1.3.0');
    expect(chosen.get('value')).toBe('ZSTD');
    expect(chosen.get('_key')).not.toBe('ZSTD');
  });

  it('are compressed as ever in a file of an older DuckDB, which would not compress them at all by what was declared', async () => {
    const chosen = await compressions('v1.0.0');
    expect(['FSST', 'Dictionary']).toContain(chosen.get('value'));
  });
});
