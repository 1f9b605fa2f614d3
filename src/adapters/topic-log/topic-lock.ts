/**
 * One writer per topic over all processes of the machine. Node has no flock, and a lock file with a pid in it cannot be taken over
 * from a dead holder without a race. SQLite takes real file locks, which the system frees when the holder dies, so an empty
 * database file per topic serves as the lock: `begin exclusive` writes nothing to it.
 */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, SluiceError } from '../../core/errors.ts';
import { makeFolders } from '../folders/make-folders.ts';
import { ioError } from './io-error.ts';

/** The slice of better-sqlite3 that a lock needs. */
interface SqliteDatabase {
  exec(sql: string): void;
  close(): void;
}
type SqliteConstructor = new (file: string, options: { readonly timeout: number }) => SqliteDatabase;

/** Another producer may be in the middle of a file of millions of lines. */
export const DEFAULT_LOCK_WAIT_MS = 120_000;
const FIRST_RETRY_MS = 2;
const LONGEST_RETRY_MS = 50;

function isBusy(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('SQLITE_BUSY')
  );
}

/** Lock files stay for ever (a deleted one could be held twice) and are named by a hash, because topic names may be 249 long. */
function lockFile(root: string, topic: string): string {
  return join(root, '+locks', createHash('sha256').update(topic).digest('hex').slice(0, 32));
}

export async function withTopicLock<T>(
  root: string,
  topic: string,
  waitMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const file = lockFile(root, topic);
  try {
    await makeFolders(join(root, '+locks'));
  } catch (error) {
    throw ioError(error, `Creating ${join(root, '+locks')}`);
  }
  // Required here and not imported above: reading a topic never needs the native module.
  const Database = createRequire(import.meta.url)('better-sqlite3') as SqliteConstructor;
  const database = openLock(Database, file, topic);
  try {
    await acquire(database, topic, waitMs);
    return await work();
  } finally {
    // Closing rolls back and frees the lock.
    database.close();
  }
}

function openLock(Database: SqliteConstructor, file: string, topic: string): SqliteDatabase {
  try {
    return new Database(file, { timeout: 0 });
  } catch (error) {
    throw new SluiceError(
      'store_failed',
      `Locking topic ${topic} failed: ${file} cannot be opened: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

async function acquire(database: SqliteDatabase, topic: string, waitMs: number): Promise<void> {
  const deadline = performance.now() + waitMs;
  let delayMs = FIRST_RETRY_MS;
  for (;;) {
    try {
      database.exec('begin exclusive');
      return;
    } catch (error) {
      if (!isBusy(error))
        throw new SluiceError('store_failed', `Locking topic ${topic} failed: ${messageOf(error)}`, { cause: error });
    }
    if (performance.now() >= deadline) {
      throw new SluiceError(
        'topic_busy',
        `Topic ${topic} is being written by another process; waited ${waitMs / 1000} s`,
        {
          hint: 'Wait for the other producer to finish, then run the command again.',
        },
      );
    }
    await sleep(delayMs);
    delayMs = Math.min(delayMs * 2, LONGEST_RETRY_MS);
  }
}
