/**
 * BigQuery's values and types as the plain data of the ports: 64-bit integers as bigint, exact decimals, times and JSON as text. The
 * client library's own conversions are not used: they make floating numbers of NUMERIC and an error of a large integer.
 */
import type { ColumnInfo } from '../../core/relation.ts';
import type { CellValue, QueryResult } from '../../transform/run/ports.ts';
import type { FieldSchema, RowResource, TableSchema } from './rest-types.ts';

/** The API still answers with legacy SQL's names. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  INTEGER: 'INT64',
  FLOAT: 'FLOAT64',
  BOOLEAN: 'BOOL',
};

/**
 * A field's type as GoogleSQL writes it. Parameters (`NUMERIC(18,2)`) are left out: queries do not carry them, so a table's column and the
 * query that fills it would never seem equal.
 */
export function typeName(field: FieldSchema): string {
  const { type } = field;
  const name =
    type === 'RECORD' || type === 'STRUCT'
      ? `STRUCT<${(field.fields ?? []).map((inner) => `${inner.name} ${typeName(inner)}`).join(', ')}>`
      : (TYPE_NAMES[type] ?? type);
  return field.mode === 'REPEATED' ? `ARRAY<${name}>` : name;
}

export function toColumns(schema: TableSchema | undefined): readonly ColumnInfo[] {
  return (schema?.fields ?? []).map((field) => ({
    name: field.name,
    type: typeName(field),
    ...(field.description === undefined || field.description === '' ? {} : { comment: field.description }),
    ...(field.policyTags?.names === undefined || field.policyTags.names.length === 0
      ? {}
      : { policyTags: field.policyTags.names }),
  }));
}

export function toQueryResult(schema: TableSchema | undefined, rows: readonly RowResource[]): QueryResult {
  const fields = schema?.fields ?? [];
  return {
    columns: fields.map((field) => ({ name: field.name, type: typeName(field) })),
    rows: rows.map((row) => fields.map((field, index) => toCell(field, row.f?.[index]?.v))),
  };
}

function toCell(field: FieldSchema, value: unknown): CellValue {
  if (value === null || value === undefined) return null;
  if (field.mode === 'REPEATED' || field.type === 'RECORD' || field.type === 'STRUCT') {
    return JSON.stringify(nested(field, value), (_, inner: unknown) =>
      typeof inner === 'bigint' ? String(inner) : inner,
    );
  }
  return scalar(field.type, typeof value === 'string' ? value : JSON.stringify(value));
}

/** Arrays and structs have no place in a cell: they are shown as JSON. */
function nested(field: FieldSchema, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (field.mode === 'REPEATED') {
    const single = { ...field, mode: 'NULLABLE' };
    return Array.isArray(value) ? value.map((item: unknown) => nested(single, member(item, 'v'))) : [];
  }
  if (field.type !== 'RECORD' && field.type !== 'STRUCT') return toCell(field, value);
  const cells = member(value, 'f');
  const entries = (field.fields ?? []).map((inner, index): [string, unknown] => [
    inner.name,
    nested(inner, Array.isArray(cells) ? member(cells[index], 'v') : null),
  ]);
  return Object.fromEntries(entries);
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function scalar(type: string, text: string): CellValue {
  switch (type) {
    case 'INTEGER':
    case 'INT64':
      return BigInt(text);
    case 'FLOAT':
    case 'FLOAT64':
      return Number(text);
    case 'BOOLEAN':
    case 'BOOL':
      return text === 'true';
    case 'TIMESTAMP':
      return timestampText(BigInt(text));
    case 'DATETIME':
      return text.replace('T', ' ');
    default:
      return text;
  }
}

const MICROS = 1_000_000n;

/** `2026-03-01 10:15:30.123456`, UTC, without trailing zeros in the fraction: as DuckDB prints it. */
export function timestampText(micros: bigint): string {
  const fraction = ((micros % MICROS) + MICROS) % MICROS;
  const seconds = Number((micros - fraction) / MICROS);
  const text = new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
  return fraction === 0n ? text : `${text}.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`;
}
