/** DuckDB's values as the plain data of the port: exact numbers and times as text, 64-bit integers as bigint. */
import type { DuckDBResult, DuckDBValue } from '@duckdb/node-api';
import type { CellValue, QueryResult } from '../../transform/run/ports.ts';

export async function toQueryResult(result: DuckDBResult): Promise<QueryResult> {
  const columns = result.columnNames().map((name, index) => {
    // JSON is a VARCHAR with an alias.
    const type = result.columnLogicalType(index);
    return { name, type: type.alias ?? result.columnType(index).toString() };
  });
  const rows = await result.getRows();
  return { columns, rows: rows.map((row) => row.map(toCell)) };
}

function toCell(value: DuckDBValue): CellValue {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return value;
    default:
      // Dates, timestamps, decimals, uuids, blobs, lists and structs print themselves exactly.
      return value === null ? null : String(value);
  }
}
