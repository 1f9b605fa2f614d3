/**
 * SQLite by better-sqlite3: one file, one connection, every write a `begin immediate`. better-sqlite3 waits for locks synchronously, so the
 * waiting that may last is done here, between attempts, where timers still run.
 */
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SluiceError, messageOf } from '../../core/errors.ts';
import type { LeaseInstant } from '../../state/lease-rules.ts';
import { makeFolders } from '../folders/make-folders.ts';
import { KnexConnections, openKnex } from './knex-driver.ts';
import type { Knex } from './knex-driver.ts';
import { applyMigrations, isCurrent } from './migrate.ts';
import { SCHEMA_VERSION } from './schema.ts';
import type { Dialect, Session, StateDatabase } from './session.ts';
import { integer } from './session.ts';
import { isBusy, sqliteError } from './sqlite-errors.ts';

/** How long one attempt may block the event loop; all of them together last up to `maxWaitMs`. */
const BUSY_TIMEOUT_MS = 20;
/** A transaction takes milliseconds, and the twentieth of twenty processes starting at once gets its turn within a second. */
const DEFAULT_MAX_WAIT_MS = 15_000;

/** `sluc`: SQLite keeps it in the file's header; another program's database is never written to. */
const APPLICATION_ID = 0x736c7563;

const DIALECT: Dialect = { name: 'sqlite', forUpdate: '', nowMs: 'null' };
const TYPES = { int64: 'integer', text: 'text' };

export interface SqliteOptions {
  readonly path: string;
  readonly instant: () => LeaseInstant;
  readonly maxWaitMs?: number | undefined;
}

export function sqliteDatabase({ path, instant, maxWaitMs = DEFAULT_MAX_WAIT_MS }: SqliteOptions): StateDatabase {
  const connections = new KnexConnections({
    label: path,
    open: () => openFile(path, maxWaitMs),
    rows: (response) => response as readonly Readonly<Record<string, unknown>>[],
    // A statement without rows answers { changes }; pragmas and DDL may answer rows.
    changed: (response) => (Array.isArray(response) ? 0 : (response as { readonly changes: number }).changes),
    explain: (error) => sqliteError(error, path),
  });

  const read = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
    patiently(maxWaitMs, () => connections.use((session) => work(session)));

  const write = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
    connections.use(async (session) => {
      await patiently(maxWaitMs, () => session.change('begin immediate'));
      return finishTransaction(session, work);
    });

  return {
    dialect: DIALECT,
    read,
    write,
    instant: () => Promise.resolve(instant()),
    migrate: async () => {
      const version = await read(userVersion);
      if (isCurrent(version, path)) return;
      await write(async (session) => {
        // Another process may have come first while this one waited for the lock.
        const found = await userVersion(session);
        if (isCurrent(found, path)) return;
        await applyMigrations(session, found, TYPES);
        await session.change(`pragma application_id = ${APPLICATION_ID}`);
        await session.change(`pragma user_version = ${SCHEMA_VERSION}`);
      });
    },
    close: () => connections.close(),
  };
}

async function openFile(path: string, maxWaitMs: number): Promise<Knex> {
  try {
    await makeFolders(dirname(path));
  } catch (error) {
    throw new SluiceError(
      'state_unavailable',
      `The folder of the state database ${path} cannot be created: ${messageOf(error)}.`,
      { hint: 'Make the folder writable, or set SLUICE_HOME to one that is.', cause: error },
    );
  }
  return openKnex({
    client: 'better-sqlite3',
    connection: { filename: path },
    pool: {
      min: 0,
      max: 1,
      idleTimeoutMillis: 2 ** 31 - 1,
      afterCreate: (connection: SqliteConnection, done: (error: unknown) => void) => {
        prepareConnection(connection, path, maxWaitMs).then(() => done(null), done);
      },
    },
  });
}

/** better-sqlite3's connection; knex has no word for pragmas. */
interface SqliteConnection {
  pragma(text: string, options?: { readonly simple: true }): unknown;
  prepare(sql: string): { get(): unknown };
}

async function prepareConnection(connection: SqliteConnection, path: string, maxWaitMs: number): Promise<void> {
  connection.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
  // Everything below writes; many first starts at once meet here, and switching to WAL does not wait for the others by itself.
  await patiently(maxWaitMs, async () => {
    refuseForeign(connection, path);
    connection.pragma('journal_mode = wal');
  });
  // A sealed batch must survive a power cut: better-sqlite3 is built with NORMAL for WAL, which may lose the last commits.
  connection.pragma('synchronous = full');
  connection.pragma('foreign_keys = on');
}

function refuseForeign(connection: SqliteConnection, path: string): void {
  if (connection.pragma('application_id', { simple: true }) === APPLICATION_ID) return;
  if (connection.prepare('select 1 from sqlite_schema limit 1').get() === undefined) return;
  throw new SluiceError('state_unavailable', `${path} is a SQLite database of another program.`, {
    hint: 'Point the state store at a file of its own.',
    details: { path },
  });
}

async function finishTransaction<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
  try {
    const result = await work(session);
    await session.change('commit');
    return result;
  } catch (error) {
    // A full disk or an I/O error has rolled back already; then there is no transaction, which is what is wanted.
    await session.change('rollback').catch(() => undefined);
    throw error;
  }
}

async function userVersion(session: Session): Promise<number> {
  const [row] = await session.rows('pragma user_version');
  return row === undefined ? 0 : integer(row, 'user_version');
}

async function patiently<T>(maxWaitMs: number, attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + maxWaitMs;
  for (let waitMs = 2; ; waitMs = Math.min(waitMs * 2, 50)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      await delay(waitMs);
    }
  }
}
