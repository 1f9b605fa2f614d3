/** PostgreSQL by pg: a small pool, the database's clock, its own lock around migrations. */
import { SluiceError } from '../../core/errors.ts';
import { databaseInstant } from './fence.ts';
import { knexSession, openKnex } from './knex-driver.ts';
import type { Connection, Knex, ResultReader } from './knex-driver.ts';
import { applyMigrations, isCurrent } from './migrate.ts';
import { isMissingTable, parsePostgresUrl, postgresError } from './postgres-errors.ts';
import { SCHEMA_VERSION } from './schema.ts';
import type { Dialect, Session, StateDatabase } from './session.ts';
import { integer } from './session.ts';

/** Every statement here takes milliseconds; one that takes this long hangs behind a lock or a dead server. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** The client gives up a little later, for a server that does not answer at all. */
const QUERY_TIMEOUT_MS = 35_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** A process that was paused inside a transaction must not hold the lease's row for ever. */
const IDLE_IN_TRANSACTION_MS = 30_000;
/** A run works one step at a time and renews its lease beside it; servers give out connections sparingly. */
const MAX_CONNECTIONS = 3;

/** `sluice` as a number: the advisory lock that migrations take. */
const MIGRATION_LOCK = 0x736c75696365;

const DIALECT: Dialect = {
  name: 'postgres',
  forUpdate: ' for update',
  nowMs: 'cast(extract(epoch from clock_timestamp()) * 1000 as bigint)',
};
const TYPES = { int64: 'bigint', text: 'text collate "C"' };

interface PgResult {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly rowCount: number | null;
}

const RESULT: ResultReader = {
  rows: (response) => (response as PgResult).rows,
  changed: (response) => (response as PgResult).rowCount ?? 0,
};

export function postgresDatabase(url: string): StateDatabase {
  const server = parsePostgresUrl(url);
  let opened: Promise<Knex> | undefined;
  let closed = false;

  async function use<T>(work: (session: Session, connection: Connection) => Promise<T>): Promise<T> {
    if (closed)
      throw new SluiceError('internal', `The state database ${server.label} was used after it had been closed.`);
    try {
      opened ??= openServer(url);
      const knex = await opened;
      const connection = await knex.client.acquireConnection();
      try {
        return await work(knexSession(knex, connection, RESULT), connection);
      } finally {
        await knex.client.releaseConnection(connection);
      }
    } catch (error) {
      throw postgresError(error, server);
    }
  }

  const read = <T>(work: (session: Session) => Promise<T>): Promise<T> => use((session) => work(session));

  const write = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
    use(async (session, connection) => {
      await session.change('begin');
      return finishTransaction(session, connection, work);
    });

  return {
    dialect: DIALECT,
    read,
    write,
    instant: async (session) => {
      const [row] = await session.rows(`select ${DIALECT.nowMs} as now_ms`);
      return databaseInstant(row === undefined ? 0 : integer(row, 'now_ms'));
    },
    migrate: async () => {
      const version = await read(schemaVersion).catch((error: unknown) => {
        if (isMissingTable(error)) return 0;
        throw error;
      });
      if (isCurrent(version, server.label)) return;
      await write((session) => migrateAlone(session, server.label));
    },
    close: async () => {
      if (closed) return;
      closed = true;
      const knex = await opened?.catch(() => undefined);
      await knex?.destroy();
    },
  };
}

async function openServer(url: string): Promise<Knex> {
  return openKnex({
    client: 'pg',
    connection: {
      connectionString: url,
      application_name: 'sluice',
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    },
    pool: { min: 0, max: MAX_CONNECTIONS, idleTimeoutMillis: 30_000, acquireTimeoutMillis: STATEMENT_TIMEOUT_MS },
  });
}

async function finishTransaction<T>(
  session: Session,
  connection: Connection,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  try {
    const result = await work(session);
    await session.change('commit');
    return result;
  } catch (error) {
    await session.change('rollback').catch((lost: unknown) => {
      // Nobody may get this connection again: its transaction may still be open.
      Object.assign(connection, { __knex__disposed: lost });
    });
    throw error;
  }
}

async function migrateAlone(session: Session, label: string): Promise<void> {
  await session.rows(`select pg_advisory_xact_lock(${MIGRATION_LOCK})`);
  await session.change('create table if not exists sluice_schema (version bigint not null)');
  const version = await schemaVersion(session);
  if (isCurrent(version, label)) return;
  await applyMigrations(session, version, TYPES);
  await session.change('delete from sluice_schema');
  await session.change('insert into sluice_schema (version) values (?)', [SCHEMA_VERSION]);
}

async function schemaVersion(session: Session): Promise<number> {
  const [row] = await session.rows('select coalesce(max(version), 0) as version from sluice_schema');
  return row === undefined ? 0 : integer(row, 'version');
}
