/**
 * The id that a value carries, as the text that the record's key must be. Keys are text everywhere between landing and the published tables;
 * where the schema says integer, that text is the number's canonical digits (7, not 007 nor 7.0), so that one number is one key.
 */
import type { JobDefinition } from '../core/job.ts';
import { memberSlices } from '../core/json-slices.ts';
import type { JsonObject } from './check-value.ts';
import { readDecimal, toInt64 } from './exact-number.ts';
import { Rejection } from './verdict.ts';

/** `text` is what `object` was parsed from: a double does not hold every 64-bit number. Throws `Rejection`. */
export type IdReader = (object: JsonObject, text: string) => string;

function readTextId(value: unknown, path: string): string {
  if (typeof value !== 'string') throw new Rejection('wrong_type', `${path} is ${typeof value}, expected string`, path);
  if (!value.isWellFormed()) throw new Rejection('surrogate_lone', `${path} holds a lone surrogate`, path);
  return value;
}

function readIntegerId(value: unknown, source: () => string, path: string): string {
  if (typeof value !== 'number' && typeof value !== 'string')
    throw new Rejection('wrong_type', `${path} is ${typeof value}, expected an integer`, path);
  const exact = typeof value === 'number' && !Number.isSafeInteger(value) ? source() : String(value);
  const decimal = readDecimal(exact);
  const whole = decimal === undefined ? 'not_integer' : toInt64(decimal);
  if (whole === 'not_integer') throw new Rejection('wrong_type', `${path} is no integer`, path);
  if (whole === 'out_of_range') throw new Rejection('number_out_of_range', `${path} does not fit 64 bits`, path);
  return whole.toString();
}

export function hasIntegerKey(job: Pick<JobDefinition, 'columns' | 'key'>): boolean {
  return job.columns.some(({ field, type }) => field === job.key.field && type === 'INT64');
}

export function createIdReader(job: Pick<JobDefinition, 'columns' | 'key'>): IdReader {
  const { field } = job.key;
  const path = `$.${field}`;
  const isInteger = hasIntegerKey(job);
  return (object, text) => {
    const value = Object.hasOwn(object, field) ? object[field] : undefined;
    if (value === undefined || value === null || value === '')
      throw new Rejection('id_missing', `${path} is missing`, path);
    return isInteger ? readIntegerId(value, () => sourceOf(text, field), path) : readTextId(value, path);
  };
}

/** Of duplicate names the last one counts, as in JSON.parse. */
function sourceOf(text: string, field: string): string {
  const slice = memberSlices(text).findLast(({ name }) => name === field);
  return slice === undefined ? '' : text.slice(slice.start, slice.end);
}

/** Whether a record's key is the canonical text of a 64-bit integer. */
export function isIntegerKey(key: string): boolean {
  return /^(?:0|-?[1-9]\d{0,18})$/.test(key) && BigInt.asIntN(64, BigInt(key)) === BigInt(key);
}
