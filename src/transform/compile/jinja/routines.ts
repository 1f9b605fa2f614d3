/** Built-in filters, tests, methods and functions: what they are called with, and how arguments get to their parameters. */
import { didYouMean } from './nearest-name.ts';
import { fail } from './fault.ts';
import { needIndex } from './numbers.ts';
import { isTrue } from './truth.ts';
import { type CallState, type Kwargs, described, UndefinedValue, type Value } from './values.ts';

/** Parameter names in their order; the first `required` ones must be given. */
export interface Parameters {
  readonly names: readonly string[];
  readonly required: number;
}

/** `'width fill?'`: a question mark marks what may be left out. */
function parametersOf(spec: string): Parameters {
  const words = spec.split(' ').filter((word) => word !== '');
  return {
    names: words.map((word) => word.replace('?', '')),
    required: words.filter((word) => !word.endsWith('?')).length,
  };
}

/** The arguments of one call, by the place of their parameter. */
export class Bound {
  readonly #label: string;
  readonly #names: readonly string[];
  readonly #values: readonly (Value | undefined)[];

  constructor(label: string, names: readonly string[], values: readonly (Value | undefined)[]) {
    this.#label = label;
    this.#names = names;
    this.#values = values;
  }

  optional(place: number): Value | undefined {
    return this.#values[place];
  }

  value(place: number): Value {
    return this.#values[place] ?? null;
  }

  /** Given and not none. */
  some(place: number): Value | undefined {
    return this.#values[place] ?? undefined;
  }

  flag(place: number): boolean {
    const value = this.#values[place];
    return value !== undefined && isTrue(value);
  }

  text(place: number, fallback?: string): string {
    const value = this.#values[place];
    if (typeof value === 'string') return value;
    if (value === undefined && fallback !== undefined) return fallback;
    return this.#wrong(place, 'a text');
  }

  index(place: number, fallback?: number): number {
    const value = this.#values[place];
    if (value === undefined && fallback !== undefined) return fallback;
    return needIndex(value ?? null, `${this.#names[place] ?? 'the argument'} of ${this.#label}`);
  }

  #wrong(place: number, expected: string): never {
    const value = this.#values[place] ?? null;
    if (value instanceof UndefinedValue) value.raise();
    return fail(
      `${this.#names[place] ?? 'the argument'} of ${this.#label} must be ${expected}, not ${described(value)}`,
    );
  }
}

export function bindArguments(label: string, parameters: Parameters, args: readonly Value[], kwargs: Kwargs): Bound {
  const { names, required } = parameters;
  if (args.length > names.length) {
    fail(`${label} takes at most ${names.length} argument${names.length === 1 ? '' : 's'}, but got ${args.length}`);
  }
  const values: (Value | undefined)[] = [...args];
  for (const [name, value] of kwargs) {
    const place = names.indexOf(name);
    if (place === -1) fail(`${label} has no argument '${name}'`, didYouMean(name, names) ?? listed(names));
    if (values[place] !== undefined) fail(`${label} got the argument '${name}' twice`);
    values[place] = value;
  }
  for (let place = 0; place < required; place++) {
    if (values[place] === undefined) fail(`${label} needs the argument '${names[place] ?? ''}'`);
  }
  return new Bound(label, names, values);
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'It takes no arguments.' : `It takes ${names.join(', ')}.`;
}

/** Something built in that works on a value: the filtered one, the tested one, or a method's own. */
export interface Routine<Self extends Value, Result extends Value = Value> {
  run(label: string, self: Self, args: readonly Value[], kwargs: Kwargs, state: CallState): Result;
}

/** A routine with named parameters. */
export function routine<Self extends Value, Result extends Value = Value>(
  spec: string,
  body: (self: Self, args: Bound, state: CallState) => Result,
): Routine<Self, Result> {
  const parameters = parametersOf(spec);
  return {
    run: (label, self, args, kwargs, state) => body(self, bindArguments(label, parameters, args, kwargs), state),
  };
}

/** A routine that takes what it is given: `map('filter', …)`, `'…'.format(…)`. */
export function openRoutine<Self extends Value, Result extends Value = Value>(
  body: (self: Self, args: readonly Value[], kwargs: Kwargs, state: CallState, label: string) => Result,
): Routine<Self, Result> {
  return { run: (label, self, args, kwargs, state) => body(self, args, kwargs, state, label) };
}

export type RoutineTable<Self extends Value, Result extends Value = Value> = ReadonlyMap<string, Routine<Self, Result>>;

/** Tables are Maps, so that no name of JavaScript's (`constructor`, `toString`) is ever found in them. */
export function table<Self extends Value, Result extends Value = Value>(
  routines: Readonly<Record<string, Routine<Self, Result>>>,
): RoutineTable<Self, Result> {
  return new Map(Object.entries(routines));
}
