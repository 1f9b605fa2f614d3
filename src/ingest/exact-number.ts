/** Exact decimals out of JSON number texts: JavaScript's doubles lose digits beyond the fifteenth (FACTS.md §7). */

export interface ExactDecimal {
  readonly negative: boolean;
  /** Significant digits without leading or trailing zeros; empty for zero. */
  readonly digits: string;
  /** Power of ten of the last digit. */
  readonly exponent: number;
}

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Reads a JSON number's source text; undefined when it is none. */
export function readDecimal(text: string): ExactDecimal | undefined {
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  const fraction = match[3] ?? '';
  const all = (match[2] ?? '') + fraction;
  const trimmedEnd = all.replace(/0+$/, '');
  const digits = trimmedEnd.replace(/^0+/, '');
  if (digits === '') return { negative: false, digits: '', exponent: 0 };
  const exponent = Number(match[4] ?? '0') - fraction.length + (all.length - trimmedEnd.length);
  return { negative: match[1] === '-', digits, exponent };
}

/** Digits behind the decimal point, by value: 12.340 has two. */
export function decimalPlaces(value: ExactDecimal): number {
  return Math.max(0, -value.exponent);
}

/** Digits before the decimal point; 0 for numbers below one. */
export function integerDigits(value: ExactDecimal): number {
  return value.digits === '' ? 0 : Math.max(0, value.digits.length + value.exponent);
}

/** Plain notation without exponent. Call it only after the digit counts were bounded. */
export function plainText(value: ExactDecimal): string {
  if (value.digits === '') return '0';
  const sign = value.negative ? '-' : '';
  if (value.exponent >= 0) return sign + value.digits + '0'.repeat(value.exponent);
  const places = -value.exponent;
  const padded = value.digits.padStart(places + 1, '0');
  return `${sign}${padded.slice(0, -places)}.${padded.slice(-places)}`;
}

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** The exact integer when the decimal is whole and fits 64 bits. */
export function toInt64(value: ExactDecimal): bigint | 'not_integer' | 'out_of_range' {
  if (decimalPlaces(value) > 0) return 'not_integer';
  if (integerDigits(value) > 19) return 'out_of_range';
  const whole = BigInt(plainText(value));
  return whole < INT64_MIN || whole > INT64_MAX ? 'out_of_range' : whole;
}
