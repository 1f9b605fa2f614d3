/** All filters; those that run other filters and tests by name are here. */
import { attributeGetter } from './attribute-getter.ts';
import { fail } from './fault.ts';
import { didYouMean } from './nearest-name.ts';
import { NUMBER_FILTERS } from './number-filters.ts';
import { type Routine, openRoutine, type RoutineTable } from './routines.ts';
import { SEQUENCE_FILTERS } from './sequence-filters.ts';
import { iterate, lazily } from './sequences.ts';
import { TEXT_FILTERS } from './text-filters.ts';
import { isTrue } from './truth.ts';
import { VALUE_TESTS } from './value-tests.ts';
import { type CallState, type Kwargs, described, type Value } from './values.ts';

type Change = (item: Value) => Value;

function nameOf(value: Value | undefined, what: string): string {
  if (value === undefined) fail(`${what} is missing`);
  return typeof value === 'string' ? value : fail(`${what} must be a text, not ${described(value ?? null)}`);
}

/** `map(attribute='x', default=…)` or `map('filter', …)`. */
function mapping(args: readonly Value[], kwargs: Kwargs, state: CallState): Change {
  const attribute = kwargs.get('attribute');
  if (args.length === 0 && attribute !== undefined) {
    const unknown = [...kwargs.keys()].find((name) => name !== 'attribute' && name !== 'default');
    if (unknown !== undefined) fail(`map has no argument '${unknown}'`, 'With attribute= it takes default= only.');
    return attributeGetter(attribute, kwargs.get('default') ?? undefined);
  }
  const name = nameOf(args[0], 'the filter that map shall run');
  const filter = findFilter(name);
  const rest = args.slice(1);
  return (item) => filter.run(`the filter ${name}`, item, rest, kwargs, state);
}

/** `select('test', …)`, `selectattr('attribute', 'test', …)`: without a test, the truth of the value decides. */
function choosing(
  args: readonly Value[],
  kwargs: Kwargs,
  state: CallState,
  byAttribute: boolean,
): (item: Value) => boolean {
  const get = byAttribute ? attributeGetter(nameOrPlace(args[0])) : (item: Value): Value => item;
  const [test, ...rest] = byAttribute ? args.slice(1) : args;
  if (test === undefined) return (item) => isTrue(get(item));
  const name = nameOf(test, 'the test');
  const routine = findTest(name);
  return (item) => routine.run(`the test ${name}`, get(item), rest, kwargs, state);
}

function nameOrPlace(attribute: Value | undefined): Value {
  return attribute ?? fail('the name of the attribute is missing');
}

function mapItems(value: Value, args: readonly Value[], kwargs: Kwargs, state: CallState): Value {
  return lazily(function* run() {
    if (!isTrue(value)) return;
    const change = mapping(args, kwargs, state);
    for (const item of iterate(value)) yield change(item);
  });
}

function selection(wanted: boolean, byAttribute: boolean): Routine<Value> {
  return openRoutine((value, args, kwargs, state) =>
    lazily(function* run() {
      if (!isTrue(value)) return;
      const matches = choosing(args, kwargs, state, byAttribute);
      for (const item of iterate(value)) if (matches(item) === wanted) yield item;
    }),
  );
}

export const FILTERS: RoutineTable<Value> = new Map<string, Routine<Value>>([
  ...TEXT_FILTERS,
  ...SEQUENCE_FILTERS,
  ...NUMBER_FILTERS,
  ['map', openRoutine<Value>((value, args, kwargs, state) => mapItems(value, args, kwargs, state))],
  ['select', selection(true, false)],
  ['reject', selection(false, false)],
  ['selectattr', selection(true, true)],
  ['rejectattr', selection(false, true)],
]);

const NO_HTML = 'Nothing is escaped for HTML here, so there is nothing to mark.';
const REFUSED_FILTERS: ReadonlyMap<string, string> = new Map([
  ['random', 'A model that renders differently each time cannot be re-run; take hash functions of the warehouse.'],
  ['escape', NO_HTML],
  ['e', NO_HTML],
  ['forceescape', NO_HTML],
  ['safe', NO_HTML],
  ['striptags', NO_HTML],
  ['urlize', NO_HTML],
  ['xmlattr', NO_HTML],
  ['wordwrap', 'Wrap the text where it is written.'],
]);

export function findFilter(name: string): Routine<Value> {
  const filter = FILTERS.get(name);
  if (filter !== undefined) return filter;
  const refused = REFUSED_FILTERS.get(name);
  if (refused !== undefined) return fail(`the filter '${name}' is not supported`, refused);
  return fail(`there is no filter '${name}'`, didYouMean(name, FILTERS.keys()));
}

/** `is filter` and `is test` look into the tables themselves. */
const NAME_TESTS: RoutineTable<Value, boolean> = new Map([
  ['filter', openRoutine<Value, boolean>((value) => typeof value === 'string' && FILTERS.has(value))],
  ['test', openRoutine<Value, boolean>((value) => typeof value === 'string' && isTestName(value))],
]);

function isTestName(name: string): boolean {
  return VALUE_TESTS.has(name) || NAME_TESTS.has(name);
}

export function findTest(name: string): Routine<Value, boolean> {
  const test = VALUE_TESTS.get(name) ?? NAME_TESTS.get(name);
  if (test !== undefined) return test;
  if (name === 'escaped') return fail(`the test 'escaped' is not supported`, NO_HTML);
  return fail(`there is no test '${name}'`, didYouMean(name, [...VALUE_TESTS.keys(), ...NAME_TESTS.keys()]));
}
