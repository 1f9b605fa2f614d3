/**
 * Python's arithmetic on integers of any size and floats. Safe integers stay JavaScript numbers (the fast path); what leaves
 * that range becomes a bigint, and a float that is integral becomes a FloatValue.
 */
import { fail } from './fault.ts';
import { MAX_INTEGER_BITS } from './limits.ts';
import { FloatValue, described, UndefinedValue, type Value } from './values.ts';

export type Integer = number | bigint;

const LARGEST = 1n << BigInt(MAX_INTEGER_BITS);

export function makeInteger(value: bigint): Integer {
  const small = Number(value);
  if (Number.isSafeInteger(small)) return small;
  if (value > LARGEST || value < -LARGEST) fail(`the integer has more than ${MAX_INTEGER_BITS} bits`);
  return value;
}

export function makeFloat(value: number): Value {
  return Number.isInteger(value) ? new FloatValue(value) : value;
}

/** The integer a value is (booleans are 0 and 1, as in Python); undefined for everything else. */
export function asInteger(value: Value): Integer | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined;
  return typeof value === 'boolean' ? Number(value) : undefined;
}

/** The number a float is; undefined for everything else, integers included. */
export function asFloat(value: Value): number | undefined {
  if (value instanceof FloatValue) return value.value;
  return typeof value === 'number' && !Number.isInteger(value) ? value : undefined;
}

export function isNumeric(value: Value): boolean {
  return (
    typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' || value instanceof FloatValue
  );
}

/** Any number as a JavaScript number, for float arithmetic. */
export function toNumber(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  if (value instanceof FloatValue) return value.value;
  return typeof value === 'bigint' || typeof value === 'boolean' ? Number(value) : undefined;
}

/** A small integer that an argument must be: a width, a count, an index. */
export function needIndex(value: Value, what: string): number {
  const integer = asInteger(value);
  if (integer === undefined) {
    if (value instanceof UndefinedValue) value.raise();
    fail(`${what} must be an integer, not ${described(value)}`);
  }
  // Anything beyond is beyond every list and text as well, and needs no exact value.
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(integer)));
}

export type ArithmeticName = 'Add' | 'Sub' | 'Mul' | 'Div' | 'FloorDiv' | 'Mod' | 'Pow';

function divisionByZero(): never {
  return fail('division by zero');
}

function floorDivide(a: bigint, b: bigint): bigint {
  if (b === 0n) divisionByZero();
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

function bitLength(value: bigint): number {
  return (value < 0n ? -value : value).toString(2).length;
}

function integerPower(base: Integer, exponent: Integer): Value {
  if (exponent < 0) {
    if (Number(base) === 0) divisionByZero();
    return makeFloat(Number(base) ** Number(exponent));
  }
  const big = BigInt(base);
  if ((bitLength(big) - 1) * Number(exponent) > MAX_INTEGER_BITS && big !== 1n && big !== -1n) {
    fail(`the power has more than ${MAX_INTEGER_BITS} bits`);
  }
  return makeInteger(big ** BigInt(exponent));
}

function onIntegers(name: ArithmeticName, a: Integer, b: Integer): Value {
  switch (name) {
    case 'Add':
      return makeInteger(BigInt(a) + BigInt(b));
    case 'Sub':
      return makeInteger(BigInt(a) - BigInt(b));
    case 'Mul':
      return makeInteger(BigInt(a) * BigInt(b));
    case 'Div':
      if (Number(b) === 0) divisionByZero();
      return makeFloat(Number(a) / Number(b));
    case 'FloorDiv':
      return makeInteger(floorDivide(BigInt(a), BigInt(b)));
    case 'Mod':
      return makeInteger(BigInt(a) - floorDivide(BigInt(a), BigInt(b)) * BigInt(b));
    case 'Pow':
      return integerPower(a, b);
  }
}

/** Python's float modulo takes the sign of the divisor. */
function floatModulo(a: number, b: number): number {
  if (b === 0) divisionByZero();
  const rest = a % b;
  if (rest === 0) return b < 0 ? -0 : 0;
  return rest < 0 !== b < 0 ? rest + b : rest;
}

/** CPython's own steps, so that the rounding and the sign of zero are the same. */
function floorDivideFloats(a: number, b: number): number {
  const rest = floatModulo(a, b);
  const quotient = (a - rest) / b;
  if (quotient === 0) return Object.is(a / b, -0) || a / b < 0 ? -0 : 0;
  const floor = Math.floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

function onFloats(name: ArithmeticName, a: number, b: number): number {
  switch (name) {
    case 'Add':
      return a + b;
    case 'Sub':
      return a - b;
    case 'Mul':
      return a * b;
    case 'Div':
      return b === 0 ? divisionByZero() : a / b;
    case 'FloorDiv':
      return floorDivideFloats(a, b);
    case 'Mod':
      return floatModulo(a, b);
    case 'Pow':
      if (a === 0 && b < 0) divisionByZero();
      if (a < 0 && !Number.isInteger(b)) fail('a negative number has no real power with a fraction');
      return a ** b;
  }
}

/** undefined: one of the operands is no number. */
export function arithmetic(name: ArithmeticName, a: Value, b: Value): Value | undefined {
  const left = asInteger(a);
  const right = asInteger(b);
  if (left !== undefined && right !== undefined) return onIntegers(name, left, right);
  const x = toNumber(a);
  const y = toNumber(b);
  return x === undefined || y === undefined ? undefined : makeFloat(onFloats(name, x, y));
}

export function negate(value: Value): Value | undefined {
  const integer = asInteger(value);
  if (integer !== undefined) return integer === 0 ? 0 : typeof integer === 'bigint' ? makeInteger(-integer) : -integer;
  const float = asFloat(value);
  return float === undefined ? undefined : makeFloat(-float);
}

/** Integers and floats compared by value, exactly; undefined: one is no number. NaN gives NaN. */
export function compareNumbers(a: Value, b: Value): number | undefined {
  const x = comparable(a);
  const y = comparable(b);
  if (x === undefined || y === undefined) return undefined;
  if (x < y) return -1;
  if (x > y) return 1;
  // bigint and number compare by value in JavaScript, so what is left is equal, or not a number.
  return Number.isNaN(x) || Number.isNaN(y) ? Number.NaN : 0;
}

function comparable(value: Value): number | bigint | undefined {
  return typeof value === 'bigint' ? value : toNumber(value);
}
