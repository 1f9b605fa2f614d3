/** `str()` and `repr()` of every value, as Python gives them. */
import { DictValue, SetValue } from './dict.ts';
import { fail } from './fault.ts';
import { floatText } from './float-text.ts';
import { RENDER_LIMITS } from './limits.ts';
import {
  FloatValue,
  IteratorValue,
  NamespaceValue,
  type ObjectValue,
  TupleValue,
  UndefinedValue,
  type Value,
} from './values.ts';

/** Lists and dicts inside each other deeper than this were put into themselves. */
const MAX_NESTING = 100;

export function toText(value: Value): string {
  if (typeof value === 'string') return value;
  if (value instanceof UndefinedValue) return value.lenient ? '' : value.raise();
  return representation(value, 0);
}

export function repr(value: Value): string {
  return representation(value, 0);
}

function representation(value: Value, depth: number): string {
  if (value === null) return 'None';
  switch (typeof value) {
    case 'string':
      return quoted(value);
    case 'boolean':
      return value ? 'True' : 'False';
    case 'bigint':
      return value.toString();
    case 'number':
      return Number.isInteger(value) ? String(value) : floatText(value);
    default:
      return depth > MAX_NESTING
        ? fail('the value contains itself, or is nested too deeply')
        : ofObject(value, depth + 1);
  }
}

type NonPrimitive = Exclude<Value, null | string | boolean | bigint | number>;

function ofObject(value: NonPrimitive, depth: number): string {
  if (Array.isArray(value)) return checkedText(`[${joined(value, depth)}]`);
  if (value instanceof TupleValue) {
    return checkedText(
      value.items.length === 1 ? `(${joined(value.items, depth)},)` : `(${joined(value.items, depth)})`,
    );
  }
  if (value instanceof DictValue) return checkedText(`{${pairs(value.entries(), depth)}}`);
  if (value instanceof FloatValue) return floatText(value.value);
  if (value instanceof UndefinedValue) return value.lenient ? 'Undefined' : value.raise();
  if (value instanceof IteratorValue) {
    return fail(
      `a ${value.typeName} cannot be printed`,
      'Filters like map and select give their items one by one: add | list.',
    );
  }
  return ofMembers(value, depth);
}

function ofMembers(value: ObjectValue, depth: number): string {
  const text = value.text();
  if (text !== undefined) return text;
  if (value instanceof SetValue) return value.size === 0 ? 'set()' : checkedText(`{${joined(value.items(), depth)}}`);
  if (value instanceof NamespaceValue) return checkedText(`<Namespace {${pairs(namespaceEntries(value), depth)}}>`);
  const items = value.items();
  if (items !== undefined) return checkedText(`${value.typeName}([${joined(items, depth)}])`);
  const hint = value.callable ? 'Call it, with parentheses behind its name.' : undefined;
  return fail(`a ${value.typeName} cannot be printed`, hint);
}

function namespaceEntries(value: NamespaceValue): [Value, Value][] {
  return Array.from(value.memberNames(), (name) => [name, value.member(name) ?? null]);
}

function joined(items: readonly Value[], depth: number): string {
  return items.map((item) => representation(item, depth)).join(', ');
}

function pairs(entries: readonly (readonly [Value, Value])[], depth: number): string {
  return entries.map(([key, item]) => `${representation(key, depth)}: ${representation(item, depth)}`).join(', ');
}

export function checkedText(text: string): string {
  return text.length > RENDER_LIMITS.maxTextChars ? tooLong() : text;
}

function tooLong(): never {
  return fail(
    `a text has more than ${RENDER_LIMITS.maxTextChars.toLocaleString('en')} characters`,
    'Look for a loop that goes on adding to it.',
  );
}

/** `text` so many times, refused before it is made. */
export function repeatedText(text: string, times: number): string {
  if (times <= 0 || text === '') return '';
  return text.length * times > RENDER_LIMITS.maxTextChars ? tooLong() : text.repeat(times);
}

const NAMED_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\\', '\\\\'],
]);

/** What Python's `str.isprintable` refuses: control, format, unassigned, surrogate, private use, separators but the space. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\\]|(?! )\p{Zs}/gu;

function escapeUnprintable(char: string): string {
  const named = NAMED_ESCAPES.get(char);
  if (named !== undefined) return named;
  const point = char.codePointAt(0) ?? 0;
  const hex = point.toString(16);
  if (point <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return point <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/** Single quotes, or double ones when only single quotes stand in the text. */
function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(UNPRINTABLE, escapeUnprintable);
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}
