/** Rows of a query as people and programs read them. */
import type { QueryResult } from '../../transform/index.ts';
import { tableLines } from '../table.ts';

export function rowLines({ columns, rows }: QueryResult): readonly string[] {
  return tableLines(
    columns.map(({ name }) => name),
    rows.map((row) => row.map((cell) => (cell === null ? 'null' : String(cell)))),
  );
}

export function rowObjects({ columns, rows }: QueryResult): readonly Readonly<Record<string, unknown>>[] {
  return rows.map((row) => Object.fromEntries(row.map((cell, index) => [columns[index]?.name ?? '', cell])));
}
