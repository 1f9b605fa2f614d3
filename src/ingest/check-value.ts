/**
 * Checks one event value against the job's columns. The hot path parses with JSON.parse and looks at every column once; only a
 * text that could fool a JSON reader (many digits, exponents, duplicate names, surrogate escapes) goes the exact, slower way.
 */
import type { EntityColumn, JobDefinition } from '../core/job.ts';
import { documentSlice, memberSlices, withoutRepeats } from '../core/json-slices.ts';
import { isCalendarDate, parseInstant } from '../core/time.ts';
import { decimalPlaces, integerDigits, plainText, readDecimal, toInt64 } from './exact-number.ts';
import { loadSchemaValidator } from './schema-validator.ts';
import { Rejection } from './verdict.ts';

/** BigQuery keeps JSON of at most 500 levels (FACTS.md §5). */
export const MAX_JSON_DEPTH = 500;

export type JsonObject = Record<string, unknown>;

type ColumnCheck = (value: unknown, path: string) => void;

/** What could make a JSON reader read something else than what stands there; found in one pass over the text. */
interface Suspicion {
  /** A number of 16 digits (the dot included) or with an exponent: a double may not hold it as written. */
  longNumber: boolean;
  surrogateEscape: boolean;
  spaceBeforeColon: boolean;
  /** Names with a colon right behind them. */
  nameEnds: number;
}

const LONG_NUMBER = /\d[\d.]{15}|\d[eE]/;

const suspicion: Suspicion = { longNumber: false, surrogateEscape: false, spaceBeforeColon: false, nameEnds: 0 };

/** Fills the shared `suspicion`: one object for all records, since this runs once per record. `text` is valid JSON. */
function scan(text: string): void {
  let run = 0;
  let previous = 0;
  let inText = false;
  let longNumber = false;
  let surrogateEscape = false;
  let spaceBeforeColon = false;
  let nameEnds = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inText) {
      if (code === 34) inText = false;
      else if (code === 92) {
        at++;
        if (text.charCodeAt(at) === 117 && (text.charCodeAt(at + 1) | 32) === 100) surrogateEscape = true;
      }
    } else if ((code >= 48 && code <= 57) || code === 46) {
      if (++run >= 16) longNumber = true;
    } else {
      if (code === 34) inText = true;
      else if (code === 58) {
        if (previous === 34) nameEnds++;
        else spaceBeforeColon = true;
      } else if ((code === 101 || code === 69) && run > 0) longNumber = true;
      run = 0;
    }
    previous = code;
  }
  suspicion.longNumber = longNumber;
  suspicion.surrogateEscape = surrogateEscape;
  suspicion.spaceBeforeColon = spaceBeforeColon;
  suspicion.nameEnds = nameEnds;
}

function typeName(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}

function wrongType(path: string, expected: string, value: unknown): never {
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
function columnCheck(column: EntityColumn, declared: unknown): ColumnCheck {
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
function exactNumber(column: EntityColumn, source: string): string | null {
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

function declaredType(job: JobDefinition, field: string): unknown {
  const properties = job.schema['properties'] as Readonly<Record<string, { readonly type?: unknown }>> | undefined;
  return properties?.[field]?.type;
}

function isExactType(column: EntityColumn): boolean {
  return column.type === 'INT64' || column.type.startsWith('NUMERIC');
}

/** Whether an escape in valid JSON text stands for half of a surrogate pair without its other half. */
function hasLoneSurrogate(text: string): boolean {
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', at)) {
    if (text[at + 1] !== 'u') {
      at += 2;
      continue;
    }
    const unit = Number.parseInt(text.slice(at + 2, at + 6), 16);
    at += 6;
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const low = text.startsWith('\\u', at) ? Number.parseInt(text.slice(at + 2, at + 6), 16) : 0;
    if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff) return true;
    at += 6;
  }
  return false;
}

/** Counts the members below a value, refuses what no warehouse can hold: too deep, infinite, lone surrogates. */
function walk(value: unknown, path: string, depth: number, checkStrings: boolean): number {
  if (typeof value === 'string') {
    if (checkStrings && !value.isWellFormed())
      throw new Rejection('surrogate_lone', `${path} holds a lone surrogate`, path);
    return 0;
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Rejection('number_out_of_range', `${path} is out of range`, path);
    return 0;
  }
  if (typeof value !== 'object' || value === null) return 0;
  if (depth >= MAX_JSON_DEPTH)
    throw new Rejection('json_too_deep', `nested deeper than ${MAX_JSON_DEPTH} levels`, path);
  let members = 0;
  if (Array.isArray(value)) {
    for (const element of value) members += walk(element, path, depth + 1, checkStrings);
    return members;
  }
  for (const name of Object.keys(value)) {
    if (checkStrings && !name.isWellFormed())
      throw new Rejection('surrogate_lone', `a name in ${path} holds a lone surrogate`, path);
    members += 1 + walk((value as JsonObject)[name], path, depth + 1, checkStrings);
  }
  return members;
}

export interface CheckedValue {
  readonly object: JsonObject;
  /** See GoodVerdict.json. */
  readonly json: string | null;
}

export type ValueChecker = (text: string) => CheckedValue;

/** Called once for every unknown field name that a value brings. */
export type DriftSink = (field: string) => void;

function parseObject(text: string): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Rejection('json_invalid', 'the value is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new Rejection('wrong_type', `the value is ${typeName(parsed)}, expected an object`, '$');
  }
  return parsed as JsonObject;
}

/**
 * Makes the checker of a job. Event time and key are the decoder's; every other column is checked here. Throws `Rejection`.
 * `required` columns may be neither missing nor null.
 */
export async function createValueChecker(job: JobDefinition, onDrift: DriftSink): Promise<ValueChecker> {
  const validate = await loadSchemaValidator(job);
  const checks = new Map<string, ColumnCheck>();
  const exactColumns = new Map<string, EntityColumn>();
  const timestampFields = new Set<string>();
  const jsonFields = job.columns.filter(({ type }) => type === 'JSON').map(({ field }) => field);
  const required: string[] = [];
  for (const column of job.columns) {
    const isOwn = column.field === job.key.field || column.field === job.eventTime.field;
    checks.set(column.field, isOwn ? () => undefined : columnCheck(column, declaredType(job, column.field)));
    if (isExactType(column) && !isOwn) exactColumns.set(column.field, column);
    if (column.type === 'TIMESTAMP' && !isOwn) timestampFields.add(column.field);
    if (column.required && !isOwn) required.push(column.field);
  }
  for (const topic of job.topics) {
    if (typeof topic.op === 'object' && !checks.has(topic.op.field)) checks.set(topic.op.field, () => undefined);
  }

  /** Whether a time is written in another way than both warehouses read: digits beyond microseconds, an offset past 14 hours, a small t. */
  function hasForeignTime(object: JsonObject): boolean {
    for (const field of timestampFields) {
      const value = object[field];
      if (typeof value === 'string' && parseInstant(value)?.text !== value) return true;
    }
    return false;
  }

  function rewrite(text: string, object: JsonObject, mayRepeat: boolean): string | null {
    const members = Object.keys(object);
    const slices = memberSlices(text);
    let differs = slices.length !== members.length;
    const sources = new Map<string, string>();
    for (const slice of slices) sources.set(slice.name, text.slice(slice.start, slice.end));
    for (const [field, column] of exactColumns) {
      const source = sources.get(field);
      if (source === undefined || source === 'null') continue;
      const exact = exactNumber(column, source);
      if (exact === null || exact === source) {
        if (source.length <= 15) continue;
      }
      if (exact !== null) {
        sources.set(field, `"${exact}"`);
        differs = true;
      }
    }
    for (const field of timestampFields) {
      const value = object[field];
      const instant = typeof value === 'string' ? parseInstant(value) : undefined;
      if (instant === undefined || instant.text === value) continue;
      sources.set(field, JSON.stringify(instant.text));
      differs = true;
    }
    // A JSON column stands as the text of its JSON: readers re-print numbers, and lose digits of those that they hold as doubles. Of repeated
    // names within it DuckDB would keep all and BigQuery the first.
    for (const field of jsonFields) {
      const source = sources.get(field);
      if (source === undefined || source === 'null') continue;
      const single = mayRepeat ? withoutRepeats(source, documentSlice(source)) : source;
      sources.set(field, JSON.stringify(single));
      if (single.length !== source.length || LONG_NUMBER.test(source)) differs = true;
    }
    if (!differs) return null;
    return `{${[...sources].map(([name, source]) => `${JSON.stringify(name)}:${source}`).join(',')}}`;
  }

  return (text) => {
    const object = parseObject(text);
    scan(text);
    const { longNumber: isLong, surrogateEscape: checkStrings, spaceBeforeColon, nameEnds } = suspicion;
    // On the text, not on what was parsed: of duplicate names the parser has dropped all but the last.
    if (checkStrings && hasLoneSurrogate(text)) {
      throw new Rejection('surrogate_lone', 'the value holds an escaped lone surrogate');
    }
    const names = Object.keys(object);
    let members = names.length;
    for (const name of names) {
      const value = object[name];
      if (checkStrings && !name.isWellFormed())
        throw new Rejection('surrogate_lone', 'a name holds a lone surrogate', '$');
      if (typeof value === 'object' || typeof value === 'number' || checkStrings) {
        members += walk(value, `$.${name}`, 1, checkStrings);
      }
      const check = checks.get(name);
      if (check === undefined) onDrift(name);
      else if (value !== null && !(isLong && exactColumns.has(name) && typeof value === 'number'))
        check(value, `$.${name}`);
    }
    for (const field of required) {
      if (object[field] === undefined || object[field] === null) {
        throw new Rejection('required_missing', `$.${field} is missing`, `$.${field}`);
      }
    }
    validate?.(object);
    const mayRepeat = nameEnds !== members || spaceBeforeColon;
    const isPlain = !isLong && !mayRepeat && !hasForeignTime(object);
    return { object, json: isPlain ? null : rewrite(text, object, mayRepeat) };
  };
}
