/** Floats as Python prints and rounds them. */
import { makeFloat } from './numbers.ts';
import type { Value } from './values.ts';

/** Python's `repr`: the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  // toExponential without an argument gives exactly the shortest digits.
  const [mantissa = '', exponentText = '0'] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    const digits = String(Math.abs(exponent)).padStart(2, '0');
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${digits}`;
  }
  const plain = exponent < 0 ? value.toFixed(Math.min(100, digitCount(mantissa) - 1 - exponent)) : String(value);
  return plain.includes('.') ? plain : `${plain}.0`;
}

function digitCount(mantissa: string): number {
  return mantissa.replace(/[-.]/g, '').length;
}

/** With more digits than a tie has, toFixed and toExponential give the exact decimal expansion; a tie ends in a 5. */
function isTie(expanded: string, digits: number): boolean {
  return /^50*$/.test(expanded.slice(expanded.indexOf('.') + 1 + digits));
}

/** Digits beyond those asked for that are looked at, and the most that JavaScript gives. */
const MORE_DIGITS = 40;
const MOST_DIGITS = 100;

/** `%.ne` of a positive number: like fixedText, half to even. JavaScript's form of the exponent, `1.5e+7`. */
export function exponentialText(value: number, digits: number): string {
  const text = value.toExponential(digits);
  if (digits + MORE_DIGITS > MOST_DIGITS) return text;
  const [expanded = '', before] = value.toExponential(digits + MORE_DIGITS).split('e');
  const [mantissa = '', exponent] = text.split('e');
  // 9.5 went up to 1e+1, which is even in its last digit.
  const isOdd = exponent === before && Number(mantissa.at(-1)) % 2 === 1;
  return isOdd && isTie(expanded, digits) ? `${oneLess(mantissa)}e${exponent}` : text;
}

/** `%.nf`: round half to even on the exact value, where toFixed takes the larger one. */
export function fixedText(value: number, digits: number): string {
  if (!Number.isFinite(value)) return floatText(value);
  // toFixed goes over to an exponent at 1e21; such a value has no fraction.
  const text = Math.abs(value) < 1e21 ? Math.abs(value).toFixed(digits) : wholeText(Math.abs(value), digits);
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (digits + MORE_DIGITS > MOST_DIGITS || Math.abs(value) >= 2 ** 52) return sign + text;
  if (!isTie(Math.abs(value).toFixed(digits + MORE_DIGITS), digits)) return sign + text;
  const lastDigit = Number(text.at(-1));
  return sign + (lastDigit % 2 === 0 ? text : oneLess(text));
}

function wholeText(value: number, digits: number): string {
  const whole = BigInt(value).toString();
  return digits === 0 ? whole : `${whole}.${'0'.repeat(digits)}`;
}

/** The odd last digit of a tie that was rounded up, taken down by one; it is never 0. */
function oneLess(text: string): string {
  return text.slice(0, -1) + String(Number(text.at(-1)) - 1);
}

/** Python's `round(float, digits)`. */
export function roundFloat(value: number, digits: number): Value {
  if (!Number.isFinite(value) || value === 0) return makeFloat(value);
  if (digits > 60) return makeFloat(value);
  if (digits >= 0) return makeFloat(Number(fixedText(value, digits)));
  const unit = 10 ** -digits;
  const quotient = value / unit;
  const below = Math.floor(quotient);
  const half = quotient - below;
  const rounded = half > 0.5 || (half === 0.5 && below % 2 !== 0) ? below + 1 : below;
  return makeFloat(rounded * unit);
}

/** Python's `round(int, digits)` for negative digits; else the integer itself. */
export function roundInteger(value: bigint, digits: number): bigint {
  if (digits >= 0) return value;
  const unit = 10n ** BigInt(Math.min(-digits, 10_000));
  const rest = ((value % unit) + unit) % unit;
  const below = value - rest;
  const twice = rest * 2n;
  const up = twice > unit || (twice === unit && (below / unit) % 2n !== 0n);
  return up ? below + unit : below;
}
