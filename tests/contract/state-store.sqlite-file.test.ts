/** What can be wrong with the file that holds the state, and what is set on it. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hostInstant } from '../../src/adapters/knex-state/host-instant.ts';
import { createKnexStateStore } from '../../src/adapters/knex-state/knex-state-store.ts';
import { SCHEMA_VERSION } from '../../src/adapters/knex-state/schema.ts';
import { sqliteDatabase } from '../../src/adapters/knex-state/sqlite-database.ts';
import type { StateStore } from '../../src/state/ports.ts';
import { everything, expectCode } from './state-store/expectations.ts';
import { JOB, T1, acquire, landed, manifestOf, range, request, stream } from './state-store/fixtures.ts';

const CLOCK = { now: () => Date.now() };

let folder: string;
let path: string;
const opened: StateStore[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-state-'));
  path = join(folder, 'state.sqlite');
});
afterEach(async () => {
  await closeAll();
  await rm(folder, { recursive: true });
});

function storeAt(file: string, maxWaitMs?: number): StateStore {
  const options = maxWaitMs === undefined ? { clock: CLOCK } : { clock: CLOCK, maxWaitMs };
  const store = createKnexStateStore({ client: 'sqlite', path: file }, options);
  opened.push(store);
  return store;
}

async function closeAll(): Promise<void> {
  for (const store of opened.splice(0)) await store.close();
}

/** Another library's look at the file; no store may be open, file locks do not part two libraries in one process. */
function withFile<T>(work: (raw: DatabaseSync) => T): T {
  const raw = new DatabaseSync(path);
  try {
    return work(raw);
  } finally {
    raw.close();
  }
}

/** Another process holds the write lock until `release`. */
async function lockElsewhere(): Promise<{ release(): Promise<void> }> {
  const script = `
    const { DatabaseSync } = require('node:sqlite');
    const raw = new DatabaseSync(process.argv[1]);
    raw.exec('begin immediate');
    process.stdout.write('locked');
    process.stdin.on('end', () => { raw.exec('commit'); raw.close(); }).resume();`;
  const child = spawn(process.execPath, ['-e', script, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  await once(child.stdout, 'data');
  return {
    release: async () => {
      child.stdin.end();
      await closed;
    },
  };
}

/** Root may write everywhere, so such a test becomes somebody else for a moment. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work();
  await import('knex');
  process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

describe('the file', () => {
  test('is created with its folders, and nothing is before the first call', async () => {
    const store = storeAt(join(folder, 'a', 'b', 'state.sqlite'));
    await expect(stat(join(folder, 'a'))).rejects.toThrow(/ENOENT/);
    await store.migrate();
    expect((await stat(join(folder, 'a', 'b', 'state.sqlite'))).size).toBeGreaterThan(0);
  });

  test('is written durably: WAL, every commit synced, foreign keys checked', async () => {
    const database = sqliteDatabase({ path, instant: hostInstant(CLOCK) });
    const pragma = (name: string) => database.read((session) => session.rows(`pragma ${name}`));
    expect(await pragma('journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    expect(await pragma('synchronous')).toEqual([{ synchronous: 2 }]);
    expect(await pragma('foreign_keys')).toEqual([{ foreign_keys: 1 }]);
    await database.close();
  });

  test('keeps everything when it is closed and opened again, without leftovers beside it', async () => {
    const first = storeAt(path);
    await first.migrate();
    const lease = await acquire(first);
    await landed(first, lease, range(0, 10));
    const before = await everything(first);
    await first.close();
    await expect(stat(`${path}-wal`)).rejects.toThrow(/ENOENT/);
    const second = storeAt(path);
    await second.migrate();
    expect(await everything(second)).toEqual(before);
  });

  test('of a newer sluice is left alone', async () => {
    await storeAt(path).migrate();
    await closeAll();
    withFile((raw) => raw.exec(`pragma user_version = ${SCHEMA_VERSION + 1}`));
    const message = new RegExp(`${path}.*version ${SCHEMA_VERSION + 1}.*up to ${SCHEMA_VERSION}`);
    await expectCode(storeAt(path).migrate(), 'state_newer', message);
    await closeAll();
    expect(withFile((raw) => raw.prepare('pragma user_version').get())).toEqual({ user_version: SCHEMA_VERSION + 1 });
  });

  test('of another program is left alone', async () => {
    withFile((raw) => raw.exec('create table theirs (a)'));
    const before = await readFile(path);
    await expectCode(
      storeAt(path).migrate(),
      'state_unavailable',
      /state\.sqlite is a SQLite database of another program/,
    );
    await expectCode(storeAt(path).batches(JOB), 'state_unavailable');
    expect((await readFile(path)).equals(before)).toBe(true);
  });

  test('that is no database is named and left alone', async () => {
    await writeFile(path, 'not a database at all, but long enough to be one '.repeat(30));
    const before = await readFile(path);
    await expectCode(storeAt(path).migrate(), 'state_unavailable', /state\.sqlite is not a SQLite database/);
    expect((await readFile(path)).equals(before)).toBe(true);
  });

  test('that is damaged is named', async () => {
    const store = storeAt(path);
    await store.migrate();
    const lease = await acquire(store);
    for (let index = 0; index < 50; index += 1) await landed(store, lease, range(index * 10, index * 10 + 10));
    await store.close();
    const { size } = await stat(path);
    const file = await open(path, 'r+');
    // All pages but the first, which holds the header and the schema.
    await file.write(Buffer.alloc(size - 4096, 0x5a), 0, size - 4096, 4096);
    await file.close();
    await expectCode(storeAt(path).batches(JOB), 'state_unavailable', /state\.sqlite is damaged/);
  });

  test.each([
    { title: 'is a folder', prepare: (file: string) => mkdir(file), message: /state\.sqlite cannot be opened/ },
    {
      title: 'would lie inside a file',
      prepare: (file: string) => writeFile(`${file}.x`, ''),
      below: 'x',
      message: /folder of the state database .* cannot be created/,
    },
  ])('that $title is named', async ({ prepare, below, message }) => {
    await prepare(path);
    const file = below === undefined ? path : join(`${path}.${below}`, 'state.sqlite');
    await expectCode(storeAt(file).migrate(), 'state_unavailable', message);
  });

  test('whose folder could not be made is opened once it can', async () => {
    await writeFile(`${path}.x`, '');
    const store = storeAt(join(`${path}.x`, 'state.sqlite'));
    await expectCode(store.migrate(), 'state_unavailable');
    await rm(`${path}.x`);
    await store.migrate();
    expect(await store.batches(JOB)).toEqual([]);
  });

  test('in a folder that cannot be written to is named', async () => {
    await chmod(folder, 0o555);
    await asNobody(() => expectCode(storeAt(path).migrate(), 'state_unavailable', /state\.sqlite cannot be opened/));
    await asNobody(() =>
      expectCode(storeAt(join(folder, 'a', 'state.sqlite')).migrate(), 'state_unavailable', /EACCES/),
    );
    await chmod(folder, 0o755);
  });

  test('that cannot be written to is named', async () => {
    await storeAt(path).migrate();
    await opened.pop()?.close();
    await chmod(path, 0o444);
    await chmod(folder, 0o777);
    await asNobody(async () => {
      const store = storeAt(path);
      await expectCode(store.acquireLease(request()), 'state_unavailable', /state\.sqlite cannot be/);
      await store.close();
    });
  });

  test('whose chain somebody else broke refuses the next batch by its unique keys, and keeps nothing of it', async () => {
    const store = storeAt(path);
    await store.migrate();
    const lease = await acquire(store);
    await landed(store, lease, range(0, 10));
    const before = await store.batches(JOB);
    const database = sqliteDatabase({ path, instant: hostInstant(CLOCK) });
    await database.write((session) => session.change('update sluice_position set next_offset = 5'));
    await database.close();
    await expectCode(store.planBatch(lease, T1, stream([range(5, 10)])), 'state_conflict', /refused a row/);
    expect(await store.batches(JOB)).toEqual(before);
  });

  test('that cannot grow rolls back, says so, and works again when it can', async () => {
    const database = sqliteDatabase({ path, instant: hostInstant(CLOCK) });
    await database.migrate();
    const limit = (pages: number) => database.read((session) => session.rows(`pragma max_page_count = ${pages}`));
    const add = (name: string) =>
      database.write((session) =>
        session.change('insert into sluice_fact (job, name, value) values (?, ?, ?)', [JOB, name, 'x'.repeat(100_000)]),
      );
    const names = async () => (await database.read((session) => session.rows('select name from sluice_fact'))).length;
    await limit(40);
    await expectCode(add('a'), 'state_unavailable', /no space is left/);
    expect(await names()).toBe(0);
    await limit(1_000_000);
    await add('a');
    expect(await names()).toBe(1);
    await database.close();
  });
});

describe('a lock that another process holds', () => {
  test('is waited for while the process goes on with other work', async () => {
    const store = storeAt(path);
    await store.migrate();
    const lock = await lockElsewhere();
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 10);
    const acquiring = acquire(store);
    const first = await Promise.race([acquiring.then(() => 'acquired'), delay(500, 'still waiting')]);
    clearInterval(timer);
    await lock.release();
    expect(first).toBe('still waiting');
    expect((await acquiring).token).toBe(1);
    expect(ticks).toBeGreaterThan(5);
  });

  test('is not waited for for ever', async () => {
    await storeAt(path).migrate();
    const lock = await lockElsewhere();
    const store = storeAt(path, 300);
    await expectCode(store.acquireLease(request()), 'state_unavailable', /locked by another process/);
    expect(await store.leaseOf(JOB)).toBeNull();
    await lock.release();
    await acquire(store);
  });
});

describe('lease time', () => {
  test('is one and the same for all processes of the machine', () => {
    const instant = hostInstant(CLOCK);
    const before = instant();
    const script = 'process.stdout.write(String(process.hrtime.bigint() / 1000000n))';
    const elsewhere = Number(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }));
    const after = instant();
    expect(elsewhere).toBeGreaterThanOrEqual(before.uptimeMs);
    expect(elsewhere).toBeLessThanOrEqual(after.uptimeMs);
    expect(after.bootId).toBe(before.bootId);
  });

  test('a wall clock that jumps by an hour neither frees nor prolongs a lease (F65)', async () => {
    let wallMs = Date.UTC(2026, 0, 1);
    let uptimeMs = 1000;
    const instant = () => ({ wallMs, bootId: 'boot', uptimeMs });
    const store = createKnexStateStore({ client: 'sqlite', path }, { clock: { now: () => wallMs }, instant });
    opened.push(store);
    await store.migrate();
    const lease = await acquire(store);
    for (const jump of [3_600_000, -7_200_000, -wallMs]) {
      wallMs += jump;
      uptimeMs += 1000;
      await store.assertLease(lease);
      expect(await store.acquireLease(request())).toMatchObject({ status: 'held' });
    }
    uptimeMs += 60_000;
    expect(await store.acquireLease(request())).toMatchObject({ status: 'acquired' });
  });

  test('after a reboot a clock that went back makes the others wait once more, not for ever', async () => {
    let now = { wallMs: Date.UTC(2026, 0, 1), bootId: 'one', uptimeMs: 1000 };
    const store = createKnexStateStore({ client: 'sqlite', path }, { clock: CLOCK, instant: () => now });
    opened.push(store);
    await store.migrate();
    await acquire(store);
    now = { wallMs: 0, bootId: 'two', uptimeMs: 10 };
    expect(await store.acquireLease(request())).toMatchObject({ status: 'held', remainingMs: 60_000 });
    now = { wallMs: 59_999, bootId: 'two', uptimeMs: 60_009 };
    expect(await store.acquireLease(request())).toMatchObject({ status: 'held', remainingMs: 1 });
    now = { wallMs: 60_000, bootId: 'two', uptimeMs: 60_010 };
    expect(await store.acquireLease(request())).toMatchObject({ status: 'acquired' });
  });
});

describe('life of a store', () => {
  test('knex is not loaded before the first call', () => {
    const module = new URL('../../src/adapters/knex-state/knex-state-store.ts', import.meta.url).href;
    const script = `
      const { createKnexStateStore } = await import(${JSON.stringify(module)});
      const { createRequire } = await import('node:module');
      const loaded = () => Object.keys(createRequire(${JSON.stringify(module)}).cache).some((file) => /[\\\\/]knex[\\\\/]/.test(file));
      const store = createKnexStateStore({ client: 'sqlite', path: process.argv[1] }, { clock: { now: () => 0 } });
      const before = loaded();
      await store.migrate();
      await store.close();
      process.stdout.write(JSON.stringify([before, loaded()]));`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script, path], { encoding: 'utf8' });
    expect(said).toBe('[false,true]');
  });

  test('closing twice, or without any use, is fine; using it afterwards is a defect', async () => {
    const unused = storeAt(path);
    await unused.close();
    await unused.close();
    const store = storeAt(path);
    await store.migrate();
    await store.close();
    await store.close();
    await expectCode(store.batches(JOB), 'internal', /after it had been closed/);
  });

  test("an error of the caller's own code rolls back and comes out as it is", async () => {
    const store = storeAt(path);
    await store.migrate();
    const mine = Object.assign(new Error('connection timeout SQLITE_BUSY'), { code: 'SQLITE_FULL' });
    const failingRequest = request({
      isAlive: () => {
        throw mine;
      },
    });
    const lease = await acquire(store);
    await expect(store.acquireLease(failingRequest)).rejects.toBe(mine);
    const failing = (): never => {
      throw mine;
    };
    await expect(store.planBatch(lease, T1, failing)).rejects.toBe(mine);
    expect((await store.planBatch(lease, T1, stream([range(0, 10)]))).seq).toBe(1);
  });
});

describe('ten thousand batches', () => {
  test('do not slow an hourly run down', async () => {
    const store = storeAt(path);
    await store.migrate();
    const lease = await acquire(store);
    const count = 10_000;
    const sealed = Array.from({ length: count }, (_, index) => {
      const intent = stream([range(index * 10, index * 10 + 10)]);
      const manifest = manifestOf({ job: JOB, seq: index + 1, kind: 'stream', logicalTime: T1, intent });
      return {
        manifest: { ...manifest, objects: Array.from({ length: 12 }, () => manifest.objects).flat() },
        admission: null,
      };
    });
    await store.restore(lease, sealed);
    const all = sealed.map(({ manifest }) => manifest.seq);
    await store.markLoaded(lease, all);
    await store.markPublished(lease, 'm', { seqs: all.slice(0, -2), partitions: [], logicalTime: T1 });

    const startedAt = performance.now();
    const unfinished = await store.batches(JOB, { states: ['planned', 'landed'] });
    const positions = await store.positions(JOB);
    const unpublished = await store.unpublishedBatches(JOB, 'm');
    const batches = await store.batchesBySeq(JOB, unpublished);
    const published = await store.publishedBatches(JOB, 'm');
    const last = await store.lastLogicalTime(JOB);
    const tookMs = performance.now() - startedAt;

    expect([unfinished.length, positions[0]?.next, unpublished, batches.length, published.size, last]).toEqual([
      0,
      '100000',
      [9_999, 10_000],
      2,
      9_998,
      T1,
    ]);
    // About 5 ms on an idle machine. Measured against what it must not do: parse every manifest.
    const wholeStartedAt = performance.now();
    await store.batches(JOB);
    expect(tookMs).toBeLessThan((performance.now() - wholeStartedAt) / 3);
  });
});
