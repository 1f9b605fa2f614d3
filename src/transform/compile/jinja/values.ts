/**
 * The values a template can hold. A template reaches nothing else: attributes are looked up in the tables of these types
 * only, never on a JavaScript object, so `constructor`, `__proto__` and their like are plain undefined names.
 *
 *   none null · booleans · integers (safe ones a number, larger ones a bigint) · floats (a number with a fraction, NaN or an
 *   infinity; FloatValue when integral, because 1.0 is not 1 when printed) · str · list (a JavaScript array) · the classes below
 */
import type { DictValue } from './dict.ts';
import { fail, TemplateFault } from './fault.ts';
import type { Site } from './source.ts';

export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | FloatValue
  | Value[]
  | TupleValue
  | DictValue
  | IteratorValue
  | UndefinedValue
  | ObjectValue;

export type Kwargs = ReadonlyMap<string, Value>;
export const NO_KWARGS: Kwargs = new Map();

/** A float whose value is integral: 1.0, 1e300, -0.0. */
export class FloatValue {
  readonly typeName = 'float';
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

export class TupleValue {
  readonly typeName = 'tuple';
  readonly items: readonly Value[];
  /** Names of the items, for what `groupby` gives (`.grouper`, `.list`). */
  readonly names: readonly string[];

  constructor(items: readonly Value[], names: readonly string[] = []) {
    this.items = items;
    this.names = names;
  }
}

/** What `map`, `select` and their like give: it can be walked through once, and has no length. */
export class IteratorValue {
  readonly typeName: string;
  readonly iterator: IterableIterator<Value>;

  constructor(iterator: IterableIterator<Value>, typeName = 'generator') {
    this.iterator = iterator;
    this.typeName = typeName;
  }
}

/**
 * A name or attribute that does not exist. Using it fails with `message` (Jinja's StrictUndefined); only `is defined`,
 * `default()` and the left side of `or` take it. `lenient` is Jinja's plain Undefined, which an inline if without else gives:
 * it prints as nothing and counts as false.
 */
export class UndefinedValue {
  readonly typeName = 'Undefined';
  readonly message: string;
  readonly lenient: boolean;
  /** Where the missing name stands; using the value may come much later, in another macro. */
  site: Site | undefined;
  /** Made when it is needed: most undefined values are asked for `is defined` only. */
  readonly #hint: (() => string | undefined) | undefined;

  constructor(message: string, hint?: () => string | undefined, lenient = false) {
    this.message = message;
    this.#hint = hint;
    this.lenient = lenient;
  }

  raise(): never {
    throw new TemplateFault(this.message, this.#hint?.(), this.site);
  }
}

/** What a callable gets to see of the rendering that calls it. */
export interface CallState {
  /** Where the call stands; undefined when sluice itself calls. */
  readonly site: Site | undefined;
  /** The package whose template or macro is running. */
  readonly packageName: string;
  /** `target.name` and `target[key]` as a template gets them. */
  attribute(target: Value, name: string): Value;
  item(target: Value, key: Value): Value;
  /** Calls a callable value, e.g. the `caller` of a call block. */
  call(callable: Value, args?: readonly Value[], kwargs?: Kwargs): Value;
  /** A name as the running template sees it at its top: macros, then what the host gave. */
  lookup(name: string): Value | undefined;
  /** Counts towards the limit of steps. */
  step(count?: number): void;
}

/** Values with members of their own: host objects, namespaces, macros, loops, views of dicts. Members are listed, never reflected. */
export abstract class ObjectValue {
  /** Python's name of the type, for messages. */
  abstract readonly typeName: string;

  get callable(): boolean {
    return false;
  }

  member(_name: string): Value | undefined {
    return undefined;
  }

  memberNames(): Iterable<string> {
    return [];
  }

  /** How it prints; undefined: it cannot be printed. */
  text(): string | undefined {
    return undefined;
  }

  truth(): boolean {
    return true;
  }

  equals(other: Value): boolean {
    return this === other;
  }

  /** The items, for what can be walked through and has a length. */
  items(): readonly Value[] | undefined {
    return undefined;
  }

  call(_args: readonly Value[], _kwargs: Kwargs, _state: CallState): Value {
    return fail(`'${this.typeName}' object is not callable`);
  }
}

/** `value ?? otherwise()` for values: none is a value, and `??` would take it for nothing. */
export function orElse(value: Value | undefined, otherwise: () => Value): Value {
  return value === undefined ? otherwise() : value;
}

/** Python's name of a value's type. */
export function typeName(value: Value): string {
  if (value === null) return 'None';
  switch (typeof value) {
    case 'string':
      return 'str';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return Number.isInteger(value) ? 'int' : 'float';
    default:
      return Array.isArray(value) ? 'list' : value.typeName;
  }
}

/** A value's type with its article, for messages: `a str`, `an int`, `none`. */
export function described(value: Value): string {
  if (value === null) return 'none';
  const name = typeName(value);
  return `${/^[aeiouU]/.test(name) ? 'an' : 'a'} ${name}`;
}

export function isCallable(value: Value): value is ObjectValue {
  return value instanceof ObjectValue && value.callable;
}

/** `namespace(a=1)`: the one object whose attributes a template can set. */
export class NamespaceValue extends ObjectValue {
  readonly typeName = 'Namespace';
  readonly #members: Map<string, Value>;

  constructor(members: Iterable<readonly [string, Value]>) {
    super();
    this.#members = new Map(members);
  }

  override member(name: string): Value | undefined {
    return this.#members.get(name);
  }

  override memberNames(): Iterable<string> {
    return this.#members.keys();
  }

  assign(name: string, value: Value): void {
    this.#members.set(name, value);
  }
}
