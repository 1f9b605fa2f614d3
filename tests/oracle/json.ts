/** JSON read exactly: numbers keep their text, of duplicate names the last wins, lone surrogates are seen wherever they stand. */

export interface JsonNumber {
  readonly number: string;
}
export type Json = null | boolean | string | JsonNumber | readonly Json[] | ReadonlyMap<string, Json>;

export class BrokenJson extends Error {}
/** RELIABILITY F23: nesting of 10,000 levels is poison; BigQuery keeps JSON of at most 500 levels (FACTS §5). */
export const MAX_LEVELS = 500;

export const isObject = (value: Json): value is ReadonlyMap<string, Json> => value instanceof Map;
export const isNumber = (value: Json): value is JsonNumber =>
  typeof value === 'object' && value !== null && 'number' in value;

function readString(token: string): string | undefined {
  try {
    return JSON.parse(token) as string;
  } catch {
    return undefined; // a bare control character, an unknown escape
  }
}

/**
 * The value, and whether a lone surrogate stands anywhere in its text, in overwritten duplicates too (no JSON reader takes it). What is nested
 * deeper than MAX_LEVELS is passed over and read as null.
 */
export function readJson(text: string): {
  readonly value: Json;
  readonly loneSurrogate: boolean;
  readonly tooDeep: boolean;
} {
  let at = 0;
  let levels = 0;
  let loneSurrogate = false;
  let tooDeep = false;
  const fail = (): never => {
    throw new BrokenJson(`no JSON at character ${at}`);
  };
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const skip = (): void => void match(/[ \t\r\n]*/y);
  const take = (token: string): boolean => {
    skip();
    if (!text.startsWith(token, at)) return false;
    at += token.length;
    return true;
  };
  const string = (): string => {
    const token = match(/"(?:[^"\\]+|\\.)*"/sy) ?? fail();
    const value = readString(token) ?? fail();
    if (!value.isWellFormed()) loneSurrogate = true;
    return value;
  };
  const number = (): Json => {
    const token = match(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y) ?? fail();
    return { number: token };
  };
  const passOver = (): null => {
    tooDeep = true;
    for (let open = 1; open > 0;) {
      match(/[^"[\]{}]+/y);
      if (text[at] === '"') string();
      else if (match(/[[{]/y) !== undefined) open++;
      else if (match(/[\]}]/y) !== undefined) open--;
      else fail();
    }
    return null;
  };
  const nested = (read: () => Json): Json => {
    if (levels === MAX_LEVELS) return passOver();
    levels++;
    const value = read();
    levels--;
    return value;
  };
  const object = (): Json => {
    const members = new Map<string, Json>();
    if (take('}')) return members;
    do {
      skip();
      const name = string();
      if (!take(':')) fail();
      members.set(name, value());
    } while (take(','));
    return take('}') ? members : fail();
  };
  const array = (): Json => {
    const items: Json[] = [];
    if (take(']')) return items;
    do items.push(value());
    while (take(','));
    return take(']') ? items : fail();
  };
  const value = (): Json => {
    if (take('{')) return nested(object);
    if (take('[')) return nested(array);
    if (take('null')) return null;
    if (take('true')) return true;
    if (take('false')) return false;
    if (text[at] === '"') return string();
    return number();
  };
  const result = value();
  skip();
  if (at !== text.length) fail();
  return { value: result, loneSurrogate, tooDeep };
}

/** Whether a number anywhere in the value is beyond every double, like 1e400 (RELIABILITY F23). */
export function hasInfinite(value: Json): boolean {
  if (Array.isArray(value)) return value.some(hasInfinite);
  if (value === null || typeof value !== 'object') return false;
  return isNumber(value)
    ? !Number.isFinite(Number(value.number))
    : isObject(value) && [...value.values()].some(hasInfinite);
}

/** A JSON number as ±digits · 10^-scale without trailing zeros; zero has no sign and no digits. */
export function exactNumber(text: string): {
  readonly sign: '' | '-';
  readonly digits: string;
  readonly scale: number;
} {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const all = (whole + fraction).replace(/^0+/, '');
  const digits = all.replace(/0+$/, '');
  if (digits === '') return { sign: '', digits: '', scale: 0 };
  return {
    sign: sign === '-' ? '-' : '',
    digits,
    scale: fraction.length - Number(exponent) - (all.length - digits.length),
  };
}

/** One text for one meaning: names sorted by UTF-16 unit, numbers as `digits`e`exponent`, no white space. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isNumber(value)) {
    const { sign, digits, scale } = exactNumber(value.number);
    return digits === '' ? '0' : `${sign}${digits}e${-scale}`;
  }
  if (!isObject(value)) throw new Error('not JSON');
  const names = [...value.keys()].toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalJson(value.get(name) ?? null)}`).join(',')}}`;
}
