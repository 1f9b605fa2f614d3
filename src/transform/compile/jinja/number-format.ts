/** Numbers by Python's format codes, shared by `%`, `str.format` and the `format` filter. */
import { fail } from './fault.ts';
import { exponentialText, fixedText, floatText } from './float-text.ts';
import { asFloat, asInteger } from './numbers.ts';
import { described, UndefinedValue, type Value } from './values.ts';

/** Nobody prints more; toFixed takes no more either. */
const MAX_PRECISION = 100;

export function needPrecision(digits: number): number {
  return digits > MAX_PRECISION ? fail(`a precision of ${digits} is too large: at most ${MAX_PRECISION}`) : digits;
}

export function integerDigits(value: Value, code: string): { readonly negative: boolean; readonly digits: string } {
  const integer = asInteger(value);
  const float = asFloat(value);
  if (integer === undefined && (float === undefined || code !== 'd' || !Number.isFinite(float))) wrongType(code, value);
  const big = integer === undefined ? BigInt(Math.trunc(float ?? 0)) : BigInt(integer);
  const radix = { d: 10, b: 2, o: 8, x: 16, X: 16 }[code] ?? 10;
  const digits = (big < 0n ? -big : big).toString(radix);
  return { negative: big < 0n, digits: code === 'X' ? digits.toUpperCase() : digits };
}

export function wrongType(code: string, value: Value): never {
  if (value instanceof UndefinedValue) value.raise();
  return fail(`the format code '${code}' does not fit ${described(value)}`);
}

function pythonExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

/** `%g`: the shorter of fixed and exponent, without trailing zeros. */
function generalText(value: number, precision: number, alternate: boolean): string {
  const digits = precision === 0 ? 1 : precision;
  if (value === 0) return alternate ? `0.${'0'.repeat(digits - 1)}` : '0';
  const exponent = Number(exponentialText(value, digits - 1).split('e')[1]);
  const trim = (text: string): string => (alternate || !text.includes('.') ? text : text.replace(/\.?0+$/, ''));
  if (exponent < -4 || exponent >= digits) {
    const [mantissa = '', tail = ''] = exponentialText(value, digits - 1).split('e');
    return pythonExponent(`${trim(mantissa)}e${tail}`);
  }
  return trim(fixedText(value, Math.max(0, digits - 1 - exponent)));
}

/** The absolute value by one of e E f F g G %; the sign is the caller's. */
export function floatDigits(value: number, code: string, precision: number, alternate = false): string {
  const absolute = Math.abs(value);
  if (!Number.isFinite(absolute))
    return code === code.toUpperCase() ? floatText(absolute).toUpperCase() : floatText(absolute);
  const digits = needPrecision(precision);
  switch (code) {
    case 'f':
    case 'F':
      return fixedText(absolute, digits);
    case '%':
      return `${fixedText(absolute * 100, digits)}%`;
    case 'e':
      return pythonExponent(exponentialText(absolute, digits));
    case 'E':
      return pythonExponent(exponentialText(absolute, digits)).toUpperCase();
    case 'g':
      return generalText(absolute, digits, alternate);
    default:
      return generalText(absolute, digits, alternate).toUpperCase();
  }
}

export function isNegative(value: number): boolean {
  return value < 0 || Object.is(value, -0);
}

/** Digits grouped by three (or four for hexadecimal) in front of the decimal point. */
export function grouped(text: string, separator: string, size: number): string {
  const end = /^[0-9a-fA-F]*/.exec(text)?.[0].length ?? 0;
  let whole = text.slice(0, end);
  let result = '';
  while (whole.length > size) {
    result = `${separator}${whole.slice(-size)}${result}`;
    whole = whole.slice(0, -size);
  }
  return whole + result + text.slice(end);
}
