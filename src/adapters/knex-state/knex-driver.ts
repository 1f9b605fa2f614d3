/** The slice of knex that this adapter uses, and how its errors become plain ones again. The only file that loads the package. */
import { SluiceError } from '../../core/errors.ts';
import type { Session, SqlValue } from './session.ts';

/** A driver's connection; knex marks it when it must not be used again. */
export type Connection = object;

export interface RawQuery extends PromiseLike<unknown> {
  connection(connection: Connection): RawQuery;
}

export interface Knex {
  readonly client: {
    acquireConnection(): Promise<Connection>;
    releaseConnection(connection: Connection): Promise<void>;
  };
  raw(sql: string, values: readonly SqlValue[]): RawQuery;
  destroy(): Promise<void>;
}

export interface KnexConfig {
  readonly client: 'better-sqlite3' | 'pg';
  readonly connection: Readonly<Record<string, unknown>>;
  readonly pool: Readonly<Record<string, unknown>>;
}

/** Printing is the command line's work, and knex would print connection errors that are also thrown. */
const SILENT = { warn: silent, error: silent, debug: silent, deprecate: silent };

/** Loading knex takes about 100 ms, so nothing loads it before the first query. */
export async function openKnex(config: KnexConfig): Promise<Knex> {
  const { default: knex } = await import('knex');
  return knex({
    ...config,
    useNullAsDefault: true,
    // Bound values must not get into messages: facts and progress are the user's data.
    compileSqlOnError: false,
    asyncStackTraces: false,
    log: SILENT,
  });
}

/** How one database answers, and what its errors mean. */
export interface Driver {
  /** For messages; never with a password. */
  readonly label: string;
  open(): Promise<Knex>;
  rows(response: unknown): readonly Readonly<Record<string, unknown>>[];
  changed(response: unknown): number;
  /** The database's own error as one of the catalogue, where it is known; never called with errors of the caller's code. */
  explain(error: unknown): unknown;
}

/** knex, opened at the first use and closed once. */
export class KnexConnections {
  readonly #driver: Driver;
  #opened: Promise<Knex> | undefined;
  #closed = false;

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  /** Runs `work` on one connection of its own. */
  async use<T>(work: (session: Session, connection: Connection) => Promise<T>): Promise<T> {
    if (this.#closed) {
      throw new SluiceError('internal', `The state store (${this.#driver.label}) was used after it had been closed.`);
    }
    const { knex, connection } = await this.#acquire();
    try {
      return await work(this.#session(knex, connection), connection);
    } finally {
      await knex.client.releaseConnection(connection);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const knex = await this.#opened?.catch(() => undefined);
    await knex?.destroy();
  }

  async #acquire(): Promise<{ readonly knex: Knex; readonly connection: Connection }> {
    try {
      this.#opened ??= this.#driver.open();
      // A folder that could not be made may be there the next time.
      const knex = await this.#opened.catch((error: unknown) => {
        this.#opened = undefined;
        throw error;
      });
      return { knex, connection: await knex.client.acquireConnection() };
    } catch (error) {
      throw this.#driver.explain(error);
    }
  }

  #session(knex: Knex, connection: Connection): Session {
    const query = async (sql: string, values: readonly SqlValue[] = []): Promise<unknown> => {
      try {
        return await knex.raw(sql, values).connection(connection);
      } catch (error) {
        throw this.#driver.explain(withoutSql(error, sql));
      }
    };
    return {
      rows: async (sql, values) => this.#driver.rows(await query(sql, values)),
      change: async (sql, values) => this.#driver.changed(await query(sql, values)),
    };
  }
}

/** knex puts the statement (with its placeholders numbered, so never shorter) and ` - ` before the database's message. */
function withoutSql(error: unknown, sql: string): unknown {
  if (!(error instanceof Error)) return error;
  const end = error.message.indexOf(' - ', sql.length);
  if (end >= 0) error.message = error.message.slice(end + 3);
  return error;
}

function silent(): void {
  // See SILENT.
}
