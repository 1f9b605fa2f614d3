/** Functions that every template has: Jinja's, and those of dbt's that need nothing from the host. */
import { fillDict } from './container-methods.ts';
import { DictValue, SetValue } from './dict.ts';
import { fail, TemplateFault } from './fault.ts';
import { type HostBody, hostFunction, hostObject } from './host.ts';
import { readJson, writeJson } from './json.ts';
import { needIndex } from './numbers.ts';
import { bindArguments, type Bound, type Parameters } from './routines.ts';
import { iterate, RangeValue, toList } from './sequences.ts';
import {
  type CallState,
  type Kwargs,
  NamespaceValue,
  orElse,
  ObjectValue,
  TupleValue,
  UndefinedValue,
  type Value,
} from './values.ts';

/** Thrown by `return()` where it stands inside of an expression; the macro around it catches it. */
export class ReturnSignal extends Error {
  readonly value: Value;

  constructor(value: Value) {
    super('return() outside of a macro');
    this.value = value;
  }
}

function withParameters(
  name: string,
  parameters: Parameters,
  body: (args: Bound, state: CallState) => Value,
): ObjectValue {
  const label = `${name}()`;
  return hostFunction((args, kwargs, state) => body(bindArguments(label, parameters, args, kwargs), state), name);
}

/** As a statement `return()` is compiled without a throw; the compiler knows it by this object. */
export const RETURN_FUNCTION = withParameters('return', { names: ['data'], required: 1 }, (args) => {
  throw new ReturnSignal(args.value(0));
});

function range(args: readonly Value[]): Value {
  if (args.length === 0 || args.length > 3) fail('range() takes a stop, or a start, a stop and a step');
  const [first = 0, second = 0, third = 1] = args.map((arg) => needIndex(arg, 'an argument of range()'));
  if (args.length === 1) return new RangeValue(0, first, 1);
  return third === 0 ? fail('the step of range() cannot be zero') : new RangeValue(first, second, third);
}

function cycler(items: readonly Value[]): Value {
  if (items.length === 0) fail('cycler() needs at least one item');
  let place = 0;
  const current = (): Value => items[place] ?? null;
  return new Cycler(current, {
    next: hostFunction(() => {
      const item = current();
      place = (place + 1) % items.length;
      return item;
    }, 'next'),
    reset: hostFunction(() => {
      place = 0;
      return null;
    }, 'reset'),
  });
}

class Cycler extends ObjectValue {
  readonly typeName = 'Cycler';
  readonly #current: () => Value;
  readonly #methods: ReadonlyMap<string, Value>;

  constructor(current: () => Value, methods: Readonly<Record<string, Value>>) {
    super();
    this.#current = current;
    this.#methods = new Map(Object.entries(methods));
  }

  override member(name: string): Value | undefined {
    return name === 'current' ? this.#current() : this.#methods.get(name);
  }

  override memberNames(): Iterable<string> {
    return ['current', ...this.#methods.keys()];
  }
}

function joiner(separator: Value): Value {
  let used = false;
  const next: HostBody = () => {
    const text = used ? separator : '';
    used = true;
    return text;
  };
  return hostObject({}, { typeName: 'Joiner', call: next });
}

function zip(lists: readonly Value[][], strict: boolean): Value {
  const lengths = lists.map((list) => list.length);
  const length = lengths.length === 0 ? 0 : Math.min(...lengths);
  if (strict && lengths.some((other) => other !== length)) fail('zip_strict() got lists of different lengths');
  return Array.from({ length }, (_, i) => new TupleValue(lists.map((list) => list[i] ?? null)));
}

/** dbt's functions give their `default` (none unless given) where Python would refuse the value. */
function orDefault(make: () => Value, fallback: Value | undefined): Value {
  try {
    return make();
  } catch (error) {
    if (error instanceof TemplateFault) return fallback ?? null;
    throw error;
  }
}

function defined(value: Value): Value {
  return value instanceof UndefinedValue ? value.raise() : value;
}

function zipBody(args: readonly Value[], kwargs: Kwargs): Value {
  const lists = args.map(defined);
  return orDefault(() => zip(lists.map(toList), false), kwargs.get('default'));
}

function fromJson(args: Bound): Value {
  const text = defined(args.value(0));
  return orDefault(() => readJson(typeof text === 'string' ? text : fail('fromjson() takes a text')), args.optional(1));
}

function toJson(args: Bound): Value {
  const value = defined(args.value(0));
  return orDefault(() => writeJson(value, { sortKeys: args.flag(2), indent: undefined }), args.optional(1));
}

function toSet(args: Bound): Value {
  const value = defined(args.value(0));
  return orDefault(() => new SetValue(iterate(value)), args.optional(1));
}

export const GLOBALS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['range', hostFunction((args) => range(args), 'range')],
  ['dict', hostFunction((args, kwargs) => fillDict(new DictValue(), args, kwargs), 'dict')],
  [
    'namespace',
    hostFunction((args, kwargs) => {
      const members = fillDict(new DictValue(), args, kwargs).entries();
      return new NamespaceValue(
        members.map(([name, value]) => [typeof name === 'string' ? name : fail('a name must be a text'), value]),
      );
    }, 'namespace'),
  ],
  ['cycler', hostFunction((args) => cycler(args), 'cycler')],
  [
    'joiner',
    withParameters('joiner', { names: ['sep'], required: 0 }, (args) => joiner(orElse(args.optional(0), () => ', '))),
  ],
  ['return', RETURN_FUNCTION],
  ['set', withParameters('set', { names: ['value', 'default'], required: 1 }, toSet)],
  [
    'set_strict',
    withParameters('set_strict', { names: ['value'], required: 1 }, (args) => new SetValue(iterate(args.value(0)))),
  ],
  ['zip', hostFunction(zipBody, 'zip')],
  ['zip_strict', hostFunction((args) => zip(args.map(toList), true), 'zip_strict')],
  ['fromjson', withParameters('fromjson', { names: ['string', 'default'], required: 1 }, fromJson)],
  ['tojson', withParameters('tojson', { names: ['value', 'default', 'sort_keys'], required: 1 }, toJson)],
]);
