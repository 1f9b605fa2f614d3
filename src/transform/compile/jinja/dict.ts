import { fail } from './fault.ts';
import { FloatValue, ObjectValue, TupleValue, described, UndefinedValue, type Value } from './values.ts';

type HashKey = string | number | bigint | null | ObjectValue;

/**
 * One Map key per Python key: 1, 1.0 and true are the same key, '1' is another. Strings stand for themselves but for those
 * that begin with NUL, which mark tuples.
 */
function hashKey(value: Value): HashKey {
  if (typeof value === 'string') return value.startsWith('\0') ? `\0s${value}` : value;
  if (typeof value === 'number' || typeof value === 'bigint' || value === null) return value;
  if (typeof value === 'boolean') return Number(value);
  if (value instanceof FloatValue) return value.value === 0 ? 0 : value.value;
  if (value instanceof TupleValue) return `\0t${value.items.map(partText).join('')}`;
  if (value instanceof UndefinedValue) return value.raise();
  if (value instanceof ObjectValue) return value;
  return fail(
    `${described(value)} cannot be the key of a dict or a member of a set`,
    'Use a text, a number or a tuple.',
  );
}

function partText(item: Value): string {
  const key = hashKey(item);
  if (key instanceof ObjectValue) return fail(`a tuple with a ${key.typeName} cannot be the key of a dict`);
  const text = String(key);
  return `${typeof key === 'string' ? 's' : 'n'}${text.length}:${text}`;
}

interface Entry {
  readonly key: Value;
  value: Value;
}

/** Python's dict: ordered by insertion, any hashable key. Nothing is inherited, so no key is special. */
export class DictValue {
  readonly typeName = 'dict';
  readonly #entries = new Map<HashKey, Entry>();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(hashKey(key))?.value;
  }

  has(key: Value): boolean {
    return this.#entries.has(hashKey(key));
  }

  set(key: Value, value: Value): void {
    const hash = hashKey(key);
    const entry = this.#entries.get(hash);
    if (entry === undefined) this.#entries.set(hash, { key, value });
    else entry.value = value;
  }

  /** Takes the key out and gives its value; undefined when it was not there. */
  take(key: Value): Value | undefined {
    const hash = hashKey(key);
    const entry = this.#entries.get(hash);
    this.#entries.delete(hash);
    return entry?.value;
  }

  clear(): void {
    this.#entries.clear();
  }

  keys(): Value[] {
    return Array.from(this.#entries.values(), (entry) => entry.key);
  }

  values(): Value[] {
    return Array.from(this.#entries.values(), (entry) => entry.value);
  }

  entries(): [Value, Value][] {
    return Array.from(this.#entries.values(), (entry) => [entry.key, entry.value]);
  }

  items(): Value[] {
    return Array.from(this.#entries.values(), (entry) => new TupleValue([entry.key, entry.value]));
  }
}

/** `d.keys()`, `d.values()`, `d.items()`: they show the dict as it is now. */
export class DictView extends ObjectValue {
  readonly typeName: 'dict_keys' | 'dict_values' | 'dict_items';
  readonly #dict: DictValue;

  constructor(dict: DictValue, typeName: DictView['typeName']) {
    super();
    this.#dict = dict;
    this.typeName = typeName;
  }

  get size(): number {
    return this.#dict.size;
  }

  override items(): readonly Value[] {
    if (this.typeName === 'dict_keys') return this.#dict.keys();
    return this.typeName === 'dict_values' ? this.#dict.values() : this.#dict.items();
  }

  override truth(): boolean {
    return this.#dict.size > 0;
  }
}

/** Python's set, as dbt's `set()` gives it; walked through in the order of insertion, which Python leaves open. */
export class SetValue extends ObjectValue {
  readonly typeName = 'set';
  readonly #members = new DictValue();

  constructor(members: Iterable<Value> = []) {
    super();
    for (const member of members) this.add(member);
  }

  get size(): number {
    return this.#members.size;
  }

  has(member: Value): boolean {
    return this.#members.has(member);
  }

  add(member: Value): void {
    if (!this.#members.has(member)) this.#members.set(member, null);
  }

  delete(member: Value): boolean {
    return this.#members.take(member) !== undefined;
  }

  override items(): readonly Value[] {
    return this.#members.keys();
  }

  override truth(): boolean {
    return this.size > 0;
  }
}
