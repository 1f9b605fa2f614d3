/**
 * One DuckDB file, open for as long as load or models need it: DuckDB lets a single process hold a file (FACTS.md §7), so whoever
 * opens it waits a little for the other one, names it when it does not go away, and closes early. This is the only file that knows
 * `@duckdb/node-api`; the package is imported on first use because that costs 65-190 ms.
 */
import { statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Clock } from '../../core/clock.ts';
import { isSluiceError, messageOf, SluiceError } from '../../core/errors.ts';
import type { QueryResult } from '../../transform/run/ports.ts';
import { isCleared } from './damaged-file.ts';
import { databaseError, interrupted, locked } from './database-errors.ts';
import { toQueryResult } from './values.ts';

export { isWriteConflict } from './database-errors.ts';

export interface DuckDbOptions {
  /** The database file, made when missing (its folder must exist); `:memory:` for one that dies with the process. */
  readonly path: string;
  /** How long to wait for another process to let go of the file. 30 s outlasts an hourly run's load and models. */
  readonly waitMs?: number;
  /** DuckDB's own notation, `2GB`. Its default is 80 % of the machine. */
  readonly memoryLimit?: string;
  readonly threads?: number;
  /** Where queries spill; DuckDB's default is a folder beside the file. */
  readonly tempDirectory?: string;
  /** Ends waiting, interrupts every running statement and refuses new ones. */
  readonly signal?: AbortSignal;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** true: a file that is damaged is put aside, and a new one begun; only for work that builds everything anew. */
  readonly replaceDamaged?: boolean;
}

export const DEFAULT_LOCK_WAIT_MS = 30_000;
/** Between two tries to get the file: short enough not to be felt, long enough to cost nothing. */
const LOCK_RETRY_MS = 100;
/** An interrupt that arrives between two operators of a statement can be missed, so it is repeated until the statement ends. */
const INTERRUPT_RETRY_MS = 50;
/** Connections kept for reuse; opening one costs about a millisecond. */
const MAX_IDLE_CONNECTIONS = 8;

/** What can run SQL: the database itself (any connection) or one transaction's connection. */
export interface SqlRunner {
  /** Runs one or more statements; gives the rows that the last one wrote (0 for DDL, and when any of them is a query). */
  run(sql: string): Promise<number>;
  /** Runs one or more statements; gives the rows of the first that has any to give. */
  query(sql: string): Promise<QueryResult>;
}

export interface DuckDbConnection extends SqlRunner {
  /** As `DuckDbDatabase.transaction`, on this connection: it sees the session's temporary tables. */
  transaction<T>(work: (transaction: SqlRunner) => Promise<T>): Promise<T>;
  /** Gives the connection back. A connection with an open transaction is rolled back first. */
  release(): Promise<void>;
}

/**
 * Files this process holds. DuckDB's lock is per process: a second instance in the same process would get the file and damage it.
 */
const openHere = new Set<string>();

export class DuckDbDatabase implements SqlRunner {
  readonly path: string;
  readonly #instance: DuckDBInstance;
  readonly #lockKey: string | null;
  readonly #signal: AbortSignal | undefined;
  readonly #idle: DuckDBConnection[] = [];
  readonly #busy = new Set<DuckDBConnection>();
  #closed = false;

  /** Use `openDuckDb`. */
  constructor(path: string, instance: DuckDBInstance, lockKey: string | null, signal: AbortSignal | undefined) {
    this.path = path;
    this.#instance = instance;
    this.#lockKey = lockKey;
    this.#signal = signal;
  }

  /** A connection of its own (session state, temp tables); `release` it. */
  async connect(): Promise<DuckDbConnection> {
    const connection = await this.#take();
    return {
      run: (sql) => this.#run(connection, sql),
      query: (sql) => this.#query(connection, sql),
      transaction: (work) => this.#transaction(connection, work),
      release: () => this.#discard(connection),
    };
  }

  async run(sql: string): Promise<number> {
    return this.#withConnection((connection) => this.#run(connection, sql));
  }

  async query(sql: string): Promise<QueryResult> {
    return this.#withConnection((connection) => this.#query(connection, sql));
  }

  /**
   * Runs `work` in one transaction on one connection and commits; whatever `work` throws rolls everything back. A write-write conflict
   * with another connection is thrown as it comes (`isWriteConflict`): only the caller knows whether the work can be repeated.
   */
  async transaction<T>(work: (transaction: SqlRunner) => Promise<T>): Promise<T> {
    return this.#withConnection((connection) => this.#transaction(connection, work));
  }

  async #transaction<T>(connection: DuckDBConnection, work: (transaction: SqlRunner) => Promise<T>): Promise<T> {
    try {
      // Sent together with the first statement: every call costs a change of threads, which is most of a small model's time.
      let begin = 'begin transaction;\n';
      const begun = (sql: string): string => {
        const text = begin + sql;
        begin = '';
        return text;
      };
      const result = await work({
        run: (sql) => this.#run(connection, begun(sql)),
        query: (sql) => this.#query(connection, begun(sql)),
      });
      if (begin === '') await this.#run(connection, 'commit');
      return result;
    } catch (error) {
      await rollBack(connection);
      throw error;
    }
  }

  /** Writes the log into the file and lets go of it. Safe to call again. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      if (this.#signal?.aborted !== true && this.#busy.size === 0) await this.#checkpoint();
    } finally {
      for (const connection of [...this.#idle, ...this.#busy]) connection.closeSync();
      this.#idle.length = 0;
      this.#busy.clear();
      this.#instance.closeSync();
      if (this.#lockKey !== null) openHere.delete(this.#lockKey);
    }
  }

  async #checkpoint(): Promise<void> {
    const connection = this.#idle[0] ?? (await this.#instance.connect());
    if (this.#idle.length === 0) this.#idle.push(connection);
    try {
      await connection.run('checkpoint');
    } catch (error) {
      throw databaseError(error, this.path);
    }
  }

  async #withConnection<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await this.#take();
    try {
      return await work(connection);
    } finally {
      this.#keep(connection);
    }
  }

  async #take(): Promise<DuckDBConnection> {
    this.#assertUsable();
    let connection = this.#idle.pop();
    if (connection === undefined) {
      connection = await this.#instance.connect();
      // Every timestamp that a session shows or parses without an offset is UTC, whatever the machine's zone.
      await connection.run("set timezone = 'UTC'");
    }
    this.#busy.add(connection);
    return connection;
  }

  #keep(connection: DuckDBConnection): void {
    if (!this.#busy.delete(connection)) return;
    if (this.#closed || this.#idle.length >= MAX_IDLE_CONNECTIONS) connection.closeSync();
    else this.#idle.push(connection);
  }

  /** The session of a caller may hold anything (temp tables, settings), so it is not used again. */
  async #discard(connection: DuckDBConnection): Promise<void> {
    if (!this.#busy.delete(connection)) return;
    await rollBack(connection);
    connection.closeSync();
  }

  async #run(connection: DuckDBConnection, sql: string): Promise<number> {
    return this.#guarded(connection, async () => {
      const result = await connection.run(sql);
      if (result.rowsChanged > 0) return result.rowsChanged;
      // CREATE TABLE AS reports its rows as a result with one column.
      if (result.columnCount !== 1 || result.columnName(0) !== 'Count' || result.rowCount !== 1) return 0;
      const count = (await result.getRows())[0]?.[0];
      return typeof count === 'bigint' ? Number(count) : 0;
    });
  }

  async #query(connection: DuckDBConnection, sql: string): Promise<QueryResult> {
    return this.#guarded(connection, async () => toQueryResult(await connection.run(sql)));
  }

  async #guarded<T>(connection: DuckDBConnection, work: () => Promise<T>): Promise<T> {
    this.#assertUsable();
    let repeat: NodeJS.Timeout | undefined;
    const interrupt = (): void => {
      connection.interrupt();
      repeat ??= setInterval(() => connection.interrupt(), INTERRUPT_RETRY_MS);
    };
    this.#signal?.addEventListener('abort', interrupt, { once: true });
    try {
      return await work();
    } catch (error) {
      if (this.#signal?.aborted === true) throw interrupted(this.path, error);
      throw databaseError(error, this.path);
    } finally {
      this.#signal?.removeEventListener('abort', interrupt);
      clearInterval(repeat);
    }
  }

  #assertUsable(): void {
    if (this.#closed)
      throw new SluiceError('internal', `The DuckDB database ${this.path} was used after it was closed.`);
    if (this.#signal?.aborted === true) throw interrupted(this.path, this.#signal.reason);
  }
}

async function rollBack(connection: DuckDBConnection): Promise<void> {
  try {
    await connection.run('rollback');
  } catch {
    // "No transaction is active": it ended by itself (a failed commit), so there is nothing to undo.
  }
}

/** Opens the file and waits for another process to let go of it; `warehouse_locked` names the file and the holder's PID. */
export async function openDuckDb(options: DuckDbOptions): Promise<DuckDbDatabase> {
  const { DuckDBInstance: factory } = await import('@duckdb/node-api');
  const settings = instanceSettings(options);
  const waitMs = options.waitMs ?? DEFAULT_LOCK_WAIT_MS;
  const deadline = options.clock.monotonic() + waitMs;
  for (;;) {
    if (options.signal?.aborted === true) throw interrupted(options.path, options.signal.reason);
    const lockKey = await lockKeyOf(options.path);
    try {
      return await openOnce(options, lockKey, () => factory.create(options.path, settings));
    } catch (error) {
      if (isSluiceError(error, 'warehouse_damaged') && (await isCleared(options))) continue;
      if (!isSluiceError(error, 'warehouse_locked') || options.clock.monotonic() >= deadline) throw error;
    }
    await sleep(LOCK_RETRY_MS);
  }
}

async function openOnce(
  options: DuckDbOptions,
  lockKey: string | null,
  create: () => Promise<DuckDBInstance>,
): Promise<DuckDbDatabase> {
  const lockedBy = (holder: string, pid?: string): SluiceError =>
    locked({
      path: options.path,
      waitMs: options.waitMs ?? DEFAULT_LOCK_WAIT_MS,
      holder,
      ...(pid === undefined ? {} : { pid }),
    });
  if (lockKey !== null && openHere.has(lockKey)) throw lockedBy(`this process itself (PID ${String(process.pid)})`);
  if (lockKey !== null) openHere.add(lockKey);
  try {
    return new DuckDbDatabase(options.path, await create(), lockKey, options.signal);
  } catch (error) {
    if (lockKey !== null) openHere.delete(lockKey);
    const holder = /Conflicting lock is held in (.*?) \(PID (\d+)\)/.exec(messageOf(error));
    if (holder !== null) throw lockedBy(`${holder[1] ?? 'another program'} (PID ${holder[2] ?? '?'})`, holder[2]);
    if (/Could not set lock on file/.test(messageOf(error))) throw lockedBy('another process');
    throw databaseError(error, options.path, 'opened');
  }
}

function instanceSettings(options: DuckDbOptions): Record<string, string> {
  return {
    // Extensions are fetched over the network; everything needed (json, icu, parquet) is built in.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    // Of a new file; an old one keeps its own. DuckDB 1.3 writes texts in one form (DICT_FSST) where its default, files for 1.0, tries several: the
    // checkpoint at the end of an hourly run takes 0.08 s instead of 0.14 s, and the file is 2 % smaller.
    storage_compatibility_version: 'v1.3.0',
    ...(options.memoryLimit === undefined ? {} : { memory_limit: options.memoryLimit }),
    ...(options.threads === undefined ? {} : { threads: String(options.threads) }),
    ...(options.tempDirectory === undefined ? {} : { temp_directory: options.tempDirectory }),
  };
}

/** The file's one true name, also before it exists; null for a database in memory. */
async function lockKeyOf(path: string): Promise<string | null> {
  if (path === ':memory:') return null;
  const exists = statSync(path, { throwIfNoEntry: false }) !== undefined;
  try {
    return exists ? await realpath(path) : join(await realpath(dirname(path)), basename(path));
  } catch (error) {
    throw databaseError(error, path, 'opened');
  }
}
