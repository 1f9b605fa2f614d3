/** The tests behind `is`. */
import { DictValue } from './dict.ts';
import { asFloat, asInteger, isNumeric } from './numbers.ts';
import { binary, contains, equals, ordered } from './operators.ts';
import { routine, type Routine, table } from './routines.ts';
import { isIterable, RangeValue } from './sequences.ts';
import { isLower, isUpper } from './string-methods.ts';
import { toText } from './text.ts';
import { FloatValue, isCallable, TupleValue, UndefinedValue, type Value } from './values.ts';

type TestRoutine = Routine<Value, boolean>;

function plain(test: (value: Value) => boolean): TestRoutine {
  return routine('', (value) => test(value));
}

function against(test: (value: Value, other: Value) => boolean): TestRoutine {
  return routine('other', (value, args) => test(value, args.value(0)));
}

function remainder(value: Value, divisor: Value): Value {
  return binary('Mod', value, divisor);
}

function isSame(value: Value, other: Value): boolean {
  if (value instanceof FloatValue && other instanceof FloatValue) return Object.is(value.value, other.value);
  return value === other;
}

/** What has a length and subscripts, as Jinja asks Python; a dict has both. */
function isSequence(value: Value): boolean {
  return (
    typeof value === 'string' ||
    Array.isArray(value) ||
    value instanceof TupleValue ||
    value instanceof DictValue ||
    value instanceof RangeValue
  );
}

const isInteger = (value: Value): boolean => typeof value !== 'boolean' && asInteger(value) !== undefined;
const equal = against((value, other) => equals(value, other));
const unequal = against((value, other) => !equals(value, other));
const less = against((value, other) => ordered('<', value, other));
const lessOrEqual = against((value, other) => ordered('<=', value, other));
const greater = against((value, other) => ordered('>', value, other));
const greaterOrEqual = against((value, other) => ordered('>=', value, other));

export const VALUE_TESTS = table<Value, boolean>({
  defined: plain((value) => !(value instanceof UndefinedValue)),
  undefined: plain((value) => value instanceof UndefinedValue),
  none: plain((value) => value === null),
  boolean: plain((value) => typeof value === 'boolean'),
  true: plain((value) => value === true),
  false: plain((value) => value === false),
  integer: plain(isInteger),
  float: plain((value) => asFloat(value) !== undefined),
  number: plain(isNumeric),
  string: plain((value) => typeof value === 'string'),
  mapping: plain((value) => value instanceof DictValue),
  sequence: plain(isSequence),
  iterable: plain(isIterable),
  // Python finds `__call__` on Jinja's Undefined as well.
  callable: plain((value) => isCallable(value) || value instanceof UndefinedValue),
  lower: plain((value) => isLower(toText(value))),
  upper: plain((value) => isUpper(toText(value))),
  odd: plain((value) => equals(remainder(value, 2), 1)),
  even: plain((value) => equals(remainder(value, 2), 0)),
  divisibleby: routine('num', (value, args) => equals(remainder(value, args.value(0)), 0)),
  sameas: against(isSame),
  in: routine('seq', (value, args) => contains(args.value(0), value)),
  '==': equal,
  eq: equal,
  equalto: equal,
  '!=': unequal,
  ne: unequal,
  '<': less,
  lt: less,
  lessthan: less,
  '<=': lessOrEqual,
  le: lessOrEqual,
  '>': greater,
  gt: greater,
  greaterthan: greater,
  '>=': greaterOrEqual,
  ge: greaterOrEqual,
});
