/**
 * SQLite by better-sqlite3: one file, one connection, every write a `begin immediate`. better-sqlite3 waits for locks synchronously, so the
 * waiting that may last is done here, between attempts, where timers still run.
 */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SluiceError, messageOf } from '../../core/errors.ts';
import type { LeaseInstant } from '../../state/lease-rules.ts';
import { knexSession, openKnex } from './knex-driver.ts';
import type { Connection, Knex, ResultReader } from './knex-driver.ts';
import { applyMigrations, isCurrent } from './migrate.ts';
import { SCHEMA_VERSION } from './schema.ts';
import type { Dialect, Session, StateDatabase } from './session.ts';
import { integer } from './session.ts';
import { isBusy, sqliteError } from './sqlite-errors.ts';

/** How long one attempt may block the event loop, and how long all of them together may last. */
const BUSY_TIMEOUT_MS = 20;
export const MAX_LOCK_WAIT_MS = 15_000;

/** `sluc`: SQLite keeps it in the file's header; another program's database is never written to. */
const APPLICATION_ID = 0x736c7563;

const DIALECT: Dialect = { name: 'sqlite', forUpdate: '', nowMs: 'null' };
const TYPES = { int64: 'integer', text: 'text' };

const RESULT: ResultReader = {
  rows: (response) => response as readonly Readonly<Record<string, unknown>>[],
  // A statement without rows answers { changes }; pragmas and DDL may answer rows.
  changed: (response) => (Array.isArray(response) ? 0 : (response as { readonly changes: number }).changes),
};

export function sqliteDatabase(path: string, instant: () => LeaseInstant): StateDatabase {
  let opened: Promise<Knex> | undefined;
  let closed = false;

  async function use<T>(work: (session: Session, knex: Knex, connection: Connection) => Promise<T>): Promise<T> {
    if (closed) throw new SluiceError('internal', `The state database ${path} was used after it had been closed.`);
    try {
      opened ??= openFile(path);
      const knex = await opened;
      const connection = await knex.client.acquireConnection();
      try {
        return await work(knexSession(knex, connection, RESULT), knex, connection);
      } finally {
        await knex.client.releaseConnection(connection);
      }
    } catch (error) {
      throw sqliteError(error, path);
    }
  }

  const read = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
    patiently(() => use((session) => work(session)));

  async function write<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return use(async (session) => {
      await patiently(() => session.change('begin immediate'));
      return finishTransaction(session, work);
    });
  }

  return {
    dialect: DIALECT,
    read,
    write,
    instant: () => Promise.resolve(instant()),
    migrate: async () => {
      const version = await read((session) => userVersion(session, path));
      if (isCurrent(version, path)) return;
      await write(async (session) => {
        // Another process may have come first while this one waited for the lock.
        const found = await userVersion(session, path);
        if (isCurrent(found, path)) return;
        await applyMigrations(session, found, TYPES);
        await session.change(`pragma application_id = ${APPLICATION_ID}`);
        await session.change(`pragma user_version = ${SCHEMA_VERSION}`);
      });
    },
    close: async () => {
      if (closed) return;
      closed = true;
      const knex = await opened?.catch(() => undefined);
      await knex?.destroy();
    },
  };
}

async function openFile(path: string): Promise<Knex> {
  try {
    await mkdir(dirname(path), { recursive: true });
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
      afterCreate: (connection: { pragma(text: string): unknown }, done: (error: Error | null) => void) => {
        preparePragmas(connection).then(
          () => done(null),
          (error: unknown) => done(error instanceof Error ? error : new Error(messageOf(error))),
        );
      },
    },
  });
}

async function preparePragmas(connection: { pragma(text: string): unknown }): Promise<void> {
  connection.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
  // Switching to WAL needs the file alone and does not wait for it: many first starts at once meet here.
  await patiently(() => Promise.resolve(connection.pragma('journal_mode = wal')));
  // A sealed batch must survive a power cut: better-sqlite3 is built with NORMAL for WAL, which may lose the last commits.
  connection.pragma('synchronous = full');
  connection.pragma('foreign_keys = on');
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

async function userVersion(session: Session, path: string): Promise<number> {
  const [row] = await session.rows(
    `select (select user_version from pragma_user_version) as version,
            (select application_id from pragma_application_id) as application,
            (select count(*) from sqlite_schema) as objects`,
  );
  if (row === undefined) return 0;
  if (integer(row, 'objects') > 0 && integer(row, 'application') !== APPLICATION_ID) {
    throw new SluiceError('state_unavailable', `${path} is a SQLite database of another program.`, {
      hint: 'Point the state store at a file of its own.',
    });
  }
  return integer(row, 'version');
}

async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + MAX_LOCK_WAIT_MS;
  for (let waitMs = 2; ; waitMs = Math.min(waitMs * 2, 50)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      await delay(waitMs);
    }
  }
}
