import { equals } from './operators.ts';
import { fail } from './fault.ts';
import { hostFunction } from './host.ts';
import { lengthOf } from './sequences.ts';
import { ObjectValue, orElse, UndefinedValue, type Value } from './values.ts';

/** Walks through the items of a loop and is its `loop`: it looks one item ahead, and counts all of them, only when asked. */
export class LoopValue extends ObjectValue {
  readonly typeName = 'LoopContext';
  readonly #source: Value | undefined;
  #iterator: Iterator<Value>;
  #index0 = -1;
  #length: number | undefined;
  #previous: Value | undefined;
  #current: Value | undefined;
  #ahead: IteratorResult<Value> | undefined;
  #changedBy: readonly Value[] | undefined;

  /** `source` knows its length without being walked through; undefined: only the items do. */
  constructor(items: Iterable<Value>, source: Value | undefined) {
    super();
    this.#iterator = items[Symbol.iterator]();
    this.#source = source;
  }

  /** The next item; undefined: there is none. */
  advance(): Value | undefined {
    const next = this.#ahead ?? this.#iterator.next();
    this.#ahead = undefined;
    if (next.done === true) return undefined;
    this.#index0 += 1;
    this.#previous = this.#current;
    this.#current = next.value;
    return next.value;
  }

  #peek(): Value | undefined {
    this.#ahead ??= this.#iterator.next();
    return this.#ahead.done === true ? undefined : this.#ahead.value;
  }

  #count(): number {
    if (this.#length !== undefined) return this.#length;
    const known = this.#source === undefined ? undefined : lengthOf(this.#source);
    this.#length = known ?? this.#countAll();
    return this.#length;
  }

  #countAll(): number {
    const rest: Value[] = [];
    if (this.#ahead?.done !== true) for (const item of { [Symbol.iterator]: () => this.#iterator }) rest.push(item);
    this.#iterator = rest[Symbol.iterator]();
    return rest.length + this.#index0 + 1 + (this.#ahead === undefined || this.#ahead.done === true ? 0 : 1);
  }

  static readonly #members = [
    'index',
    'index0',
    'revindex',
    'revindex0',
    'first',
    'last',
    'length',
    'depth',
    'depth0',
    'previtem',
    'nextitem',
    'cycle',
    'changed',
  ];

  override memberNames(): Iterable<string> {
    return LoopValue.#members;
  }

  override member(name: string): Value | undefined {
    switch (name) {
      case 'index':
        return this.#index0 + 1;
      case 'index0':
        return this.#index0;
      case 'revindex':
        return this.#count() - this.#index0;
      case 'revindex0':
        return this.#count() - this.#index0 - 1;
      case 'first':
        return this.#index0 === 0;
      case 'last':
        return this.#peek() === undefined;
      case 'length':
        return this.#count();
      // Recursive loops are refused, and only they go deeper.
      case 'depth':
        return 1;
      case 'depth0':
        return 0;
      default:
        return this.#neighbourOrFunction(name);
    }
  }

  #neighbourOrFunction(name: string): Value | undefined {
    switch (name) {
      case 'previtem':
        return this.#index0 === 0 ? new UndefinedValue('there is no previous item') : this.#previous;
      case 'nextitem':
        return orElse(this.#peek(), () => new UndefinedValue('there is no next item'));
      case 'cycle':
        return hostFunction((args) => this.#cycle(args), 'loop.cycle');
      case 'changed':
        return hostFunction((args) => this.#changed(args), 'loop.changed');
      default:
        return undefined;
    }
  }

  #cycle(args: readonly Value[]): Value {
    return (
      args[this.#index0 % args.length] ?? (args.length === 0 ? fail('loop.cycle() needs at least one value') : null)
    );
  }

  #changed(args: readonly Value[]): boolean {
    const before = this.#changedBy;
    if (before?.length === args.length && args.every((value, i) => equals(value, before[i] ?? null))) return false;
    this.#changedBy = args;
    return true;
  }
}
