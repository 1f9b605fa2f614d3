/** What can go wrong between the state store and a PostgreSQL server. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createKnexStateStore } from '../../src/adapters/knex-state/knex-state-store.ts';
import { SCHEMA_VERSION } from '../../src/adapters/knex-state/schema.ts';
import { isSluiceError } from '../../src/core/errors.ts';
import type { BatchRecord, Lease, StateStore } from '../../src/state/ports.ts';
import { everything, expectCode } from '../contract/state-store/expectations.ts';
import {
  JOB,
  T1,
  acquire,
  admission,
  landed,
  manifestOf,
  range,
  request,
  snapshotIntent,
  stream,
  takeOver,
} from '../contract/state-store/fixtures.ts';
import { startProxy } from '../services/postgres/proxy.ts';
import { startPostgres } from '../services/postgres/server.ts';
import type { PostgresServer } from '../services/postgres/server.ts';

let server: PostgresServer;
let url: string;
const opened: StateStore[] = [];
const clients: pg.Client[] = [];

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  url = await server.createDatabase();
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  for (const client of clients.splice(0)) await client.end();
});

function storeAt(address: string, maxWaitMs?: number): StateStore {
  const clock = { now: () => 0 };
  const store = createKnexStateStore(
    { client: 'postgres', url: address },
    maxWaitMs === undefined ? { clock } : { clock, maxWaitMs },
  );
  opened.push(store);
  return store;
}

async function migrated(maxWaitMs?: number): Promise<StateStore> {
  const store = storeAt(url, maxWaitMs);
  await store.migrate();
  return store;
}

function snapshotBatch(seq: number): Pick<BatchRecord, 'job' | 'seq' | 'kind' | 'logicalTime' | 'intent'> {
  return { job: JOB, seq, kind: 'snapshot', logicalTime: T1, intent: snapshotIntent(seq) };
}

/** A connection beside the store's. */
async function beside(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  clients.push(client);
  await client.connect();
  return client;
}

/** Waits until a statement of the store waits for a lock, and answers its server process. Within a transaction the view would not change. */
async function waitingSession(): Promise<number> {
  const database = new URL(url).pathname.slice(1);
  for (;;) {
    const [row] = await server.admin(
      `select pid from pg_stat_activity
        where datname = '${database}' and application_name = 'sluice' and wait_event_type = 'Lock'`,
    );
    if (typeof row?.['pid'] === 'number') return row['pid'];
    await delay(10);
  }
}

async function terminateAll(client: pg.Client): Promise<void> {
  await client.query(
    `select pg_terminate_backend(pid, 5000) from pg_stat_activity
      where datname = current_database() and application_name = 'sluice'`,
  );
}

describe("the lease's row", () => {
  test('makes a write wait for a takeover in progress, and then refuses it', async () => {
    const store = await migrated();
    const lease = await acquire(store);
    const before = await everything(store);
    const taker = await beside();
    await taker.query('begin');
    await taker.query('update sluice_lease set token = token + 1 where job = $1', [JOB]);
    const write = store.planBatch(lease, T1, stream([range(0, 10)])).catch((error: unknown) => error);
    await waitingSession();
    await taker.query('commit');
    const error = await write;
    expect(isSluiceError(error, 'lease_lost')).toBe(true);
    expect(await everything(store)).toEqual(before);
  });

  test('makes a takeover wait for a write in progress', async () => {
    const store = await migrated();
    const lease = await acquire(store);
    const writer = await beside();
    await writer.query('begin');
    await writer.query('select token from sluice_lease where job = $1 for update', [JOB]);
    const takeover = takeOver(storeAt(url));
    await waitingSession();
    await store.assertLease(lease);
    await writer.query('commit');
    expect((await takeover).token).toBe(2);
    await expectCode(store.assertLease(lease), 'lease_lost');
  });

  test("counts by the database's clock, measured when the row was had", async () => {
    const store = await migrated();
    const blocker = await beside();
    await acquire(store);
    await store.releaseLease({ job: JOB, token: 1 });
    await blocker.query('begin');
    await blocker.query('select token from sluice_lease where job = $1 for update', [JOB]);
    const acquiring = store.acquireLease(request({ ttlMs: 3000 }));
    await waitingSession();
    await delay(3200);
    await blocker.query('commit');
    expect(await acquiring).toMatchObject({ status: 'acquired' });
    // Measured before the wait, the lease would have expired by now.
    expect((await store.leaseOf(JOB))?.remainingMs).toBeGreaterThan(500);
  });
});

describe('a lost connection', () => {
  test('in the middle of a transaction rolls it back, says so, and the next call works', async () => {
    const store = await migrated();
    const lease = await acquire(store);
    await landed(store, lease, range(0, 10));
    const before = await everything(store);
    const blocker = await beside();
    await blocker.query('begin');
    // The plan has written its batch when it comes to the ranges.
    await blocker.query('lock table sluice_range in exclusive mode');
    const write = store.planBatch(lease, T1, stream([range(10, 20)])).catch((error: unknown) => error);
    const pid = await waitingSession();
    await blocker.query('select pg_terminate_backend($1)', [pid]);
    const error = await write;
    expect(isSluiceError(error, 'state_unavailable') && error.message).toMatch(
      /shut down or restarted|broke the connection/,
    );
    await blocker.query('rollback');
    expect(await everything(store)).toEqual(before);
    expect((await store.planBatch(lease, T1, stream([range(10, 20)]))).seq).toBe(2);
  });

  test('while nothing runs does not disturb the process or the next call', async () => {
    const store = await migrated();
    const lease = await acquire(store);
    await terminateAll(await beside());
    await delay(100);
    await store.assertLease(lease);
  });

  test("that goes silent ends by the client's own time-out", async () => {
    const proxy = await startProxy(server.port);
    try {
      const address = new URL(url);
      address.port = String(proxy.port);
      const store = storeAt(address.href, 300);
      await store.migrate();
      proxy.freeze();
      const startedAt = performance.now();
      await expectCode(store.batches(JOB), 'state_unavailable', /timeout/i);
      expect(performance.now() - startedAt).toBeLessThan(8_000);
    } finally {
      await proxy.close();
    }
  });
});

/** Each is called twice: the first call's commit takes place and its reply is lost. */
const REPEATED: readonly (readonly [
  name: keyof StateStore,
  call: (store: StateStore, lease: Lease) => Promise<unknown>,
])[] = [
  ['planBatch', (store, lease) => store.planBatch(lease, T1, stream([range(20, 30)]))],
  ['saveProgress', (store, lease) => store.saveProgress(lease, 3, { pages: 1 })],
  ['sealBatch', async (store, lease) => store.sealBatch(lease, manifestOf(snapshotBatch(3)))],
  ['saveAdmission', (store, lease) => store.saveAdmission(lease, 2, admission(2))],
  ['markLoaded', (store, lease) => store.markLoaded(lease, [2])],
  ['markUnloaded', (store, lease) => store.markUnloaded(lease, [1])],
  ['markPublished', (store, lease) => store.markPublished(lease, 'm', { seqs: [1], partitions: [], logicalTime: T1 })],
  ['setFact', (store, lease) => store.setFact(lease, 'fact', 1)],
  ['restore', (store, lease) => store.restore(lease, [])],
  ['renewLease', (store, lease) => store.renewLease(lease, 60_000)],
];

describe('a commit whose reply is lost', () => {
  test.each(REPEATED)(
    '%s: says that it does not know, and the same call again is a success with the same result',
    async (_name, call) => {
      const store = await migrated();
      const lease = await acquire(store);
      await landed(store, lease, range(0, 20));
      await store.markLoaded(lease, [1]);
      await store.planBatch(lease, T1, snapshotIntent);
      await store.sealBatch(lease, manifestOf(snapshotBatch(2)));
      if (_name !== 'planBatch') await store.planBatch(lease, T1, snapshotIntent);
      const proxy = await startProxy(server.port);
      try {
        const address = new URL(url);
        address.port = String(proxy.port);
        const remote = storeAt(address.href);
        await remote.assertLease(lease);
        proxy.loseReplyTo('commit\u0000');
        await expectCode(call(remote, lease), 'state_unavailable');
        const after = await everything(store);
        await call(remote, lease);
        expect(await everything(store)).toEqual(after);
      } finally {
        await proxy.close();
      }
    },
  );
});

describe('waiting', () => {
  test("for another session's lock ends after the longest wait", async () => {
    const store = await migrated(300);
    const lease = await acquire(store);
    const blocker = await beside();
    await blocker.query('begin');
    await blocker.query('select token from sluice_lease where job = $1 for update', [JOB]);
    await expectCode(store.setFact(lease, 'fact', 1), 'state_unavailable', /took too long/);
    await blocker.query('rollback');
    await store.setFact(lease, 'fact', 1);
  });
});

describe('what cannot be reached', () => {
  const closedPort = async (): Promise<number> => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    return port;
  };

  /** Neither message, hint, details nor causes may show the password in any form. */
  async function expectNoSecret(promise: Promise<unknown>, secret: string): Promise<void> {
    const error = await promise.catch((thrown: unknown) => thrown);
    const shown: string[] = [];
    for (let at: unknown = error; at instanceof Error; at = at.cause) {
      shown.push(at.message, at.stack ?? '', JSON.stringify(at, Object.getOwnPropertyNames(at)));
    }
    expect(shown.length).toBeGreaterThan(0);
    for (const text of shown) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(encodeURIComponent(secret));
    }
  }

  test.each([
    {
      title: 'a wrong password',
      change: (at: URL) => void (at.password = 'wr0ng-geheim'),
      secret: 'wr0ng-geheim',
      message: /postgres at 127\.0\.0\.1:\d+\/state_\d+ as sluice\) refused the password/,
    },
    {
      title: 'an unknown user',
      change: (at: URL) => void (at.username = 'nobody'),
      message: /as nobody\) refused the (password|user)/,
    },
    {
      title: 'an unknown database',
      change: (at: URL) => void (at.pathname = '/missing'),
      message: /\/missing as sluice\) does not have that database/,
    },
    {
      title: 'an unknown host',
      change: (at: URL) => void (at.hostname = 'no-such-host.invalid'),
      message: /no-such-host\.invalid.*(unknown host name|cannot be looked up)/,
    },
  ])('$title is named without the password', async ({ change, message, secret }) => {
    const address = new URL(url);
    change(address);
    await expectCode(storeAt(address.href).migrate(), 'state_unavailable', message);
    await expectNoSecret(storeAt(address.href).migrate(), secret ?? server.password);
  });

  test('a server that is down is named', async () => {
    const address = new URL(url);
    address.port = String(await closedPort());
    const message = new RegExp(`127\\.0\\.0\\.1:${address.port}.*connection refused`);
    await expectCode(storeAt(address.href).migrate(), 'state_unavailable', message);
    await expectNoSecret(storeAt(address.href).migrate(), server.password);
  });

  test.each(['not a url', 'mysql://user:geheim@host/db', 'geheim'])('%s is a configuration mistake', (address) => {
    let thrown: unknown;
    try {
      storeAt(address);
    } catch (error) {
      thrown = error;
    }
    expect(isSluiceError(thrown, 'config_invalid')).toBe(true);
    expect(String(thrown)).not.toContain('geheim');
  });

  test('a missing permission is named', async () => {
    await server.admin(`create role reader login password 'reader'`);
    await server.admin('revoke create on schema public from public', new URL(url).pathname.slice(1));
    const address = new URL(url);
    address.username = 'reader';
    address.password = 'reader';
    await expectCode(storeAt(address.href).migrate(), 'state_unavailable', /as reader\) denied a permission/);
  });
});

describe('the schema', () => {
  test('of a newer sluice is left alone', async () => {
    await migrated();
    const client = await beside();
    await client.query('update sluice_schema set version = $1', [SCHEMA_VERSION + 1]);
    await expectCode(storeAt(url).migrate(), 'state_newer', new RegExp(`version ${SCHEMA_VERSION + 1}`));
    const { rows } = await client.query<{ version: string }>('select version from sluice_schema');
    expect(rows).toEqual([{ version: String(SCHEMA_VERSION + 1) }]);
  });

  test('refuses a chain that somebody else broke, by its unique keys', async () => {
    const store = await migrated();
    const lease = await acquire(store);
    await landed(store, lease, range(0, 10));
    const client = await beside();
    await client.query('update sluice_position set next_offset = 5');
    await expectCode(store.planBatch(lease, T1, stream([range(5, 10)])), 'state_conflict', /refused a row/);
    expect(await store.ranges(JOB)).toHaveLength(1);
  });
});
