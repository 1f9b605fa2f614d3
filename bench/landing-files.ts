/** Landing's files as bare DuckDB reads them. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { RAW_TABLES } from '../src/load/raw-columns.ts';

const TYPES = { STRING: 'varchar', INT64: 'bigint', BOOL: 'boolean', TIMESTAMP: 'timestamp' } as const;

/** Every NDJSON object of a role below a landing folder. */
export function objectsOf(landing: string, role: 'stream' | 'snapshot'): readonly string[] {
  return readdirSync(landing, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ndjson') && file.split('/').includes(role))
    .map((file) => join(landing, file))
    .sort();
}

export function readJson(files: readonly string[], columns: Readonly<Record<string, string>>): string {
  const list = files.map((file) => `'${file}'`).join(', ');
  const types = Object.entries(columns).map(([name, type]) => `"${name}": '${type}'`);
  return `read_json([${list}], format = 'newline_delimited', columns = {${types.join(', ')}})`;
}

const { columns } = RAW_TABLES.stream;

/** The definition of the raw table's columns. */
export const STREAM_DEFINITION = columns.map(({ name, type }) => `"${name}" ${TYPES[type]}`).join(', ');

/** A select of the raw table's columns, in their order, from the files of a stream. */
export function streamRows(files: readonly string[]): string {
  const stored = columns.filter((column) => column.computed === undefined);
  const values = columns.map(({ name, computed }) =>
    computed === undefined ? `"${name}"` : `${computed} as "${name}"`,
  );
  return `select ${values.join(', ')} from ${readJson(files, Object.fromEntries(stored.map(({ name, type }) => [name, TYPES[type]])))}`;
}
