/** PostgreSQL by pg: a small pool, the database's clock, its own lock around migrations. */
import { databaseInstant } from './fence.ts';
import { KnexConnections, openKnex } from './knex-driver.ts';
import type { Knex } from './knex-driver.ts';
import { applyMigrations, isCurrent } from './migrate.ts';
import { breaksConnection, isMissingTable, parsePostgresUrl, postgresError } from './postgres-errors.ts';
import { SCHEMA_VERSION } from './schema.ts';
import type { Dialect, Session, StateDatabase } from './session.ts';
import { integer } from './session.ts';

/** Every statement here takes milliseconds; one that takes this long hangs behind a lock. */
const DEFAULT_MAX_WAIT_MS = 30_000;
/** The client gives up this much later, for a server that does not answer at all. */
const MAX_ANSWER_GRACE_MS = 5_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** A process that was paused inside a transaction must lose the lease's row sooner than those who wait for it give up. */
const MAX_IDLE_IN_TRANSACTION_MS = 10_000;
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

export function postgresDatabase(url: string, maxWaitMs: number = DEFAULT_MAX_WAIT_MS): StateDatabase {
  const server = parsePostgresUrl(url);
  const connections = new KnexConnections({
    label: server.label,
    open: () => openServer(url, maxWaitMs),
    rows: (response) => (response as PgResult).rows,
    changed: (response) => (response as PgResult).rowCount ?? 0,
    explain: (error) => postgresError(error, server),
  });

  const read = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
    connections.use(async (session, connection) => {
      try {
        return await work(session);
      } catch (error) {
        if (breaksConnection(error)) abandon(connection as PgConnection);
        throw error;
      }
    });

  const write = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
    read(async (session) => {
      // Whatever the server's default: a stricter level would fail where waiting for the lease's row is meant.
      await session.change('begin isolation level read committed');
      return finishTransaction(session, work);
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
    close: () => connections.close(),
  };
}

async function openServer(url: string, maxWaitMs: number): Promise<Knex> {
  return openKnex({
    client: 'pg',
    connection: {
      connectionString: url,
      application_name: 'sluice',
      statement_timeout: maxWaitMs,
      query_timeout: maxWaitMs + Math.min(maxWaitMs, MAX_ANSWER_GRACE_MS),
      idle_in_transaction_session_timeout: Math.min(maxWaitMs, MAX_IDLE_IN_TRANSACTION_MS),
      connectionTimeoutMillis: Math.min(maxWaitMs, CONNECT_TIMEOUT_MS),
      keepAlive: true,
    },
    pool: {
      min: 0,
      max: MAX_CONNECTIONS,
      idleTimeoutMillis: 30_000,
      acquireTimeoutMillis: maxWaitMs + CONNECT_TIMEOUT_MS,
    },
  });
}

async function finishTransaction<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T> {
  try {
    const result = await work(session);
    await session.change('commit');
    return result;
  } catch (error) {
    // Without a connection the server rolls back by itself; a rollback that fails breaks the connection.
    if (!breaksConnection(error)) await session.change('rollback');
    throw error;
  }
}

/** pg's client: its `end` drops the socket at once while a statement is under way. */
interface PgConnection {
  __knex__disposed?: string;
  end(): Promise<void>;
}

/** Nobody may get this connection again: its transaction may still be open, or an answer still to come. */
function abandon(connection: PgConnection): void {
  connection.__knex__disposed = 'abandoned';
  connection.end().catch(() => undefined);
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
