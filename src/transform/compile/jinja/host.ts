/** The bridge between the host's JavaScript values and a template's values. Nothing crosses it that is not listed. */
import { DictValue, DictView, SetValue } from './dict.ts';
import { fail } from './fault.ts';
import { makeFloat } from './numbers.ts';
import { RangeValue } from './sequences.ts';
import {
  type CallState,
  FloatValue,
  IteratorValue,
  type Kwargs,
  ObjectValue,
  TupleValue,
  UndefinedValue,
  type Value,
  described,
} from './values.ts';

export type HostBody = (args: readonly Value[], kwargs: Kwargs, state: CallState) => Value;

export interface HostObjectOptions {
  /** Name of the type in messages; default 'object'. */
  readonly typeName?: string;
  /** How it prints; without it, printing is an error. */
  readonly text?: () => string;
  /** What a call of it does: `config(…)` beside `config.get(…)`. */
  readonly call?: HostBody;
  /** Members that cost something: made when first asked for. */
  readonly lazy?: Readonly<Record<string, () => Value>>;
  /** Equality with another value; default: being the same object. */
  readonly equals?: (other: Value) => boolean;
}

export class HostObject extends ObjectValue {
  readonly typeName: string;
  readonly #members: Map<string, Value>;
  readonly #lazy: ReadonlyMap<string, () => Value>;
  readonly #options: HostObjectOptions;

  constructor(members: Readonly<Record<string, Value>>, options: HostObjectOptions) {
    super();
    this.typeName = options.typeName ?? 'object';
    this.#members = new Map(Object.entries(members));
    this.#lazy = new Map(Object.entries(options.lazy ?? {}));
    this.#options = options;
  }

  override get callable(): boolean {
    return this.#options.call !== undefined;
  }

  override member(name: string): Value | undefined {
    const known = this.#members.get(name);
    const make = known === undefined ? this.#lazy.get(name) : undefined;
    if (make === undefined) return known;
    const made = make();
    this.#members.set(name, made);
    return made;
  }

  override memberNames(): Iterable<string> {
    return [...this.#members.keys(), ...this.#lazy.keys()];
  }

  override text(): string | undefined {
    return this.#options.text?.();
  }

  override equals(other: Value): boolean {
    return this === other || this.#options.equals?.(other) === true;
  }

  override call(args: readonly Value[], kwargs: Kwargs, state: CallState): Value {
    return this.#options.call === undefined ? super.call(args, kwargs, state) : this.#options.call(args, kwargs, state);
  }
}

/** An object with exactly these members. */
export function hostObject(members: Readonly<Record<string, Value>>, options: HostObjectOptions = {}): HostObject {
  return new HostObject(members, options);
}

/** A function of the host. What it throws reaches the user with the place of the call added. */
export function hostFunction(body: HostBody, name = 'function'): HostObject {
  return new HostObject({}, { typeName: name === 'function' ? name : `function ${name}`, call: body });
}

/** Plain data: what JSON holds, with bigint for integers beyond 2^53. Objects have no prototype. */
export type PlainValue = null | boolean | number | bigint | string | readonly PlainValue[] | PlainObject;
export interface PlainObject {
  readonly [name: string]: PlainValue;
}

/** Plain data as template values. Maps and objects become dicts, `undefined` becomes none, dates are refused. */
export function fromPlain(value: unknown): Value {
  if (value === null || value === undefined) return null;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : makeFloat(value);
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? Number(value) : value;
    case 'object':
      return fromObject(value);
    default:
      return fail(`a JavaScript ${typeof value} is no value of a template`);
  }
}

function fromObject(value: object): Value {
  if (Array.isArray(value)) return value.map(fromPlain);
  if (isValueObject(value)) return value;
  if (value instanceof Map) return new DictValue(Array.from(value, ([key, item]) => [fromPlain(key), fromPlain(item)]));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return fail('only plain objects are values of a template');
  return new DictValue(Object.entries(value).map(([key, item]) => [key, fromPlain(item)]));
}

function isValueObject(
  value: object,
): value is FloatValue | TupleValue | DictValue | IteratorValue | UndefinedValue | ObjectValue {
  return (
    value instanceof ObjectValue ||
    value instanceof DictValue ||
    value instanceof TupleValue ||
    value instanceof FloatValue ||
    value instanceof IteratorValue ||
    value instanceof UndefinedValue
  );
}

/** Lists inside each other deeper than this were put into themselves. */
const MAX_NESTING = 200;

/** A template's value as plain data; tuples, sets and ranges become arrays, keys of dicts become texts. */
export function toPlain(value: Value, depth = 0): PlainValue {
  if (value === null || typeof value !== 'object') return value;
  if (depth > MAX_NESTING) return fail('the value contains itself, or is nested too deeply');
  if (value instanceof FloatValue) return value.value;
  if (Array.isArray(value)) return value.map((item) => toPlain(item, depth + 1));
  if (value instanceof TupleValue) return value.items.map((item) => toPlain(item, depth + 1));
  if (value instanceof DictValue) return plainObject(value, depth + 1);
  if (value instanceof IteratorValue) return Array.from(value.iterator, (item) => toPlain(item, depth + 1));
  if (value instanceof UndefinedValue) return value.raise();
  const listed = value instanceof SetValue || value instanceof RangeValue || value instanceof DictView;
  if (listed) return value.items().map((item) => toPlain(item, depth + 1));
  return fail(`${described(value)} is no plain data`);
}

function plainObject(dict: DictValue, depth: number): PlainObject {
  const object: Record<string, PlainValue> = Object.create(null) as Record<string, PlainValue>;
  for (const [key, item] of dict.entries()) {
    const name =
      key instanceof FloatValue ? String(key.value) : key === null || typeof key !== 'object' ? String(key) : undefined;
    if (name === undefined) return fail(`${described(key)} as the key of a dict is no plain data`);
    object[name] = toPlain(item, depth);
  }
  return object;
}
