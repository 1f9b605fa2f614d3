/** Filters that make numbers, and dbt's filters that read a value out of a text. */
import { fail } from './fault.ts';
import { roundFloat, roundInteger } from './float-text.ts';
import { readLiteral } from './literals.ts';
import { asFloat, asInteger, makeFloat, makeInteger, negate, toNumber } from './numbers.ts';
import { readFloat, readInteger } from './number-text.ts';
import { type Bound, routine, table } from './routines.ts';
import { toText } from './text.ts';
import { orElse, described, UndefinedValue, type Value } from './values.ts';

function truncate(value: number): Value | undefined {
  return Number.isFinite(value) ? makeInteger(BigInt(Math.trunc(value))) : undefined;
}

function toInteger(value: Value, args: Bound): Value {
  if (value instanceof UndefinedValue) value.raise();
  const fallback = orElse(args.optional(0), () => 0);
  const integer = asInteger(value);
  if (integer !== undefined) return integer;
  if (typeof value !== 'string') return truncate(asFloat(value) ?? Number.NaN) ?? fallback;
  // "42.23" gives 42, as in Jinja.
  return readInteger(value, args.index(1, 10)) ?? truncate(readFloat(value) ?? Number.NaN) ?? fallback;
}

function toFloat(value: Value, args: Bound): Value {
  if (value instanceof UndefinedValue) value.raise();
  const number = typeof value === 'string' ? readFloat(value) : toNumber(value);
  return number === undefined ? orElse(args.optional(0), () => makeFloat(0)) : makeFloat(number);
}

function rounded(value: Value, args: Bound): Value {
  const precision = args.index(0, 0);
  const method = args.text(1, 'common');
  const integer = asInteger(value);
  const number = toNumber(value);
  if (value instanceof UndefinedValue) value.raise();
  if (number === undefined) fail(`round takes a number, not ${described(value)}`);
  if (method === 'common') {
    return integer === undefined
      ? roundFloat(number ?? 0, precision)
      : makeInteger(roundInteger(BigInt(integer), precision));
  }
  if (method !== 'ceil' && method !== 'floor') fail(`round knows 'common', 'ceil' and 'floor', not '${method}'`);
  const unit = 10 ** precision;
  const scaled = (number ?? 0) * unit;
  return makeFloat((method === 'ceil' ? Math.ceil(scaled) : Math.floor(scaled)) / unit);
}

function absolute(value: Value): Value {
  if (value instanceof UndefinedValue) value.raise();
  const negative = negate(value) ?? fail(`abs takes a number, not ${described(value)}`);
  const number = toNumber(value) ?? 0;
  if (typeof value === 'boolean') return Number(value);
  return number < 0 || Object.is(number, -0) ? negative : value;
}

function asNumber(value: Value): Value {
  if (toNumber(value) !== undefined && typeof value !== 'boolean') return value;
  const text = toText(value);
  const float = readFloat(text);
  return readInteger(text, 10) ?? (float === undefined ? fail(`'${text}' is no number`) : makeFloat(float));
}

function asBoolean(value: Value): Value {
  if (typeof value === 'boolean') return value;
  const text = toText(value).trim().toLowerCase();
  return text === 'true' ? true : text === 'false' ? false : fail(`'${toText(value)}' is neither true nor false`);
}

export const NUMBER_FILTERS = table<Value>({
  abs: routine('', absolute),
  as_bool: routine('', asBoolean),
  as_native: routine('', (value) => (typeof value === 'string' ? orElse(readLiteral(value), () => value) : value)),
  as_number: routine('', asNumber),
  as_text: routine('', (value) => toText(value)),
  float: routine('default?', toFloat),
  int: routine('default? base?', toInteger),
  round: routine('precision? method?', rounded),
});
