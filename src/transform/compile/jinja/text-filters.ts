/** Filters that make texts. */
import { characterCount, sliceCharacters, splitLines } from './characters.ts';
import { DictValue } from './dict.ts';
import { fail } from './fault.ts';
import { readJson, writeJson } from './json.ts';
import { floatDigits } from './number-format.ts';
import { toNumber } from './numbers.ts';
import { formatPercent } from './percent-format.ts';
import { prettyText } from './pretty.ts';
import { type Bound, openRoutine, routine, type Routine, table } from './routines.ts';
import { readFloat } from './number-text.ts';
import { iterate, needLength, toList } from './sequences.ts';
import { capitalize, centered, replaceText, stripEnd, stripStart } from './string-methods.ts';
import { attributeGetter } from './attribute-getter.ts';
import { checkedText, repeatedText, toText } from './text.ts';
import { orElse, TupleValue, described, UndefinedValue, type Value } from './values.ts';

function onText(change: (text: string) => Value): Routine<Value> {
  return routine('', (value) => change(toText(value)));
}

function titled(text: string): string {
  return text
    .split(/([-\s({[<]+)/u)
    .map(capitalize)
    .join('');
}

function indented(value: Value, args: Bound): string {
  if (typeof value !== 'string') fail(`indent takes a text, not ${described(value)}`);
  const width = args.optional(0);
  const indention = typeof width === 'string' ? width : repeatedText(' ', args.index(0, 4));
  const lines = splitLines(`${value}\n`);
  const blank = args.flag(2);
  const body = lines.map((line, i) => (i === 0 || (line === '' && !blank) ? line : indention + line));
  return checkedText((args.flag(1) ? indention : '') + body.join('\n'));
}

function truncated(value: Value, args: Bound): Value {
  const length = args.index(0, 255);
  const end = args.text(2, '...');
  const leeway = args.some(3) === undefined ? 5 : args.index(3);
  const keep = length - characterCount(end);
  if (keep < 0) fail(`truncate needs a length of at least ${characterCount(end)}, the length of its end`);
  if (leeway < 0) fail('truncate needs a leeway of at least 0');
  // Jinja lets everything pass that is short enough.
  if (needLength(value) <= length + leeway) return value;
  if (typeof value !== 'string') return fail(`truncate takes a text, not ${described(value)}`);
  const cut = sliceCharacters(value, 0, keep);
  const space = cut.lastIndexOf(' ');
  return (args.flag(1) || space === -1 ? cut : cut.slice(0, space)) + end;
}

function joined(value: Value, args: Bound): string {
  const separator = args.optional(0) === undefined ? '' : toText(args.value(0));
  const get = attributeGetter(args.some(1));
  return checkedText(Array.from(iterate(value), (item) => toText(get(item))).join(separator));
}

/** Python's urllib.parse.quote. */
function quoted(text: string, safe: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(/%2F|[!'()*]/g, (code) => {
    if (code === '%2F') return safe.includes('/') ? '/' : code;
    return `%${code.charCodeAt(0).toString(16).toUpperCase()}`;
  });
}

function urlencoded(value: Value): string {
  if (typeof value === 'string') return quoted(value, '/');
  if (!(value instanceof DictValue) && !Array.isArray(value) && !(value instanceof TupleValue)) {
    return quoted(toText(value), '/');
  }
  const pairs = value instanceof DictValue ? value.entries() : Array.from(iterate(value), pair);
  const part = (item: Value): string => quoted(toText(item), '').replaceAll('%20', '+');
  return pairs.map(([key, item]) => `${part(key)}=${part(item)}`).join('&');
}

function pair(value: Value): [Value, Value] {
  const items = toList(value);
  return items.length === 2 ? [items[0] ?? null, items[1] ?? null] : fail('urlencode takes a dict or a list of pairs');
}

const SIZES = ['B', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];

function fileSize(value: Value, binary: boolean): string {
  const bytes = toNumber(value) ?? readFloat(toText(value)) ?? Number.NaN;
  const base = binary ? 1024 : 1000;
  if (Number.isNaN(bytes)) fail('filesizeformat takes a number');
  if (bytes === 1) return '1 Byte';
  if (bytes < base) return `${Math.trunc(bytes)} Bytes`;
  const power = Math.min(SIZES.length, Math.max(1, Math.floor(Math.log(bytes) / Math.log(base) + 1e-12)));
  const unit = power === 1 ? 'kB' : (SIZES[power - 1] ?? 'YB');
  return `${floatDigits(bytes / base ** power, 'f', 1)} ${binary ? `${unit.slice(0, -1).toUpperCase()}iB` : unit}`;
}

/** Jinja's JSON is made for HTML: these four are escaped in it, and every reader of JSON reads them back. */
function htmlSafe(json: string): string {
  return json.replace(/[<>&']/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function formatted(value: Value, args: readonly Value[], kwargs: ReadonlyMap<string, Value>): string {
  if (args.length > 0 && kwargs.size > 0) fail('format takes either positional or keyword arguments');
  const values = kwargs.size > 0 ? new DictValue(kwargs) : new TupleValue(args);
  return formatPercent(toText(value), values);
}

function trimmed(value: Value, args: Bound): string {
  const chars = args.some(0) === undefined ? undefined : args.text(0);
  return stripEnd(stripStart(toText(value), chars), chars);
}

export const TEXT_FILTERS = table<Value>({
  capitalize: onText(capitalize),
  center: routine('width?', (value, args) => centered(toText(value), args.index(0, 80))),
  filesizeformat: routine('value? binary?', (value, args) => fileSize(value, args.flag(0))),
  format: openRoutine((value, args, kwargs) => formatted(value, args, kwargs)),
  fromjson: routine('default?', (value, args) => {
    if (typeof value === 'string') return readJson(value);
    return orElse(args.optional(0), () => fail(`fromjson takes a text, not ${described(value)}`));
  }),
  indent: routine('width? first? blank?', indented),
  join: routine('d? attribute?', joined),
  lower: onText((text) => text.toLowerCase()),
  pprint: routine('', (value) => (value instanceof UndefinedValue ? value.raise() : prettyText(value))),
  replace: routine('old new count?', (value, args) => {
    const count = args.some(2) === undefined ? -1 : args.index(2);
    return replaceText(toText(value), toText(args.value(0)), toText(args.value(1)), count);
  }),
  string: onText((text) => text),
  title: onText(titled),
  tojson: routine('indent?', (value, args) => {
    const indent = args.some(0) === undefined ? undefined : args.index(0);
    return htmlSafe(writeJson(value, { sortKeys: true, indent }));
  }),
  trim: routine('chars?', trimmed),
  truncate: routine('length? killwords? end? leeway?', truncated),
  upper: onText((text) => text.toUpperCase()),
  urlencode: routine('', urlencoded),
  wordcount: onText((text) => text.match(/[\p{L}\p{N}\p{M}_]+/gu)?.length ?? 0),
});
