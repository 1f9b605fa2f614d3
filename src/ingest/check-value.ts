/**
 * Checks one event value against the job's columns. The hot path parses with JSON.parse and looks at every column once; only a
 * text that could fool a JSON reader (many digits, exponents, duplicate names, surrogate escapes) goes the exact, slower way.
 */
import type { JobDefinition } from '../core/job.ts';
import { columnCheck, declaredType, isExactType, typeName, type ColumnCheck } from './column-check.ts';
import type { DriftSink } from './drift.ts';
import { hasLoneSurrogate, scan } from './json-suspicion.ts';
import { createValueRewriter } from './rewrite-value.ts';
import { loadSchemaValidator } from './schema-validator.ts';
import { Rejection } from './verdict.ts';

/** BigQuery keeps JSON of at most 500 levels (FACTS.md §5). */
export const MAX_JSON_DEPTH = 500;

export type JsonObject = Record<string, unknown>;

function tooDeep(path: string): Rejection {
  return new Rejection('json_too_deep', `nested deeper than ${MAX_JSON_DEPTH} levels`, path);
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
  if (depth >= MAX_JSON_DEPTH) throw tooDeep(path);
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
  const exactFields = new Set<string>();
  const rewriter = createValueRewriter(job);
  const required: string[] = [];
  for (const column of job.columns) {
    const isOwn = column.field === job.key.field || column.field === job.eventTime.field;
    checks.set(column.field, isOwn ? () => undefined : columnCheck(column, declaredType(job, column.field)));
    if (isExactType(column) && !isOwn) exactFields.add(column.field);
    if (column.required && !isOwn) required.push(column.field);
  }
  for (const topic of job.topics) {
    if (typeof topic.op === 'object' && !checks.has(topic.op.field)) checks.set(topic.op.field, () => undefined);
  }

  return (text) => {
    const object = parseObject(text);
    const { longNumber: isLong, surrogateEscape: checkStrings, spaceBeforeColon, nameEnds, depth } = scan(text);
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
      else if (value !== null && !(isLong && exactFields.has(name) && typeof value === 'number'))
        check(value, `$.${name}`);
    }
    // Of duplicate names again: what was not walked through stands in the text all the same.
    if (depth > MAX_JSON_DEPTH) throw tooDeep('$');
    for (const field of required) {
      if (object[field] === undefined || object[field] === null) {
        throw new Rejection('required_missing', `$.${field} is missing`, `$.${field}`);
      }
    }
    validate?.(object);
    const mayRepeat = nameEnds !== members || spaceBeforeColon;
    const isPlain = !isLong && !mayRepeat && !rewriter.hasForeignTime(object);
    return { object, json: isPlain ? null : rewriter.rewrite(text, object, mayRepeat) };
  };
}
