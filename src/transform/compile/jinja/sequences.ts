/** Walking through values, their length, subscripts and slices. */
import { characterCount, characters, sliceCharacters } from './characters.ts';
import { DictValue, DictView } from './dict.ts';
import { fail } from './fault.ts';
import { MAX_RANGE } from './limits.ts';
import { needIndex } from './numbers.ts';
import { IteratorValue, ObjectValue, TupleValue, described, UndefinedValue, type Value } from './values.ts';

const ADD_LIST = 'Filters like map and select give their items one by one: add | list.';

function notIterable(value: Value): never {
  const hint = value === null ? 'Give a default: (value or []).' : undefined;
  return fail(`${described(value)} cannot be walked through`, hint);
}

/** undefined: the value cannot be walked through. A list is given as it is, so what a loop adds to it is seen by the loop. */
function walk(value: Value): Iterable<Value> | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value === 'string') return characters(value);
  if (value instanceof TupleValue) return value.items;
  if (value instanceof DictValue) return whileUnchanged(value, value.keys());
  if (value instanceof DictView) return whileUnchanged(value, value.items());
  if (value instanceof IteratorValue) return rest(value.iterator);
  if (value instanceof UndefinedValue) return value.lenient ? [] : value.raise();
  return value instanceof ObjectValue ? value.items() : undefined;
}

/** What is left of an iterator; leaving a loop over it does not end it, as in Python. */
function rest(iterator: Iterator<Value>): Iterable<Value> {
  return { [Symbol.iterator]: () => ({ next: () => iterator.next() }) };
}

function* whileUnchanged(dict: DictValue | DictView, items: readonly Value[]): Generator<Value> {
  const { size } = dict;
  for (const item of items) {
    yield item;
    if (dict.size !== size)
      fail('the dict changed its size while a loop walked through it', 'Walk through a copy: dict.copy().');
  }
}

export function isIterable(value: Value): boolean {
  return value instanceof IteratorValue || walk(value) !== undefined;
}

export function iterate(value: Value): Iterable<Value> {
  return walk(value) ?? notIterable(value);
}

/** A list of its own. */
export function toList(value: Value): Value[] {
  return Array.from(iterate(value));
}

/** undefined: it has no length. */
export function lengthOf(value: Value): number | undefined {
  if (typeof value === 'string') return characterCount(value);
  if (Array.isArray(value)) return value.length;
  if (value instanceof DictValue) return value.size;
  if (value instanceof TupleValue) return value.items.length;
  if (value instanceof UndefinedValue) return value.lenient ? 0 : value.raise();
  return value instanceof ObjectValue ? value.items()?.length : undefined;
}

export function needLength(value: Value): number {
  const hint = value instanceof IteratorValue ? ADD_LIST : undefined;
  return lengthOf(value) ?? fail(`${described(value)} has no length`, hint);
}

/** Something that is walked through once, as Python's generators are. */
export function lazily(generate: () => Iterable<Value>, name = 'generator'): IteratorValue {
  function* run(): Generator<Value> {
    yield* generate();
  }
  return new IteratorValue(run(), name);
}

export class SliceValue extends ObjectValue {
  readonly typeName = 'slice';
  readonly start: Value;
  readonly stop: Value;
  readonly step: Value;

  constructor(start: Value, stop: Value, step: Value) {
    super();
    this.start = start;
    this.stop = stop;
    this.step = step;
  }
}

/** `range(start, stop, step)`. */
export class RangeValue extends ObjectValue {
  readonly typeName = 'range';
  readonly size: number;
  readonly #start: number;
  readonly #stop: number;
  readonly #step: number;

  constructor(start: number, stop: number, step: number) {
    super();
    this.#start = start;
    this.#stop = stop;
    this.#step = step;
    this.size = Math.max(0, Math.ceil((stop - start) / step));
    if (this.size > MAX_RANGE) fail(`the range has ${this.size} items, more than ${MAX_RANGE}`);
  }

  override items(): readonly Value[] {
    return Array.from({ length: this.size }, (_, i) => this.#start + i * this.#step);
  }

  override truth(): boolean {
    return this.size > 0;
  }

  override text(): string {
    return `range(${this.#start}, ${this.#stop}${this.#step === 1 ? '' : `, ${this.#step}`})`;
  }

  override equals(other: Value): boolean {
    if (!(other instanceof RangeValue) || other.size !== this.size) return false;
    return this.size === 0 || (this.#start === other.#start && (this.size === 1 || this.#step === other.#step));
  }

  slice({ start, stop, step }: Places): RangeValue {
    return new RangeValue(this.#start + start * this.#step, this.#start + stop * this.#step, this.#step * step);
  }
}

interface Places {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
}

/** The places that a slice takes from a sequence of `length` items (Python's slice.indices). */
function places(slice: SliceValue, length: number): Places {
  const step = slice.step === null ? 1 : needIndex(slice.step, 'the step of a slice');
  if (step === 0) fail('the step of a slice cannot be zero');
  const lower = step > 0 ? 0 : -1;
  const upper = step > 0 ? length : length - 1;
  const clamp = (value: Value, absent: number): number => {
    if (value === null) return absent;
    const index = needIndex(value, 'the bound of a slice');
    return Math.min(upper, Math.max(lower, index < 0 ? index + length : index));
  };
  return step > 0
    ? { start: clamp(slice.start, lower), stop: clamp(slice.stop, upper), step }
    : { start: clamp(slice.start, upper), stop: clamp(slice.stop, lower), step };
}

function sliceItems<Item>(items: readonly Item[], slice: SliceValue): Item[] {
  const { start, stop, step } = places(slice, items.length);
  if (step === 1) return items.slice(start, Math.max(start, stop));
  const result: Item[] = [];
  for (let i = start; step > 0 ? i < stop : i > stop; i += step) result.push(...items.slice(i, i + 1));
  return result;
}

export function slice(value: Value, bounds: SliceValue): Value {
  if (typeof value === 'string') {
    const simple = bounds.step === null ? places(bounds, characterCount(value)) : undefined;
    if (simple !== undefined) return sliceCharacters(value, simple.start, Math.max(simple.start, simple.stop));
    return sliceItems(characters(value), bounds).join('');
  }
  if (Array.isArray(value)) return sliceItems(value, bounds);
  if (value instanceof TupleValue) return new TupleValue(sliceItems(value.items, bounds));
  if (value instanceof RangeValue) return value.slice(places(bounds, value.size));
  const hint = value instanceof IteratorValue ? ADD_LIST : undefined;
  return fail(`${described(value)} cannot be sliced`, hint);
}

/** The item at a place counted from either end; undefined: there is none. */
export function itemAt(value: string | readonly Value[], index: number): Value | undefined {
  if (typeof value !== 'string') return value[index < 0 ? value.length + index : index];
  const length = characterCount(value);
  const place = index < 0 ? length + index : index;
  return place >= 0 && place < length ? sliceCharacters(value, place, place + 1) : undefined;
}
