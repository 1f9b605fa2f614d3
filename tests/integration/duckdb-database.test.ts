import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  isWriteConflict,
  openDuckDb,
  type DuckDbDatabase,
  type DuckDbOptions,
} from '../../src/adapters/duckdb/database.ts';
import { isSluiceError } from '../../src/core/errors.ts';

const clock = { monotonic: () => performance.now() };
let folder: string;
let opened: DuckDbDatabase[];
let child: ChildProcess | undefined;

async function open(options: Partial<DuckDbOptions> = {}): Promise<DuckDbDatabase> {
  const database = await openDuckDb({ path: join(folder, 'w.duckdb'), clock, ...options });
  opened.push(database);
  return database;
}

async function caught(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** Another process that holds the file and lets go after `ms`. */
async function holdElsewhere(ms: number): Promise<ChildProcess> {
  const script = `
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const instance = await DuckDBInstance.create(process.argv[1]);
    console.log('held');
    setTimeout(() => instance.closeSync(), Number(process.argv[2]));`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script, join(folder, 'w.duckdb'), String(ms)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  return holder;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-duckdb-'));
  opened = [];
});

afterEach(async () => {
  for (const database of opened) await database.close();
  if (child !== undefined && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  child = undefined;
  await rm(folder, { recursive: true, force: true });
});

describe('the DuckDB database', () => {
  it('gives exact values as plain data', async () => {
    const database = await open();
    const result =
      await database.query(`select 9007199254740993::bigint as id, 12345678901234567.89::decimal(19,2) as amount,
      '{"a":1}'::json as doc, timestamptz '2026-03-01 12:00:00+02' as at, date '2026-03-01' as day, 1.5::double as ratio,
      true as flag, null as nothing`);
    expect(result.columns.map((column) => column.type)).toEqual([
      'BIGINT',
      'DECIMAL(19,2)',
      'JSON',
      'TIMESTAMP WITH TIME ZONE',
      'DATE',
      'DOUBLE',
      'BOOLEAN',
      'INTEGER',
    ]);
    expect(result.rows).toEqual([
      [9007199254740993n, '12345678901234567.89', '{"a":1}', '2026-03-01 10:00:00+00', '2026-03-01', 1.5, true, null],
    ]);
  });

  it('counts the rows that the last statement wrote', async () => {
    const database = await open();
    expect(await database.run('create table t as select * from range(7) r(a)')).toBe(7);
    expect(await database.run('insert into t values (8); insert into t values (9), (10)')).toBe(2);
    expect(await database.run('update t set a = a where a > 5')).toBe(4);
    expect(await database.run('create view v as select * from t')).toBe(0);
  });

  it('commits what a transaction wrote, and nothing of one that threw', async () => {
    const database = await open();
    await database.transaction(async (transaction) => transaction.run('create table t as select 1 as a'));
    const error = await caught(() =>
      database.transaction(async (transaction) => {
        await transaction.run('insert into t values (2)');
        throw new Error('no');
      }),
    );
    expect(String(error)).toContain('no');
    expect((await database.query('select a from t')).rows).toEqual([[1]]);
  });

  it('keeps committed rows over close and open, with no log file left', async () => {
    const first = await open();
    await first.run('create table t as select 1 as a');
    await first.close();
    await first.close();
    const second = await open();
    expect((await second.query('select a from t')).rows).toEqual([[1]]);
  });

  it('names a write-write conflict between two transactions', async () => {
    const database = await open();
    await database.run('create table t as select 1 as a');
    const error = await caught(() =>
      database.transaction(async (one) => {
        await one.run('update t set a = 2');
        await database.transaction((two) => two.run('update t set a = 3'));
      }),
    );
    expect(isWriteConflict(error)).toBe(true);
    expect(isWriteConflict(await caught(() => database.run('select * from nope')))).toBe(false);
  });

  it('waits for another process to let go of the file', async () => {
    child = await holdElsewhere(600);
    const database = await open({ waitMs: 20_000 });
    expect((await database.query('select 1')).rows).toEqual([[1]]);
  });

  it('names the file and the process that holds it when waiting did not help', async () => {
    child = await holdElsewhere(60_000);
    const error = await caught(() => open({ waitMs: 300 }));
    expect(isSluiceError(error, 'warehouse_locked')).toBe(true);
    expect(String(error)).toContain(join(folder, 'w.duckdb'));
    expect(String(error)).toContain(`PID ${String(child.pid)}`);
  });

  it('does not open a file twice in one process', async () => {
    await open();
    const error = await caught(() => open({ waitMs: 0 }));
    expect(isSluiceError(error, 'warehouse_locked')).toBe(true);
    expect(String(error)).toContain(`PID ${String(process.pid)}`);
  });

  it('interrupts a running statement and refuses the next one', async () => {
    const controller = new AbortController();
    const database = await open({ signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    const running = await caught(() => database.query('select count(*) from range(1000000000000) a, range(1000000) b'));
    expect(isSluiceError(running, 'interrupted')).toBe(true);
    expect(isSluiceError(await caught(() => database.query('select 1')), 'interrupted')).toBe(true);
  });

  it.each([0, 100, 4096, 8192])(
    'takes a file of %i bytes, whose maker died before its headers stood, as none',
    async (size) => {
      const whole = await open();
      await whole.close();
      const path = join(folder, 'w.duckdb');
      writeFileSync(path, readFileSync(path).subarray(0, size));
      const database = await open();
      await database.run('create table t as select 1 as a');
      expect((await database.query('from t')).rows).toEqual([[1]]);
    },
  );

  it('names a damaged file and leaves it alone, unless all is built anew: then it is put aside', async () => {
    const path = join(folder, 'w.duckdb');
    const damaged = 'no database, but perhaps something dear to somebody\n'.repeat(400);
    writeFileSync(path, damaged);
    const error = await caught(() => open());
    expect(isSluiceError(error, 'warehouse_damaged')).toBe(true);
    expect(String(error)).toContain(path);
    expect(readFileSync(path, 'utf8')).toBe(damaged);
    const database = await open({ replaceDamaged: true });
    expect((await database.query('select 1')).rows).toEqual([[1]]);
    const aside = readdirSync(folder).filter((name) => name.startsWith('w.duckdb.damaged-'));
    expect(aside.map((name) => readFileSync(join(folder, name), 'utf8'))).toEqual([damaged]);
  });

  it('says which file cannot be opened', async () => {
    const missing = await caught(() => open({ path: join(folder, 'no', 'such', 'w.duckdb') }));
    expect(isSluiceError(missing, 'warehouse_failed')).toBe(true);
    expect(String(missing)).toContain(join(folder, 'no', 'such', 'w.duckdb'));
  });
});
