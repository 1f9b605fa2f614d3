/** Event schema -> the columns of the published tables, in the order of the properties. */
import type { EntityColumn, SqlType } from '../core/job.ts';
import { isMap, type JobCheck, type UnknownMap } from './job-check.ts';
import { show } from './problems.ts';
import { didYouMean } from './suggest.ts';

/** 127: fits DuckDB, BigQuery (300) and leaves room for what generated SQL puts around a name. */
const COLUMN_NAME = /^[A-Za-z][A-Za-z0-9_]{0,126}$/;
const PLAIN_TYPES = ['STRING', 'INT64', 'FLOAT64', 'BOOL', 'DATE', 'TIMESTAMP', 'JSON'] as const;
const NUMERIC = /^NUMERIC\((\d{1,2}),\s*(\d{1,2})\)$/;
/** `day` is the partition of history tables; names with a leading underscore are sluice's own. */
const RESERVED = new Set(['day']);
const JSON_TYPES = ['string', 'integer', 'number', 'boolean', 'object', 'array', 'null'];

/** JSON types that can be read as the column's type. */
const READABLE: Readonly<Record<string, readonly string[]>> = {
  STRING: ['string'],
  INT64: ['integer', 'string'],
  NUMERIC: ['number', 'integer', 'string'],
  FLOAT64: ['number', 'integer'],
  BOOL: ['boolean'],
  DATE: ['string'],
  TIMESTAMP: ['string'],
};

export function readColumns(
  check: JobCheck,
  schema: unknown,
  key: { readonly field: string; readonly column: string },
): readonly EntityColumn[] {
  if (!isMap(schema)) {
    check.expected('schema', schema, 'the JSON Schema of the event value');
    return [];
  }
  if (schema['type'] !== 'object') check.expected('schema.type', schema['type'], '"object"');
  const properties = check.map(schema['properties'], 'schema.properties', null);
  if (isMap(schema['properties']) && Object.keys(properties).length === 0)
    check.wrong('schema.properties', 'is empty, expected at least the key');
  const required = readRequired(check, schema['required'], properties);
  const columns = Object.entries(properties).map(([field, property]) =>
    readColumn(check, { field, property, required, key }),
  );
  checkNames(check, columns);
  return columns;
}

function readRequired(check: JobCheck, value: unknown, properties: UnknownMap): ReadonlySet<string> {
  if (value === undefined) return new Set();
  if (!Array.isArray(value)) {
    check.expected('schema.required', value, 'a list of fields');
    return new Set();
  }
  const names = value.filter((name): name is string => typeof name === 'string');
  for (const name of names) {
    if (!Object.hasOwn(properties, name))
      check.wrong('schema.required', `"${name}" is no property${didYouMean(name, Object.keys(properties))}`);
  }
  return new Set(names);
}

interface PropertyContext {
  readonly field: string;
  readonly property: unknown;
  readonly required: ReadonlySet<string>;
  readonly key: { readonly field: string; readonly column: string };
}

function readColumn(check: JobCheck, { field, property, required, key }: PropertyContext): EntityColumn {
  const path = `schema.properties.${field}`;
  const map = check.map(property, path, null);
  const types = readTypes(check, map['type'], path);
  const type = readSqlType(check, map, types, path);
  const name = field === key.field ? key.column : check.text(map['column'], `${path}.column`, { fallback: field });
  const values = Array.isArray(map['enum'])
    ? map['enum'].filter((value): value is string => typeof value === 'string')
    : undefined;
  return {
    name,
    field,
    type,
    required: required.has(field) || field === key.field,
    ...(values !== undefined && values.length > 0 && type === 'STRING' ? { values } : {}),
  };
}

function readTypes(check: JobCheck, value: unknown, path: string): readonly string[] {
  const types = Array.isArray(value) ? value : value === undefined ? [] : [value];
  for (const type of types) {
    if (typeof type !== 'string' || !JSON_TYPES.includes(type)) {
      check.wrong(
        `${path}.type`,
        `came ${show(type)}, expected one of ${JSON_TYPES.join(', ')}${typeof type === 'string' ? didYouMean(type, JSON_TYPES) : ''}`,
      );
    }
  }
  return types.filter((type): type is string => typeof type === 'string' && type !== 'null');
}

function readSqlType(check: JobCheck, map: UnknownMap, types: readonly string[], path: string): SqlType {
  const declared = map['sqlType'];
  if (declared === undefined) return derivedType(types, map['format']);
  const type = typeof declared === 'string' ? sqlTypeOf(declared) : undefined;
  if (type === undefined) {
    const known = [...PLAIN_TYPES, 'NUMERIC(p,s)'];
    check.expected(
      `${path}.sqlType`,
      declared,
      `one of ${known.join(', ')} (p up to 38, s up to 9)${typeof declared === 'string' ? didYouMean(declared, known) : ''}`,
    );
    return 'STRING';
  }
  const readable = READABLE[type.replace(/\(.*/, '')];
  const odd = readable === undefined ? undefined : types.find((name) => !readable.includes(name));
  if (odd !== undefined) check.wrong(`${path}.sqlType`, `a JSON ${odd} cannot be read as ${type}`);
  return type;
}

function sqlTypeOf(text: string): SqlType | undefined {
  const numeric = NUMERIC.exec(text);
  if (numeric === null) return PLAIN_TYPES.find((type) => type === text);
  const [precision, scale] = [Number(numeric[1]), Number(numeric[2])];
  // BigQuery's NUMERIC has at most 29 digits before and 9 behind the point; DuckDB's DECIMAL 38 in all.
  return scale <= 9 && precision >= Math.max(1, scale) && precision <= 29 + scale
    ? `NUMERIC(${precision},${scale})`
    : undefined;
}

function derivedType(types: readonly string[], format: unknown): SqlType {
  const [type] = types;
  if (types.length !== 1) return 'JSON';
  if (type === 'string') return format === 'date-time' ? 'TIMESTAMP' : format === 'date' ? 'DATE' : 'STRING';
  if (type === 'integer') return 'INT64';
  if (type === 'number') return 'FLOAT64';
  return type === 'boolean' ? 'BOOL' : 'JSON';
}

function checkNames(check: JobCheck, columns: readonly EntityColumn[]): void {
  const seen = new Map<string, string>();
  for (const { name, field } of columns) {
    const path = `schema.properties.${field}`;
    const hint = 'give it another one with "column"';
    if (!COLUMN_NAME.test(name))
      check.wrong(path, `"${name}" cannot be a column name (a letter, then letters, digits and underscores); ${hint}`);
    else if (RESERVED.has(name.toLowerCase()))
      check.wrong(path, `"${name}" is the partition column of history tables; ${hint}`);
    const other = seen.get(name.toLowerCase());
    if (other !== undefined)
      check.wrong(path, `the fields "${other}" and "${field}" both become the column "${name}"; ${hint}`);
    seen.set(name.toLowerCase(), field);
  }
}
