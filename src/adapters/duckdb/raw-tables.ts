/** The raw tables as DDL. */
import { RAW_TABLES, type RawColumn, type RawTable, type RawType } from '../../load/raw-columns.ts';
import type { SqlRunner } from './database.ts';
import { quote, text } from './literals.ts';

const TYPES: Readonly<Record<RawType, string>> = {
  STRING: 'varchar',
  INT64: 'bigint',
  BOOL: 'boolean',
  TIMESTAMP: 'timestamp',
};

/**
 * Texts that are documents, long and each another: what DuckDB chooses by itself (DICT_FSST) takes 1.6 times as long to write and 2.4 times the space
 * (400,000 events of 250 B).
 */
const DOCUMENTS: ReadonlySet<string> = new Set(['value', '_json', 'value_base64']);

export function typeOf(column: RawColumn): string {
  return TYPES[column.type];
}

/** Where files are older than ZSTD in DuckDB (1.2), such a column is not compressed at all. */
export async function hasZstd(database: Pick<SqlRunner, 'query'>): Promise<boolean> {
  const { rows } = await database.query(
    "select tags['storage_version'] from duckdb_databases() where database_name = current_database()",
  );
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(String(rows[0]?.[0])) ?? [];
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= 2);
}

/** `name`: quoted, with its schema. */
export function createRawTable(name: string, table: RawTable, withZstd: boolean): readonly string[] {
  const body = RAW_TABLES[table].columns.map((column) => {
    const compression = withZstd && DOCUMENTS.has(column.name) ? ' using compression zstd' : '';
    return `${quote(column.name)} ${typeOf(column)}${compression}`;
  });
  return [`create table if not exists ${name} (${body.join(', ')})`, ...commentRawTable(name, table)];
}

export function commentRawTable(name: string, table: RawTable): readonly string[] {
  return RAW_TABLES[table].columns.map(
    (column) => `comment on column ${name}.${quote(column.name)} is ${text(column.description)}`,
  );
}

export function addRawColumn(name: string, column: RawColumn): string {
  return `alter table ${name} add column ${quote(column.name)} ${typeOf(column)}`;
}
