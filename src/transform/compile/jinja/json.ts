/** JSON as Python's json module reads and writes it: order of members kept, integers exact, 1.0 stays a float. */
import { DictValue } from './dict.ts';
import { fail } from './fault.ts';
import { floatText } from './float-text.ts';
import { asFloat, makeFloat, makeInteger } from './numbers.ts';
import { order } from './operators.ts';
import { checkedText, toText } from './text.ts';
import { TupleValue, typeName, UndefinedValue, type Value, described } from './values.ts';

const MAX_NESTING = 200;

export interface JsonOptions {
  readonly sortKeys: boolean;
  /** Spaces per level; undefined: all on one line. */
  readonly indent: number | undefined;
}

class JsonWriter {
  readonly #options: JsonOptions;

  constructor(options: JsonOptions) {
    this.#options = options;
  }

  write(value: Value, depth: number): string {
    if (depth > MAX_NESTING) return fail('the value contains itself, or is nested too deeply for JSON');
    if (value === null) return 'null';
    if (typeof value === 'string') return jsonText(value);
    if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
    if (Array.isArray(value))
      return this.#brackets(
        '[',
        ']',
        value.map((item) => this.write(item, depth + 1)),
        depth,
      );
    if (value instanceof TupleValue) return this.write([...value.items], depth);
    if (value instanceof DictValue) return this.#brackets('{', '}', this.#members(value, depth + 1), depth);
    const float = asFloat(value);
    if (float !== undefined) return jsonFloat(float);
    if (typeof value === 'number') return String(value);
    if (value instanceof UndefinedValue) value.raise();
    return fail(`${described(value)} has no JSON form`, typeName(value) === 'generator' ? 'Add | list.' : undefined);
  }

  #members(dict: DictValue, depth: number): string[] {
    const entries = dict.entries();
    if (this.#options.sortKeys) entries.sort(([a], [b]) => order(a, b));
    return entries.map(([key, item]) => `${jsonText(keyText(key))}: ${this.write(item, depth)}`);
  }

  #brackets(open: string, close: string, parts: readonly string[], depth: number): string {
    const { indent } = this.#options;
    if (parts.length === 0) return open + close;
    if (indent === undefined) return checkedText(open + parts.join(', ') + close);
    const newline = `\n${' '.repeat(indent * (depth + 1))}`;
    return checkedText(`${open}${newline}${parts.join(`,${newline}`)}\n${' '.repeat(indent * depth)}${close}`);
  }
}

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? floatText(value) : value > 0 ? 'Infinity' : '-Infinity';
}

function keyText(key: Value): string {
  if (typeof key === 'string') return key;
  if (key === null) return 'null';
  if (typeof key === 'boolean') return String(key);
  const float = asFloat(key);
  if (float !== undefined) return jsonFloat(float);
  return typeof key === 'number' || typeof key === 'bigint' ? toText(key) : fail(`${described(key)} is no JSON key`);
}

/** Python escapes everything beyond ASCII. */
function jsonText(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (unit) => {
    return unit === '\x7f' ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

export function writeJson(value: Value, options: JsonOptions): string {
  return new JsonWriter(options).write(value, 0);
}

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\0-\x1f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;
const SPACE = /[ \t\n\r]*/y;
const WORDS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

class JsonReader {
  readonly #text: string;
  #index = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Value {
    const value = this.#value(0);
    this.#space();
    return this.#index < this.#text.length ? this.#broken() : value;
  }

  #broken(): never {
    const found = this.#text.slice(this.#index, this.#index + 20);
    return fail(
      `the text is no JSON: unexpected ${found === '' ? 'end' : `'${found}'`} at character ${this.#index + 1}`,
    );
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#index;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#index = pattern.lastIndex;
    return match;
  }

  #space(): void {
    this.#match(SPACE);
  }

  #take(char: string): boolean {
    this.#space();
    if (this.#text[this.#index] !== char) return false;
    this.#index += 1;
    return true;
  }

  #value(depth: number): Value {
    if (depth > MAX_NESTING) fail('the JSON is nested too deeply');
    this.#space();
    const char = this.#text[this.#index];
    if (char === '{') return this.#object(depth);
    if (char === '[') return this.#array(depth);
    if (char === '"') return this.#string();
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#index)) continue;
      this.#index += word.length;
      return value;
    }
    const number = this.#match(NUMBER) ?? this.#broken();
    const isFloat = number[1] !== undefined || number[2] !== undefined;
    return isFloat ? makeFloat(Number(number[0])) : makeInteger(BigInt(number[0]));
  }

  #string(): string {
    const match = this.#match(STRING) ?? this.#broken();
    return JSON.parse(match[0]) as string;
  }

  #array(depth: number): Value {
    this.#take('[');
    const items: Value[] = [];
    if (this.#take(']')) return items;
    do items.push(this.#value(depth + 1));
    while (this.#take(','));
    return this.#take(']') ? items : this.#broken();
  }

  #object(depth: number): Value {
    this.#take('{');
    const dict = new DictValue();
    if (this.#take('}')) return dict;
    do {
      this.#space();
      const key = this.#string();
      if (!this.#take(':')) this.#broken();
      dict.set(key, this.#value(depth + 1));
    } while (this.#take(','));
    return this.#take('}') ? dict : this.#broken();
  }
}

export function readJson(text: string): Value {
  return new JsonReader(text).document();
}
