/**
 * Walks over the bytes of a JSON text and writes them as the inside of a JSON string (`"` and `\` escaped, as JSON.stringify would), making no
 * string and no object. It knows plain JSON only: no white space but blanks, numbers without exponent that a double holds as
 * they are written, nothing nested deeply, no repeated names. Whatever else stands there, a call says 0 or false, and the text needs another reader.
 */
import { isUtf8 } from 'node:buffer';

/** What a value is, as bits. 0: none, or not a plain one. */
export const TEXT = 1;
export const NUMBER = 2;
export const BOOLEAN = 4;
export const OBJECT = 8;
export const ARRAY = 16;
export const NULL = 32;
/** An integer of more digits than a double is sure to hold, and few enough for 64 bits; outside of objects and arrays only. */
export const LONG = 64;
export const ANYTHING = TEXT | NUMBER | BOOLEAN | OBJECT | ARRAY | NULL;

export const COLON = 0x3a;
export const COMMA = 0x2c;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const BLANK = 0x20;
export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const MINUS = 0x2d;
export const DOT = 0x2e;
export const ZERO = 0x30;
const NINE = 0x39;
const LOWER_U = 0x75;

/** A double of fifteen digits (or fourteen and a dot) is what its text says. */
const MAX_DOUBLE_DIGITS = 15;
const MAX_LONG_DIGITS = 18;
const MAX_DEPTH = 8;
const MAX_NESTED_NAMES = 64;

const NULL_WORD = Buffer.from('null');
const TRUE_WORD = Buffer.from('true');
const FALSE_WORD = Buffer.from('false');
const NOTHING = new Uint8Array(0);
const SIMPLE_ESCAPES = new Set(Buffer.from('"\\/bfnrt'));

export function equalBytes(bytes: Uint8Array, from: number, to: number, other: Uint8Array): boolean {
  if (to - from !== other.length) return false;
  for (let index = 0; index < other.length; index++) if (bytes[from + index] !== other[index]) return false;
  return true;
}

function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= ZERO && code <= NINE;
}

function hexDigit(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= ZERO && code <= NINE) return code - ZERO;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

export class PlainJson {
  /** Where it stands in the text. */
  at = 0;
  /** Where it writes. */
  outAt = 0;
  /** Whether the text that was read last has a backslash in it. */
  escaped = false;
  #bytes: Uint8Array = NOTHING;
  #out: Uint8Array = NOTHING;
  #high = 0;
  readonly #nameStarts = new Int32Array(MAX_NESTED_NAMES);
  readonly #nameEnds = new Int32Array(MAX_NESTED_NAMES);

  /** What it writes takes at most twice the bytes of the text. */
  begin(bytes: Uint8Array, out: Uint8Array, outAt: number): void {
    this.#bytes = bytes;
    this.#out = out;
    this.at = 0;
    this.outAt = outAt;
    this.#high = 0;
  }

  /** Whether all was read, and the text is UTF-8. */
  isEnd(): boolean {
    return this.at === this.#bytes.length && ((this.#high & 0x80) === 0 || isUtf8(this.#bytes));
  }

  isAt(code: number): boolean {
    return this.#bytes[this.at] === code;
  }

  /** Takes one byte that must stand here, and the blanks behind it. */
  take(code: number): boolean {
    if (this.#bytes[this.at] !== code) return false;
    this.#copy(code);
    this.blanks();
    return true;
  }

  blanks(): void {
    while (this.#bytes[this.at] === BLANK) this.#copy(BLANK);
  }

  /** Takes a value of any kind; 0 when there is none, or not a plain one. */
  value(depth = 0, names = 0): number {
    const first = this.#bytes[this.at];
    if (first === QUOTE) return this.text() ? TEXT : 0;
    if (first === MINUS || isDigit(first)) return this.#number(depth);
    if (first === NULL_WORD[0]) return this.#word(NULL_WORD) ? NULL : 0;
    if (first === TRUE_WORD[0]) return this.#word(TRUE_WORD) ? BOOLEAN : 0;
    if (first === FALSE_WORD[0]) return this.#word(FALSE_WORD) ? BOOLEAN : 0;
    if (depth >= MAX_DEPTH) return 0;
    if (first === OPEN_BRACE) return this.#object(depth, names) ? OBJECT : 0;
    if (first === OPEN_BRACKET) return this.#array(depth, names) ? ARRAY : 0;
    return 0;
  }

  /** Takes a text with its quotes; blanks behind it are left, since only names may not have any. */
  text(): boolean {
    const bytes = this.#bytes;
    const out = this.#out;
    let at = this.at;
    let outAt = this.outAt;
    let high = 0;
    this.escaped = false;
    if (bytes[at] !== QUOTE) return false;
    out[outAt++] = BACKSLASH;
    out[outAt++] = QUOTE;
    for (at++; at < bytes.length; at++) {
      const code = bytes[at] as number;
      if (code === QUOTE) {
        out[outAt] = BACKSLASH;
        out[outAt + 1] = QUOTE;
        this.at = at + 1;
        this.outAt = outAt + 2;
        this.#high |= high;
        return true;
      }
      if (code < BLANK) return false;
      if (code === BACKSLASH) {
        this.escaped = true;
        if (!isPlainEscape(bytes, at)) return false;
        out[outAt++] = BACKSLASH;
        out[outAt++] = BACKSLASH;
        const next = bytes[++at] as number;
        if (next === QUOTE || next === BACKSLASH) out[outAt++] = BACKSLASH;
        out[outAt++] = next;
        continue;
      }
      high |= code;
      out[outAt++] = code;
    }
    return false;
  }

  #copy(code: number): void {
    this.#out[this.outAt++] = code;
    this.at++;
  }

  #word(word: Uint8Array): boolean {
    if (!equalBytes(this.#bytes, this.at, Math.min(this.at + word.length, this.#bytes.length), word)) return false;
    for (const code of word) this.#copy(code);
    return true;
  }

  #number(depth: number): number {
    const bytes = this.#bytes;
    if (bytes[this.at] === MINUS) this.#copy(MINUS);
    const start = this.at;
    if (bytes[start] === ZERO) this.#copy(ZERO);
    else if (!this.#digits()) return 0;
    let isWhole = true;
    if (bytes[this.at] === DOT) {
      isWhole = false;
      this.#copy(DOT);
      if (!this.#digits()) return 0;
    }
    const next = bytes[this.at];
    if (next !== COMMA && next !== CLOSE_BRACE && next !== CLOSE_BRACKET && next !== BLANK) return 0;
    const digits = this.at - start;
    if (digits <= MAX_DOUBLE_DIGITS) return NUMBER;
    return isWhole && depth === 0 && digits <= MAX_LONG_DIGITS ? LONG : 0;
  }

  #digits(): boolean {
    const start = this.at;
    for (let code = this.#bytes[start]; isDigit(code); code = this.#bytes[this.at]) this.#copy(code as number);
    return this.at > start;
  }

  /** `names`: how many names of the objects around this one are kept. */
  #object(depth: number, names: number): boolean {
    this.take(OPEN_BRACE);
    if (this.isAt(CLOSE_BRACE)) return this.#close(CLOSE_BRACE);
    for (let kept = names; kept < MAX_NESTED_NAMES; kept++) {
      const start = this.at;
      if (!this.text() || this.escaped) return false;
      this.#nameStarts[kept] = start;
      this.#nameEnds[kept] = this.at;
      for (let other = names; other < kept; other++) if (this.#areSameNames(other, kept)) return false;
      if (!this.take(COLON) || this.value(depth + 1, kept + 1) === 0) return false;
      this.blanks();
      if (!this.take(COMMA)) return this.#close(CLOSE_BRACE);
    }
    return false;
  }

  #areSameNames(left: number, right: number): boolean {
    let here = this.#nameStarts[left] as number;
    let there = this.#nameStarts[right] as number;
    const end = this.#nameEnds[left] as number;
    if (end - here !== (this.#nameEnds[right] as number) - there) return false;
    for (; here < end; here++, there++) if (this.#bytes[here] !== this.#bytes[there]) return false;
    return true;
  }

  #array(depth: number, names: number): boolean {
    this.take(OPEN_BRACKET);
    if (this.isAt(CLOSE_BRACKET)) return this.#close(CLOSE_BRACKET);
    for (;;) {
      if (this.value(depth + 1, names) === 0) return false;
      this.blanks();
      if (!this.take(COMMA)) return this.#close(CLOSE_BRACKET);
    }
  }

  #close(code: number): boolean {
    if (this.#bytes[this.at] !== code) return false;
    this.#copy(code);
    return true;
  }
}

/** Whether the escape at `at` is one of JSON's and no half of a surrogate pair. */
function isPlainEscape(bytes: Uint8Array, at: number): boolean {
  const kind = bytes[at + 1];
  if (kind === undefined) return false;
  if (kind !== LOWER_U) return SIMPLE_ESCAPES.has(kind);
  const first = hexDigit(bytes[at + 2]);
  const second = hexDigit(bytes[at + 3]);
  const isSurrogate = first === 0xd && second >= 8;
  return first >= 0 && second >= 0 && hexDigit(bytes[at + 4]) >= 0 && hexDigit(bytes[at + 5]) >= 0 && !isSurrogate;
}
