/** A query's result as templates see it: dbt's table with `rows`, `columns` and `column_names`. */
import type { CellValue, QueryResult } from '../../run/ports.ts';
import { fromPlain, hostFunction, hostObject, TupleValue, type Value } from '../jinja/index.ts';

/** Rows answer to a place and to a column's name: `row[0]`, `row['id']`, `row.id`. */
export function tableValue(result: QueryResult): Value {
  const names = result.columns.map((column) => column.name);
  const rows = result.rows.map((row) => new TupleValue(row.map(cell), names));
  const columns = names.map((name, index) => {
    const values = (): Value => result.rows.map((row) => cell(row[index] ?? null));
    return hostObject({ name, values: hostFunction(values, 'values') }, { typeName: 'Column', text: () => name });
  });
  return hostObject(
    { rows, columns: new TupleValue(columns, names), column_names: new TupleValue(names) },
    { typeName: 'Table', text: () => `<Table of ${String(rows.length)} rows>` },
  );
}

function cell(value: CellValue): Value {
  return fromPlain(value);
}
