/** `value.name` and `value[key]`: looked up in the tables and members of our own types only. */
import { DICT_METHODS, LIST_METHODS, RANGE_METHODS, SET_METHODS, TUPLE_METHODS } from './container-methods.ts';
import { DictValue, SetValue } from './dict.ts';
import { didYouMean } from './nearest-name.ts';
import { asInteger } from './numbers.ts';
import type { Routine } from './routines.ts';
import { itemAt, RangeValue, slice, SliceValue } from './sequences.ts';
import { STRING_METHODS } from './string-methods.ts';
import { repr } from './text.ts';
import {
  type CallState,
  type Kwargs,
  ObjectValue,
  orElse,
  TupleValue,
  UndefinedValue,
  type Value,
  described,
} from './values.ts';

type AnyRoutine = Routine<Value>;

function methodTable(value: Value): ReadonlyMap<string, unknown> | undefined {
  if (typeof value === 'string') return STRING_METHODS;
  if (Array.isArray(value)) return LIST_METHODS;
  if (value instanceof DictValue) return DICT_METHODS;
  if (value instanceof TupleValue) return TUPLE_METHODS;
  if (value instanceof SetValue) return SET_METHODS;
  return value instanceof RangeValue ? RANGE_METHODS : undefined;
}

/** The built-in method of a value; it is only ever run with that value as its self. */
export function findMethod(value: Value, name: string): AnyRoutine | undefined {
  return methodTable(value)?.get(name) as AnyRoutine | undefined;
}

/** A method taken off its value: `{% set add = items.append %}`. */
class BoundMethod extends ObjectValue {
  readonly typeName = 'method';
  readonly #self: Value;
  readonly #label: string;
  readonly #routine: AnyRoutine;

  constructor(self: Value, label: string, method: AnyRoutine) {
    super();
    this.#self = self;
    this.#label = label;
    this.#routine = method;
  }

  override get callable(): boolean {
    return true;
  }

  override call(args: readonly Value[], kwargs: Kwargs, state: CallState): Value {
    return this.#routine.run(this.#label, this.#self, args, kwargs, state);
  }
}

function knownNames(value: Value): string[] {
  const names = [...(methodTable(value)?.keys() ?? [])];
  if (value instanceof DictValue) names.push(...value.keys().filter((key) => typeof key === 'string'));
  if (value instanceof ObjectValue) names.push(...value.memberNames());
  if (value instanceof TupleValue) names.push(...value.names);
  return names;
}

function missing(value: Value, key: Value): UndefinedValue {
  const owner = described(value);
  if (typeof key !== 'string') return new UndefinedValue(`${owner} has no element ${repr(key)}`);
  return new UndefinedValue(`${owner} has no attribute '${key}'`, () => didYouMean(key, knownNames(value)));
}

function ownAttribute(target: Value, name: string): Value | undefined {
  const method = findMethod(target, name);
  if (method !== undefined) return new BoundMethod(target, `${name}()`, method);
  if (target instanceof ObjectValue) return target.member(name);
  if (!(target instanceof TupleValue)) return undefined;
  const place = target.names.indexOf(name);
  return place === -1 ? undefined : target.items[place];
}

/** Jinja: the attribute first, then the item. */
export function getAttribute(target: Value, name: string): Value {
  if (target instanceof UndefinedValue) return target.raise();
  const own = ownAttribute(target, name);
  if (own !== undefined) return own;
  return orElse(target instanceof DictValue ? target.get(name) : undefined, () => missing(target, name));
}

function ownItem(target: Value, key: Value): Value | undefined {
  // As in Jinja, a key that no dict can have is a missing one.
  if (target instanceof DictValue) return Array.isArray(key) || key instanceof DictValue ? undefined : target.get(key);
  const sequence =
    typeof target === 'string' || Array.isArray(target)
      ? target
      : target instanceof TupleValue
        ? target.items
        : target instanceof RangeValue
          ? target.items()
          : undefined;
  const index = sequence === undefined ? undefined : asInteger(key);
  return sequence === undefined || index === undefined ? undefined : itemAt(sequence, Number(index));
}

/** Jinja: the item first, then the attribute. */
export function getItem(target: Value, key: Value): Value {
  if (target instanceof UndefinedValue) return target.raise();
  if (key instanceof SliceValue) return slice(target, key);
  if (key instanceof UndefinedValue) return key.raise();
  const item = ownItem(target, key);
  if (item !== undefined) return item;
  return orElse(typeof key === 'string' ? ownAttribute(target, key) : undefined, () => missing(target, key));
}
