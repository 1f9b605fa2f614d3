/** DuckDB as the warehouse of models: one unit is one transaction on one connection. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isSluiceError, SluiceError } from '../../core/errors.ts';
import type { ColumnInfo, RelationInfo, RelationName } from '../../core/relation.ts';
import { isRejected, judgeTest } from '../../publish/gate.ts';
import type {
  GateResult,
  GateTest,
  ModelSession,
  ModelWarehouse,
  PublishOutcome,
  PublishUnit,
  QueryResult,
} from '../../transform/run/ports.ts';
import { readRelations } from './catalog.ts';
import { isWriteConflict, type DuckDbConnection, type DuckDbDatabase, type SqlRunner } from './database.ts';

/**
 * Conflicts come from other connections of this process alone (DuckDB lets no other process in), so they pass within the length of
 * one statement; more tries than this are a loop that will not end.
 */
const MAX_ATTEMPTS = 6;
const FIRST_DELAY_MS = 20;

/** Leaves the transaction by rolling it back; never seen outside of this file. */
class Rejected extends Error {
  readonly tests: readonly GateResult[];

  constructor(tests: readonly GateResult[]) {
    super('rejected');
    this.tests = tests;
  }
}

/** The database stays the caller's: `close` gives up this view of it and closes no file. */
export class DuckDbModelWarehouse implements ModelWarehouse {
  readonly dialect = 'duckdb';
  readonly #database: DuckDbDatabase;

  constructor(database: DuckDbDatabase) {
    this.#database = database;
  }

  async relation(name: RelationName): Promise<RelationInfo | undefined> {
    return (await this.relations([name]))[0];
  }

  async relations(names: readonly RelationName[]): Promise<readonly RelationInfo[]> {
    return asModelError(() => readRelations(this.#database, names));
  }

  async describe(sql: string): Promise<readonly ColumnInfo[]> {
    return describeOn(this.#database, sql);
  }

  async query(sql: string): Promise<QueryResult> {
    return asModelError(() => this.#database.query(sql));
  }

  async execute(sql: string): Promise<void> {
    await asModelError(() => this.#database.run(sql));
  }

  publish(unit: PublishUnit, guard?: () => Promise<void>): Promise<PublishOutcome> {
    return publishOn(this.#database, unit, guard);
  }

  async session(): Promise<ModelSession> {
    const connection = await this.#database.connect();
    return {
      execute: async (sql) => {
        await asModelError(() => connection.run(sql));
      },
      describe: (sql) => describeOn(connection, sql),
      publish: (unit, guard) => publishOn(connection, unit, guard),
      close: () => connection.release(),
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function describeOn(database: SqlRunner, sql: string): Promise<readonly ColumnInfo[]> {
  const { rows } = await asModelError(() => database.query(`describe ${sql}`));
  return rows.map((row) => ({ name: String(row[0]), type: String(row[1]) }));
}

async function publishOn(
  database: Pick<DuckDbConnection, 'transaction'>,
  unit: PublishUnit,
  guard: (() => Promise<void>) | undefined,
): Promise<PublishOutcome> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await asModelError(() => database.transaction((transaction) => apply(transaction, unit, guard)));
    } catch (error) {
      if (error instanceof Rejected) return { status: 'rejected', tests: error.tests };
      if (!isConflict(error) || attempt === MAX_ATTEMPTS) throw error;
    }
    await sleep(FIRST_DELAY_MS * 2 ** (attempt - 1));
  }
}

async function apply(
  transaction: SqlRunner,
  unit: PublishUnit,
  guard: (() => Promise<void>) | undefined,
): Promise<PublishOutcome> {
  const rows = await runStatements(transaction, unit.statements);
  const tests: GateResult[] = [];
  for (const test of unit.tests) tests.push(judgeTest(test, await askTest(transaction, test)));
  if (isRejected(tests)) throw new Rejected(tests);
  if (unit.marks.length > 0) await transaction.run(unit.marks.join('\n;\n'));
  await guard?.();
  return { status: 'published', rows, tests };
}

/**
 * Statements go in few calls. One whose rows count goes alone: a call of several tells the rows of whichever of them has a result
 * first, and a check before the change is such a one.
 */
async function runStatements(transaction: SqlRunner, statements: PublishUnit['statements']): Promise<number> {
  let rows = 0;
  let waiting: string[] = [];
  const flush = async (): Promise<void> => {
    if (waiting.length > 0) await transaction.run(waiting.join('\n;\n'));
    waiting = [];
  };
  for (const { sql, countRows } of statements) {
    if (countRows !== true) {
      waiting.push(sql);
      continue;
    }
    await flush();
    rows += await transaction.run(sql);
  }
  await flush();
  return rows;
}

async function askTest(transaction: SqlRunner, test: GateTest): Promise<QueryResult> {
  try {
    return await transaction.query(test.sql);
  } catch (error) {
    if (!isSluiceError(error, 'warehouse_failed') || isWriteConflict(error)) throw error;
    throw new SluiceError('model_failed', `the data test ${test.id} cannot be run: ${error.message}`, { cause: error });
  }
}

function isConflict(error: unknown): boolean {
  return isSluiceError(error, 'model_failed') && isWriteConflict(error.cause);
}

/** What the database says about SQL is about a model here; lost locks, full disks and interrupts keep their own codes. */
async function asModelError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isSluiceError(error, 'warehouse_failed')) throw error;
    throw new SluiceError('model_failed', error.message, { cause: error });
  }
}
