/** The methods of Python's list, tuple, dict and set that templates use. */
import { DictValue, DictView, SetValue } from './dict.ts';
import { fail } from './fault.ts';
import { RENDER_LIMITS } from './limits.ts';
import { needIndex } from './numbers.ts';
import { checkedItems, equals, tooMany } from './operators.ts';
import { type Bound, openRoutine, routine, table } from './routines.ts';
import { iterate, type RangeValue, toList } from './sequences.ts';
import { sortValues } from './sorting.ts';
import { repr } from './text.ts';
import { type Kwargs, orElse, TupleValue, type Value } from './values.ts';

function placeOf(items: readonly Value[], args: Bound): Value {
  const from = args.some(1) === undefined ? 0 : args.index(1);
  const to = args.some(2) === undefined ? items.length : args.index(2);
  const bound = (index: number): number => (index < 0 ? Math.max(0, index + items.length) : index);
  const wanted = args.value(0);
  const at = items.findIndex((item, i) => i >= bound(from) && i < bound(to) && equals(item, wanted));
  return at === -1 ? fail(`${repr(wanted)} is not in the list`) : at;
}

function countOf(items: readonly Value[], wanted: Value): number {
  return items.filter((item) => equals(item, wanted)).length;
}

function grow(list: Value[], items: readonly Value[]): null {
  if (list.length + items.length > RENDER_LIMITS.maxItems) tooMany();
  for (const item of items) list.push(item);
  return null;
}

function popFrom(list: Value[], index: number): Value {
  const place = index < 0 ? index + list.length : index;
  if (place < 0 || place >= list.length)
    fail(list.length === 0 ? 'pop from an empty list' : 'pop: the index is out of range');
  return list.splice(place, 1)[0] ?? null;
}

export const LIST_METHODS = table<Value[]>({
  append: routine('item', (list, args) => grow(list, [args.value(0)])),
  clear: routine('', (list) => {
    list.length = 0;
    return null;
  }),
  copy: routine('', (list) => [...list]),
  count: routine('item', (list, args) => countOf(list, args.value(0))),
  extend: routine('items', (list, args) => grow(list, toList(args.value(0)))),
  index: routine('item start? stop?', (list, args) => placeOf(list, args)),
  insert: routine('index item', (list, args) => {
    list.splice(args.index(0), 0, args.value(1));
    checkedItems(list);
    return null;
  }),
  pop: routine('index?', (list, args) => popFrom(list, args.index(0, -1))),
  remove: routine('item', (list, args) => {
    popFrom(list, needIndex(placeOf(list, args), 'the place'));
    return null;
  }),
  reverse: routine('', (list) => {
    list.reverse();
    return null;
  }),
  sort: routine('key? reverse?', (list, args, state) => {
    const key = args.some(0);
    const sorted = sortValues(list, (item) => (key === undefined ? item : state.call(key, [item])), args.flag(1));
    list.splice(0, list.length, ...sorted);
    return null;
  }),
});

export const TUPLE_METHODS = table<TupleValue>({
  count: routine('item', (tuple, args) => countOf(tuple.items, args.value(0))),
  index: routine('item start? stop?', (tuple, args) => placeOf(tuple.items, args)),
});

export const RANGE_METHODS = table<RangeValue>({
  count: routine('item', (range, args) => countOf(range.items(), args.value(0))),
  index: routine('item start? stop?', (range, args) => placeOf(range.items(), args)),
});

/** The pairs of a dict, or of a list of pairs. */
export function pairsOf(value: Value): [Value, Value][] {
  if (value instanceof DictValue) return value.entries();
  return Array.from(iterate(value), (item) => {
    const pair = toList(item);
    if (pair.length !== 2) fail(`a dict is made of pairs, but an item has ${pair.length} values`);
    return [pair[0] ?? null, pair[1] ?? null];
  });
}

export function fillDict(dict: DictValue, args: readonly Value[], kwargs: Kwargs): DictValue {
  if (args.length > 1) fail('a dict is made of one list of pairs at most');
  for (const source of args) for (const [key, value] of pairsOf(source)) dict.set(key, value);
  for (const [key, value] of kwargs) dict.set(key, value);
  return dict.size > RENDER_LIMITS.maxItems ? tooMany() : dict;
}

export const DICT_METHODS = table<DictValue>({
  clear: routine('', (dict) => {
    dict.clear();
    return null;
  }),
  copy: routine('', (dict) => new DictValue(dict.entries())),
  get: routine('key default?', (dict, args) => orElse(dict.get(args.value(0)), () => args.value(1))),
  items: routine('', (dict) => new DictView(dict, 'dict_items')),
  keys: routine('', (dict) => new DictView(dict, 'dict_keys')),
  pop: routine('key default?', (dict, args) => {
    const found = dict.take(args.value(0));
    const missing = (): Value => fail(`the dict has no key ${repr(args.value(0))}`);
    return orElse(found, () => orElse(args.optional(1), missing));
  }),
  popitem: routine('', (dict) => {
    const last = dict.keys().at(-1);
    if (last === undefined) return fail('popitem of an empty dict');
    return new TupleValue([last, dict.take(last) ?? null]);
  }),
  setdefault: routine('key default?', (dict, args) => {
    const found = dict.get(args.value(0));
    if (found !== undefined) return found;
    dict.set(args.value(0), args.value(1));
    return args.value(1);
  }),
  update: openRoutine((dict, args, kwargs) => {
    fillDict(dict, args, kwargs);
    return null;
  }),
  values: routine('', (dict) => new DictView(dict, 'dict_values')),
});

type Combine = (set: SetValue, other: SetValue) => Iterable<Value>;

function combining(combine: Combine): ReturnType<typeof openRoutine<SetValue>> {
  return openRoutine((set, args) => {
    let result = new SetValue(set.items());
    for (const other of args) result = new SetValue(combine(result, new SetValue(iterate(other))));
    return result;
  });
}

const isSubset = (set: SetValue, other: Value): boolean => {
  const members = new SetValue(iterate(other));
  return set.items().every((item) => members.has(item));
};

export const SET_METHODS = table<SetValue>({
  add: routine('item', (set, args) => {
    set.add(args.value(0));
    return null;
  }),
  copy: routine('', (set) => new SetValue(set.items())),
  difference: combining((set, other) => set.items().filter((item) => !other.has(item))),
  discard: routine('item', (set, args) => {
    set.delete(args.value(0));
    return null;
  }),
  intersection: combining((set, other) => set.items().filter((item) => other.has(item))),
  isdisjoint: routine('other', (set, args) => toList(args.value(0)).every((item) => !set.has(item))),
  issubset: routine('other', (set, args) => isSubset(set, args.value(0))),
  issuperset: routine('other', (set, args) => toList(args.value(0)).every((item) => set.has(item))),
  remove: routine('item', (set, args) => {
    return set.delete(args.value(0)) ? null : fail(`${repr(args.value(0))} is not in the set`);
  }),
  symmetric_difference: combining((set, other) => [
    ...set.items().filter((item) => !other.has(item)),
    ...other.items().filter((item) => !set.has(item)),
  ]),
  union: combining((set, other) => [...set.items(), ...other.items()]),
  update: openRoutine((set, args) => {
    for (const other of args) for (const item of iterate(other)) set.add(item);
    return null;
  }),
});
