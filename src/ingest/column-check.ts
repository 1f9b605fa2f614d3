/** What a parsed value has to be for the type of its column. */
import type { EntityColumn, JobDefinition } from '../core/job.ts';
import { isCalendarDate, parseInstant } from '../core/time.ts';
import { decimalPlaces, integerDigits, plainText, readDecimal, toInt64 } from './exact-number.ts';
import { Rejection } from './verdict.ts';

/** Throws `Rejection`. */
export type ColumnCheck = (value: unknown, path: string) => void;

export function typeName(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}

export function wrongType(path: string, expected: string, value: unknown): never {
  throw new Rejection('wrong_type', `${path} is ${typeName(value)}, expected ${expected}`, path);
}

function checkNumber(value: unknown, path: string): number {
  if (typeof value !== 'number') return wrongType(path, 'number', value);
  if (!Number.isFinite(value)) throw new Rejection('number_out_of_range', `${path} is out of range`, path);
  return value;
}

function parseNumeric(type: string): { precision: number; scale: number } | undefined {
  const match = /^NUMERIC\((\d+),\s*(\d+)\)$/.exec(type);
  return match === null ? undefined : { precision: Number(match[1]), scale: Number(match[2]) };
}

function numericCheck(precision: number, scale: number): ColumnCheck {
  const limit = 10 ** (precision - scale);
  return (value, path) => {
    const number = checkNumber(value, path);
    if (Math.abs(number) >= limit) {
      throw new Rejection('number_out_of_range', `${path} does not fit NUMERIC(${precision},${scale})`, path);
    }
    if (Number.isInteger(number)) return;
    const text = String(number);
    const decimal = text.includes('e') ? readDecimal(text) : undefined;
    const places = decimal === undefined ? text.length - text.indexOf('.') - 1 : decimalPlaces(decimal);
    if (places > scale) throw new Rejection('too_many_decimals', `${path} has more than ${scale} decimals`, path);
  };
}

/** A JSON column takes what the schema's `type` says; without one, anything. */
function jsonCheck(declared: unknown): ColumnCheck {
  if (declared === undefined) return () => undefined;
  const types = new Set((Array.isArray(declared) ? declared : [declared]) as readonly string[]);
  if (types.has('integer')) types.add('number');
  const expected = [...types].filter((type) => type !== 'null').join(' or ');
  return (value, path) => {
    if (!types.has(typeName(value))) wrongType(path, expected, value);
  };
}

/** `declared`: the `type` of the property in the job's JSON Schema. */
export function columnCheck(column: EntityColumn, declared: unknown): ColumnCheck {
  const { type, values } = column;
  switch (type) {
    case 'STRING': {
      const allowed = values === undefined ? undefined : new Set(values);
      return (value, path) => {
        if (typeof value !== 'string') wrongType(path, 'string', value);
        if (allowed !== undefined && !allowed.has(value)) {
          throw new Rejection('value_not_allowed', `${path} is not one of the allowed values`, path);
        }
      };
    }
    case 'BOOL':
      return (value, path) => {
        if (typeof value !== 'boolean') wrongType(path, 'boolean', value);
      };
    case 'DATE':
      return (value, path) => {
        if (typeof value !== 'string') wrongType(path, 'a date (YYYY-MM-DD)', value);
        if (!isCalendarDate(value)) throw new Rejection('date_impossible', `${path} is no calendar date`, path);
      };
    case 'TIMESTAMP':
      return (value, path) => {
        if (typeof value !== 'string') wrongType(path, 'an RFC 3339 date-time', value);
        if (parseInstant(value) === undefined) {
          throw new Rejection('timestamp_unreadable', `${path} is no RFC 3339 date-time`, path);
        }
      };
    case 'INT64':
      return (value, path) => {
        const number = checkNumber(value, path);
        if (!Number.isInteger(number)) wrongType(path, 'an integer', value);
        if (!Number.isSafeInteger(number)) throw new Rejection('number_out_of_range', `${path} is out of range`, path);
      };
    case 'FLOAT64':
      return (value, path) => {
        checkNumber(value, path);
      };
    case 'JSON':
      return jsonCheck(declared);
    default: {
      const numeric = parseNumeric(type);
      if (numeric === undefined) throw new RangeError(`unknown column type ${type}`);
      return numericCheck(numeric.precision, numeric.scale);
    }
  }
}

/** Exact text of a numeric column's source, or null when the double reads it right. */
export function exactNumber(column: EntityColumn, source: string): string | null {
  const path = `$.${column.field}`;
  const value = readDecimal(source);
  if (value === undefined) return null;
  if (column.type === 'INT64') {
    const whole = toInt64(value);
    if (whole === 'not_integer') throw new Rejection('wrong_type', `${path} is a fraction, expected an integer`, path);
    if (whole === 'out_of_range') throw new Rejection('number_out_of_range', `${path} does not fit 64 bits`, path);
    return whole.toString();
  }
  const numeric = parseNumeric(column.type);
  if (numeric === undefined) return null;
  if (decimalPlaces(value) > numeric.scale) {
    throw new Rejection('too_many_decimals', `${path} has more than ${numeric.scale} decimals`, path);
  }
  if (integerDigits(value) > numeric.precision - numeric.scale) {
    throw new Rejection('number_out_of_range', `${path} does not fit ${column.type}`, path);
  }
  return plainText(value);
}

export function declaredType(job: JobDefinition, field: string): unknown {
  const properties = job.schema['properties'] as Readonly<Record<string, { readonly type?: unknown }>> | undefined;
  return properties?.[field]?.type;
}

export function isExactType(column: EntityColumn): boolean {
  return column.type === 'INT64' || column.type.startsWith('NUMERIC');
}
