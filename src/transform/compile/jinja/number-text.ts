/** Numbers read out of texts, as Python's int() and float() read them. */
import { fail } from './fault.ts';
import { makeInteger } from './numbers.ts';
import type { Value } from './values.ts';

const DIGITS: ReadonlyMap<number, RegExp> = new Map([
  [2, /^(?:0[bB]_?)?([01]+(?:_[01]+)*)$/],
  [8, /^(?:0[oO]_?)?([0-7]+(?:_[0-7]+)*)$/],
  [10, /^(\d+(?:_\d+)*)$/],
  [16, /^(?:0[xX]_?)?([\da-fA-F]+(?:_[\da-fA-F]+)*)$/],
]);
const PREFIXES: ReadonlyMap<number, string> = new Map([
  [2, '0b'],
  [8, '0o'],
  [10, ''],
  [16, '0x'],
]);

/** Python's int(text, base) for the bases templates use; undefined: it is none. */
export function readInteger(text: string, base: number): Value | undefined {
  const pattern = DIGITS.get(base) ?? fail(`int knows the bases 2, 8, 10 and 16, not ${base}`);
  const [, sign = '', body = ''] = /^\s*([+-]?)(.*?)\s*$/s.exec(text) ?? [];
  const digits = pattern.exec(body)?.[1]?.replaceAll('_', '');
  if (digits === undefined) return undefined;
  const value = BigInt(`${PREFIXES.get(base) ?? ''}${digits}`);
  return makeInteger(sign === '-' ? -value : value);
}

const FLOAT =
  /^\s*([+-]?)(?:(inf(?:inity)?)|(nan)|((?:\d+(?:_\d+)*)?\.?(?:\d+(?:_\d+)*)?(?:e[+-]?\d+(?:_\d+)*)?))\s*$/i;

/** Python's float(text); undefined: it is none. */
export function readFloat(text: string): number | undefined {
  const [, sign, infinite, nan, digits = ''] = FLOAT.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const factor = sign === '-' ? -1 : 1;
  if (infinite !== undefined) return factor * Number.POSITIVE_INFINITY;
  if (nan !== undefined) return Number.NaN;
  return /^\.?\d/.test(digits) ? factor * Number(digits.replaceAll('_', '')) : undefined;
}
