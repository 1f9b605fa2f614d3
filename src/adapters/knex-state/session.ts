/**
 * The slice of a database that the transitions need: SQL text with `?` for values, the same on SQLite and PostgreSQL. Offsets go in as
 * decimal text and come out by `cast(… as text)`, so that no 64-bit number passes through a JavaScript number.
 */
import { SluiceError } from '../../core/errors.ts';
import type { LeaseInstant } from '../../state/lease-rules.ts';

export type SqlValue = string | number | null;
export type Row = Readonly<Record<string, unknown>>;

export interface Session {
  rows(sql: string, values?: readonly SqlValue[]): Promise<readonly Row[]>;
  /** Rows changed. */
  change(sql: string, values?: readonly SqlValue[]): Promise<number>;
}

/** What differs between the two databases, as data. */
export interface Dialect {
  readonly name: 'sqlite' | 'postgres';
  /** Appended to a select that must hold its rows against other transactions; SQLite's writers are alone anyway. */
  readonly forUpdate: string;
  /** SQL for the database's own clock in milliseconds; `null` where the process's clocks count. */
  readonly nowMs: string;
}

export interface StateDatabase {
  readonly dialect: Dialect;
  read<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** One transaction: commits when `work` resolves, rolls back when it throws. */
  write<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** The time that leases count by (lease-rules.ts). */
  instant(session: Session): Promise<LeaseInstant>;
  migrate(): Promise<void>;
  close(): Promise<void>;
}

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value === 'string') return value;
  throw unexpected(column, value, 'text');
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

/** PostgreSQL's driver hands 64-bit integers over as text. */
export function integer(row: Row, column: string): number {
  const value = row[column];
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
  throw unexpected(column, value, 'an integer');
}

export function integerOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column);
}

/** `$count` placeholders for an `in (…)` list. */
export function placeholders(count: number): string {
  return Array.from({ length: count }, () => '?').join(', ');
}

/** SQLite takes 32,766 values per statement, PostgreSQL 65,535. */
const MAX_VALUES_PER_STATEMENT = 30_000;

/** Cuts a list so that each piece fits into one statement with `valuesPerItem` values for each item. */
export function* pieces<T>(items: readonly T[], valuesPerItem = 1): Generator<readonly T[]> {
  const size = Math.floor((MAX_VALUES_PER_STATEMENT - 10) / valuesPerItem);
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}

/** Multi-row insert; `tail` may hold the `on conflict` clause. */
export async function insertRows(
  session: Session,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly SqlValue[])[],
  tail = '',
): Promise<void> {
  const one = `(${placeholders(columns.length)})`;
  for (const piece of pieces(rows, columns.length)) {
    const all = piece.map(() => one).join(', ');
    await session.change(`insert into ${table} (${columns.join(', ')}) values ${all} ${tail}`, piece.flat());
  }
}

function unexpected(column: string, value: unknown, expected: string): SluiceError {
  return new SluiceError(
    'state_unavailable',
    `The state database holds ${value === null ? 'NULL' : typeof value} in column ${column}, expected ${expected}: it was changed by hand or is damaged.`,
    { hint: 'Restore it from a backup, or move it away and run "sluice job recover <job>".' },
  );
}
