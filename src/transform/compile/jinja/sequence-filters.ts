/** Filters that take lists, dicts and what else can be walked through. */
import { attributeGetter, comparedAs, type Getter } from './attribute-getter.ts';
import { getAttribute } from './attributes.ts';
import { characters } from './characters.ts';
import { DictValue, SetValue } from './dict.ts';
import { fail } from './fault.ts';
import { add, equals, order } from './operators.ts';
import { type Bound, routine, table } from './routines.ts';
import { iterate, lazily, needLength, toList } from './sequences.ts';
import { sortValues } from './sorting.ts';
import { isTrue } from './truth.ts';
import { IteratorValue, orElse, TupleValue, described, UndefinedValue, type Value } from './values.ts';

function firstOf(value: Value): Value {
  for (const item of iterate(value)) return item;
  return new UndefinedValue('there is no first item, the sequence is empty');
}

function reversible(value: Value, filter: string): Value[] {
  if (value instanceof IteratorValue || value instanceof SetValue) {
    fail(`${filter} cannot walk through ${described(value)} from its end`, 'Add | list before it.');
  }
  return toList(value);
}

function lastOf(value: Value): Value {
  const missing = (): Value => new UndefinedValue('there is no last item, the sequence is empty');
  return orElse(reversible(value, 'last').at(-1), missing);
}

function reversed(value: Value): Value {
  if (typeof value === 'string') return characters(value).toReversed().join('');
  const items = value instanceof IteratorValue ? toList(value) : reversible(value, 'reverse');
  return value instanceof IteratorValue ? items.toReversed() : lazily(() => items.toReversed(), 'list_reverseiterator');
}

/** 'age,name' sorts by two attributes. */
function sortKey(attribute: Value | undefined, compared: Getter): Getter {
  if (typeof attribute !== 'string' || !attribute.includes(',')) {
    const get = attributeGetter(attribute);
    return (item) => compared(get(item));
  }
  const getters = attribute.split(',').map((name) => attributeGetter(name));
  return (item) => getters.map((get) => compared(get(item)));
}

function extreme(value: Value, args: Bound, sign: 1 | -1): Value {
  const compared = comparedAs(args.flag(0));
  const get = attributeGetter(args.some(1));
  let best: { readonly item: Value; readonly key: Value } | undefined;
  for (const item of iterate(value)) {
    const key = compared(get(item));
    if (best === undefined || order(key, best.key) * sign > 0) best = { item, key };
  }
  return best === undefined ? new UndefinedValue('there is nothing to compare, the sequence is empty') : best.item;
}

function* batches(value: Value, size: number, fill: Value | undefined): Generator<Value> {
  let batch: Value[] = [];
  for (const item of iterate(value)) {
    if (batch.length === size) {
      yield batch;
      batch = [];
    }
    batch.push(item);
  }
  if (batch.length === 0) return;
  if (fill !== undefined) batch.push(...Array.from({ length: Math.max(0, size - batch.length) }, () => fill));
  yield batch;
}

function* slices(value: Value, count: number, fill: Value | undefined): Generator<Value> {
  const items = toList(value);
  if (count === 0) fail('slice needs at least one slice');
  const size = Math.floor(items.length / count);
  const larger = items.length % count;
  let start = 0;
  for (let i = 0; i < count; i++) {
    const end = start + size + (i < larger ? 1 : 0);
    const part = items.slice(start, end);
    if (fill !== undefined && i >= larger) part.push(fill);
    yield part;
    start = end;
  }
}

function* uniqueItems(value: Value, key: Getter): Generator<Value> {
  const seen = new SetValue();
  for (const item of iterate(value)) {
    const compared = key(item);
    if (seen.has(compared)) continue;
    seen.add(compared);
    yield item;
  }
}

function grouped(value: Value, args: Bound): Value {
  const compared = comparedAs(args.flag(2));
  const get = attributeGetter(args.value(0), args.some(1));
  const groups: { readonly key: Value; readonly items: Value[] }[] = [];
  for (const item of sortValues(iterate(value), (candidate) => compared(get(candidate)))) {
    const key = compared(get(item));
    const group = groups.at(-1);
    if (group !== undefined && equals(group.key, key)) group.items.push(item);
    else groups.push({ key, items: [item] });
  }
  // The grouper is shown as it stands in the first item, not as it was compared.
  return groups.map(({ items }) => new TupleValue([get(items[0] ?? null), items], ['grouper', 'list']));
}

function dictSorted(value: Value, args: Bound): Value {
  const dict = value instanceof DictValue ? value : fail(`dictsort takes a dict, not ${described(value)}`);
  const by = args.text(1, 'key');
  if (by !== 'key' && by !== 'value') fail(`dictsort sorts by 'key' or 'value', not by '${by}'`);
  const compared = comparedAs(args.flag(0));
  const place = by === 'key' ? 0 : 1;
  const key = (item: Value): Value => compared(item instanceof TupleValue ? (item.items[place] ?? null) : item);
  return sortValues(dict.items(), key, args.flag(2));
}

function summed(value: Value, args: Bound): Value {
  const get = attributeGetter(args.some(0));
  let sum: Value = orElse(args.optional(1), () => 0);
  for (const item of iterate(value)) sum = add(sum, get(item));
  return sum;
}

function itemsOf(value: Value): Value {
  if (value instanceof UndefinedValue) return lazily(() => []);
  const dict = value instanceof DictValue ? value : fail(`items takes a dict, not ${described(value)}`);
  return lazily(() => dict.items());
}

function defaultOf(value: Value, args: Bound): Value {
  const absent = value instanceof UndefinedValue || (args.flag(1) && !isTrue(value));
  return absent ? orElse(args.optional(0), () => '') : value;
}

/** Items without those that are there already. */
const unique = routine<Value>('case_sensitive? attribute?', (value, args) => {
  const compared = comparedAs(args.flag(0));
  const get = attributeGetter(args.some(1));
  return lazily(() => uniqueItems(value, (item) => compared(get(item))));
});

const length = routine<Value>('', (value) => needLength(value));
const orDefault = routine<Value>('default_value? boolean?', defaultOf);

export const SEQUENCE_FILTERS = table<Value>({
  attr: routine('name', (value, args) => {
    // Unlike `value.name` it never falls back to an item.
    const found = value instanceof DictValue && value.has(args.value(0)) ? new DictValue() : value;
    return getAttribute(found, args.text(0));
  }),
  batch: routine('linecount fill_with?', (value, args) => lazily(() => batches(value, args.index(0), args.some(1)))),
  count: length,
  d: orDefault,
  default: orDefault,
  dictsort: routine('case_sensitive? by? reverse?', dictSorted),
  first: routine('', firstOf),
  groupby: routine('attribute default? case_sensitive?', grouped),
  // dbt's own.
  is_list: routine('', (value) => Array.isArray(value)),
  items: routine('', itemsOf),
  last: routine('', lastOf),
  length,
  list: routine('', toList),
  max: routine('case_sensitive? attribute?', (value, args) => extreme(value, args, 1)),
  min: routine('case_sensitive? attribute?', (value, args) => extreme(value, args, -1)),
  reverse: routine('', reversed),
  slice: routine('slices fill_with?', (value, args) => lazily(() => slices(value, args.index(0), args.some(1)))),
  sort: routine('reverse? case_sensitive? attribute?', (value, args) => {
    return sortValues(iterate(value), sortKey(args.some(2), comparedAs(args.flag(1))), args.flag(0));
  }),
  sum: routine('attribute? start?', summed),
  unique,
});
