/**
 * nunjucks' tokenizer with Jinja's lexical rules. It stays the base (the parser reads its fields), and hands out nunjucks'
 * tokens, but every rule is Jinja's own, because nunjucks differs silently: it ends `{{ {'a': {}}}}` at the first `}}`, reads
 * `r/2` as a regular expression, drops unknown backslashes, stops at `#}` in plain SQL, and takes an unclosed string. Walking
 * by `indexOf` and character codes is also about ten times as fast as its walk, character by character.
 */
import { TemplateFault } from './fault.ts';
import { NunjucksTokenizer, type Token, type TokenType } from './nunjucks.ts';
import type { TemplateSource } from './source.ts';
import { unescapeString } from './string-literal.ts';

const RAW_START = /\{%[-+]?\s*raw\s*(?:-%\}\s*|%\})/y;
const RAW_END = /\{%([-+]?)\s*endraw\s*(?:-%\}\s*|\+?%\})/g;
const FLOAT = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?[eE][+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/y;
const INTEGER = /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|[1-9](?:_?\d)*|0(?:_?0)*/y;
const NAME = /[\p{ID_Start}_][\p{ID_Continue}]*/uy;
const SPACE = /\s*/y;

const CLOSERS: ReadonlyMap<string, string> = new Map([
  ['(', ')'],
  ['[', ']'],
  ['{', '}'],
]);

const PUNCTUATION: ReadonlyMap<string, TokenType> = new Map([
  ['(', 'left-paren'],
  [')', 'right-paren'],
  ['[', 'left-bracket'],
  [']', 'right-bracket'],
  ['{', 'left-curly'],
  ['}', 'right-curly'],
  [',', 'comma'],
  [':', 'colon'],
  ['~', 'tilde'],
  ['|', 'pipe'],
  ...['+', '-', '*', '/', '%', '.', '=', '<', '>', '!'].map((operator) => [operator, 'operator'] as const),
]);

const LAST_ASCII = 127;

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isNamePart(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || isDigit(code);
}

interface OpenTag {
  readonly kind: 'block' | 'variable';
  readonly lineno: number;
  readonly colno: number;
}

/** Jinja reads `\r\n` and `\r` as `\n`, and drops one newline at the end (keep_trailing_newline is off, as in dbt). */
export function normalizeText(text: string): string {
  const unified = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  return unified.endsWith('\n') ? unified.slice(0, -1) : unified;
}

export class JinjaTokenizer extends NunjucksTokenizer {
  readonly #source: TemplateSource;
  /** The tag that the tokenizer is in; undefined: plain text. */
  #tag: OpenTag | undefined;
  /** Where the brackets stand that are still open, innermost last. */
  readonly #open: number[] = [];
  #lineStart = 0;
  /** The first newline that is not behind us; looked up once, so that a long line costs nothing per token. */
  #newline: number;

  constructor(source: TemplateSource) {
    super(normalizeText(source.text));
    this.#source = source;
    this.#newline = this.#newlineFrom(0);
  }

  override nextToken(): Token | null {
    return this.#tag === undefined ? this.#nextOutside() : this.#nextInside(this.#tag);
  }

  fault(message: string, lineno: number, colno: number, hint?: string): TemplateFault {
    return new TemplateFault(message, hint, { source: this.#source, line: lineno + 1, column: colno + 1 });
  }

  /** The text up to `{% <endTag> %}`, unparsed; the tokenizer goes on behind that tag. Called right behind a tag's end. */
  takeRawUntil(endTag: string): { readonly text: string } | null {
    const pattern = new RegExp(String.raw`\{%([-+]?)\s*${endTag}\s*(?:-%\}\s*|\+?%\})`, 'g');
    pattern.lastIndex = this.index;
    const match = pattern.exec(this.str);
    if (match === null) return null;
    const text = this.str.slice(this.index, match.index);
    this.#advance(match.index + match[0].length);
    return { text: match[1] === '-' ? text.trimEnd() : text };
  }

  #newlineFrom(index: number): number {
    const at = this.str.indexOf('\n', index);
    return at === -1 ? Number.POSITIVE_INFINITY : at;
  }

  #advance(to: number): void {
    while (this.#newline < to) {
      this.lineno += 1;
      this.#lineStart = this.#newline + 1;
      this.#newline = this.#newlineFrom(this.#lineStart);
    }
    this.index = to;
    this.colno = to - this.#lineStart;
  }

  #skipSpace(): void {
    const { str } = this;
    let end = this.index;
    while (isSpace(str.charCodeAt(end))) end += 1;
    if (str.charCodeAt(end) > LAST_ASCII) {
      SPACE.lastIndex = end;
      SPACE.test(str);
      end = SPACE.lastIndex;
    }
    if (end !== this.index) this.#advance(end);
  }

  /** Plain text, comments and raw blocks up to the next tag. */
  #nextOutside(): Token | null {
    const { str } = this;
    while (this.index < this.len) {
      const at = this.#findTag(this.index);
      const text = at > this.index ? this.#textUntil(at) : undefined;
      if (text !== undefined) return text;
      if (at >= this.len) return null;
      if (str[at + 1] === '#') {
        this.#skipComment();
        continue;
      }
      RAW_START.lastIndex = at;
      if (str[at + 1] !== '%' || !RAW_START.test(str)) return this.#openTag(at);
      const raw = this.#rawBlock(RAW_START.lastIndex);
      if (raw !== undefined) return raw;
    }
    return null;
  }

  /** undefined: nothing is left of the text, because the tag behind it strips it. */
  #textUntil(at: number): Token | undefined {
    const { lineno, colno } = this;
    const text = this.str.slice(this.index, at);
    this.#advance(at);
    const value = this.str[at + 2] === '-' ? text.trimEnd() : text;
    return value === '' ? undefined : { type: 'data', value, lineno, colno };
  }

  #findTag(from: number): number {
    for (let at = this.str.indexOf('{', from); at !== -1; at = this.str.indexOf('{', at + 1)) {
      const next = this.str[at + 1];
      if (next === '%' || next === '{' || next === '#') return at;
    }
    return this.len;
  }

  #openTag(at: number): Token {
    const kind = this.str[at + 1] === '%' ? 'block' : 'variable';
    const { lineno, colno } = this;
    this.#tag = { kind, lineno, colno };
    const sign = this.str[at + 2];
    this.#advance(at + (sign === '-' || sign === '+' ? 3 : 2));
    return kind === 'block'
      ? { type: 'block-start', value: '{%', lineno, colno }
      : { type: 'variable-start', value: '{{', lineno, colno };
  }

  #skipComment(): void {
    const sign = this.str[this.index + 2];
    const body = this.index + (sign === '-' || sign === '+' ? 3 : 2);
    const end = this.str.indexOf('#}', body);
    if (end === -1)
      throw this.fault('the comment that starts here has no end', this.lineno, this.colno, 'Close it with #}.');
    const strip = end > body && this.str[end - 1] === '-';
    this.#advance(end + 2);
    if (strip) this.#skipSpace();
  }

  #rawBlock(bodyStart: number): Token | undefined {
    RAW_END.lastIndex = bodyStart;
    const end = RAW_END.exec(this.str);
    if (end === null) throw this.fault('{% raw %} has no {% endraw %}', this.lineno, this.colno);
    this.#advance(bodyStart);
    const { lineno, colno } = this;
    const body = this.str.slice(bodyStart, end.index);
    this.#advance(end.index + end[0].length);
    const value = end[1] === '-' ? body.trimEnd() : body;
    return value === '' ? undefined : { type: 'data', value, lineno, colno };
  }

  #nextInside(tag: OpenTag): Token {
    this.#skipSpace();
    const { str, index } = this;
    const end = this.#open.length === 0 ? this.#tagEnd(tag) : undefined;
    if (end !== undefined) return end;
    if (index >= this.len) throw this.#unclosed(tag);
    const code = str.charCodeAt(index);
    if (isDigit(code)) return this.#number();
    if (isNamePart(code) || code > LAST_ASCII) return this.#name();
    const char = str[index] ?? '';
    return char === '"' || char === "'" ? this.#string(char) : this.#punctuation(char);
  }

  #name(): Token {
    const { str, index, lineno, colno } = this;
    let end = index;
    while (isNamePart(str.charCodeAt(end))) end += 1;
    if (str.charCodeAt(end) > LAST_ASCII) {
      NAME.lastIndex = index;
      if (!NAME.test(str)) return this.#punctuation(String.fromCodePoint(str.codePointAt(index) ?? 0));
      end = NAME.lastIndex;
    }
    this.#advance(end);
    return { type: 'symbol', value: str.slice(index, end), lineno, colno };
  }

  #tagEnd(tag: OpenTag): Token | undefined {
    const { str, index, lineno, colno } = this;
    const first = str[index];
    const isBlock = tag.kind === 'block';
    const close = isBlock ? '%}' : '}}';
    const signed = first === '-' || (first === '+' && isBlock);
    if (first !== close[0] && !signed) return undefined;
    if (!str.startsWith(close, signed ? index + 1 : index)) return undefined;
    this.#tag = undefined;
    this.#advance(index + (signed ? 3 : 2));
    if (first === '-') this.#skipSpace();
    return { type: isBlock ? 'block-end' : 'variable-end', value: close, lineno, colno };
  }

  #unclosed(tag: OpenTag): TemplateFault {
    const innermost = this.#open.at(-1);
    if (innermost === undefined) {
      const close = tag.kind === 'block' ? '%}' : '}}';
      return this.fault(`the tag that starts here has no end`, tag.lineno, tag.colno, `Close it with ${close}.`);
    }
    const before = this.str.slice(0, innermost).split('\n');
    const closer = CLOSERS.get(this.str[innermost] ?? '') ?? '';
    const message = `the file ends before the '${closer}' that belongs to this bracket`;
    return this.fault(message, before.length - 1, before.at(-1)?.length ?? 0);
  }

  #number(): Token {
    const { str, index, lineno, colno } = this;
    // `x.0.1` is two subscripts, so no float starts behind a dot.
    FLOAT.lastIndex = index;
    const type = str[index - 1] !== '.' && FLOAT.test(str) ? 'float' : 'int';
    const pattern = type === 'float' ? FLOAT : INTEGER;
    if (type === 'int') {
      INTEGER.lastIndex = index;
      INTEGER.test(str);
    }
    const value = str.slice(index, pattern.lastIndex).replaceAll('_', '');
    this.#advance(pattern.lastIndex);
    return { type, value, lineno, colno };
  }

  #string(quote: string): Token {
    const { str, index, lineno, colno } = this;
    let end = index + 1;
    while (end < this.len && str[end] !== quote) end += str[end] === '\\' ? 2 : 1;
    if (end >= this.len) throw this.fault('the string that starts here has no closing quote', lineno, colno);
    const body = str.slice(index + 1, end);
    this.#advance(end + 1);
    try {
      return { type: 'string', value: unescapeString(body), lineno, colno };
    } catch (error) {
      if (!(error instanceof TemplateFault)) throw error;
      throw this.fault(error.message, lineno, colno, error.hint);
    }
  }

  #punctuation(char: string): Token {
    const { index, lineno, colno } = this;
    const type = PUNCTUATION.get(char);
    if (type === undefined) throw this.#unexpected(char);
    const value = type === 'operator' ? this.#operator(char) : char;
    if (type.startsWith('left')) this.#open.push(index);
    else if (type.startsWith('right')) this.#closeBracket(value);
    this.#advance(index + value.length);
    return { type, value, lineno, colno };
  }

  #unexpected(char: string): TemplateFault {
    return this.fault(`unexpected character '${char}'`, this.lineno, this.colno);
  }

  /** One of `** // == != <= >=`, or the character alone. */
  #operator(char: string): string {
    const next = this.str[this.index + 1];
    if (next === '=' && (char === '=' || char === '!' || char === '<' || char === '>')) return `${char}=`;
    if (next === char && (char === '*' || char === '/')) return char + char;
    if (char === '!') throw this.#unexpected(char);
    return char;
  }

  #closeBracket(value: string): void {
    const open = this.#open.pop();
    if (open === undefined) throw this.fault(`unexpected '${value}'`, this.lineno, this.colno);
    const expected = CLOSERS.get(this.str[open] ?? '') ?? '';
    if (expected === value) return;
    throw this.fault(`unexpected '${value}', expected '${expected}'`, this.lineno, this.colno);
  }
}
