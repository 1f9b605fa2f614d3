/** Python's pprint.pformat: up to 80 columns, dict keys in order. */
import { DictValue } from './dict.ts';
import { order } from './operators.ts';
import { splitLines } from './characters.ts';
import { repr } from './text.ts';
import { TupleValue, type Value } from './values.ts';

const WIDTH = 80;

/** Keys in order where they have one; Python falls back to the names of their types. */
function sortedEntries(dict: DictValue): [Value, Value][] {
  const sameType =
    dict.keys().every((key) => typeof key === 'string') || dict.keys().every((key) => typeof key === 'number');
  return sameType ? dict.entries().sort(([a], [b]) => order(a, b)) : dict.entries();
}

function sortedDeep(value: Value, depth = 0): Value {
  if (depth > WIDTH) return value;
  if (value instanceof DictValue) {
    return new DictValue(sortedEntries(value).map(([key, item]) => [key, sortedDeep(item, depth + 1)]));
  }
  if (Array.isArray(value)) return value.map((item) => sortedDeep(item, depth + 1));
  return value instanceof TupleValue ? new TupleValue(value.items.map((item) => sortedDeep(item, depth + 1))) : value;
}

/** `allowance`: columns that what stands behind the value needs on its last line. */
function format(value: Value, indent: number, allowance: number, level: number): string {
  const line = repr(value);
  if (line.length <= WIDTH - indent - allowance) return line;
  if (value instanceof DictValue && value.size > 0) return `{${formatPairs(value, indent, allowance + 1, level)}}`;
  if (Array.isArray(value)) return `[${formatItems(value, indent, allowance + 1, level)}]`;
  if (value instanceof TupleValue) {
    const comma = value.items.length === 1 ? ',' : '';
    return `(${formatItems(value.items, indent, allowance + comma.length + 1, level)}${comma})`;
  }
  return typeof value === 'string' ? formatText(value, indent, allowance, level) : line;
}

function formatItems(items: readonly Value[], indent: number, allowance: number, level: number): string {
  const inner = indent + 1;
  const parts = items.map((item, i) => format(item, inner, i === items.length - 1 ? allowance : 1, level + 1));
  return parts.join(`,\n${' '.repeat(inner)}`);
}

function formatPairs(dict: DictValue, indent: number, allowance: number, level: number): string {
  const inner = indent + 1;
  const parts = dict.entries().map(([key, item], i) => {
    const name = repr(key);
    const rest = i === dict.size - 1 ? allowance : 1;
    return `${name}: ${format(item, inner + name.length + 2, rest, level + 1)}`;
  });
  return parts.join(`,\n${' '.repeat(inner)}`);
}

/** A long text becomes adjacent literals, cut behind lines and spaces. */
function formatText(value: string, indent: number, allowance: number, level: number): string {
  const outer = level === 1;
  const left = outer ? indent + 1 : indent;
  const behind = outer ? allowance + 1 : allowance;
  const width = WIDTH - left;
  const lines = splitLines(value, true);
  const chunks = lines.flatMap((line, i) => {
    const lastLine = i === lines.length - 1;
    const whole = repr(line);
    return whole.length <= width - (lastLine ? behind : 0) ? [whole] : wrapLine(line, width, lastLine ? behind : 0);
  });
  const text = chunks.join(`\n${' '.repeat(left)}`);
  return outer && chunks.length > 1 ? `(${text})` : text;
}

function wrapLine(line: string, width: number, behind: number): string[] {
  const parts = (line.match(/\S*\s*/g) ?? []).slice(0, -1);
  const chunks: string[] = [];
  let current = '';
  parts.forEach((part, i) => {
    const limit = i === parts.length - 1 ? width - behind : width;
    if (repr(current + part).length <= limit) {
      current += part;
      return;
    }
    if (current !== '') chunks.push(repr(current));
    current = part;
  });
  if (current !== '') chunks.push(repr(current));
  return chunks;
}

export function prettyText(value: Value): string {
  return format(sortedDeep(value), 0, 0, 1);
}
