/** Truth, equality, order, membership and the arithmetic operators, as Python has them. */
import { compareText } from './characters.ts';
import { DictValue, DictView, SetValue } from './dict.ts';
import { fail } from './fault.ts';
import { RENDER_LIMITS } from './limits.ts';
import { arithmetic, type ArithmeticName, asInteger, compareNumbers, isNumeric, negate } from './numbers.ts';
import { formatPercent } from './percent-format.ts';
import { checkedText, repeatedText, toText } from './text.ts';
import { IteratorValue, ObjectValue, TupleValue, described, UndefinedValue, type Value } from './values.ts';

/** Lists inside each other deeper than this were put into themselves. */
const MAX_NESTING = 100;

export function equals(a: Value, b: Value, depth = 0): boolean {
  if (a === b) return !Number.isNaN(a) && !(a instanceof UndefinedValue && !a.lenient && a.raise());
  if (typeof a === 'string' && typeof b === 'string') return false;
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b) === 0;
  if (a instanceof UndefinedValue) return a.lenient ? b instanceof UndefinedValue && b.lenient : a.raise();
  if (b instanceof UndefinedValue) return b.lenient ? false : b.raise();
  if (depth > MAX_NESTING) return fail('the values contain themselves, or are nested too deeply');
  if (Array.isArray(a)) return Array.isArray(b) && itemsEqual(a, b, depth + 1);
  if (a instanceof TupleValue) return b instanceof TupleValue && itemsEqual(a.items, b.items, depth + 1);
  if (a instanceof DictValue) return b instanceof DictValue && dictsEqual(a, b, depth + 1);
  if (a instanceof SetValue) return b instanceof SetValue && setsEqual(a, b);
  return a instanceof ObjectValue && a.equals(b);
}

function itemsEqual(a: readonly Value[], b: readonly Value[], depth: number): boolean {
  return a.length === b.length && a.every((item, i) => equals(item, b[i] ?? null, depth));
}

function dictsEqual(a: DictValue, b: DictValue, depth: number): boolean {
  if (a.size !== b.size) return false;
  return a.entries().every(([key, value]) => {
    const other = b.get(key);
    return other !== undefined && equals(value, other, depth);
  });
}

function setsEqual(a: SetValue, b: SetValue): boolean {
  return a.size === b.size && a.items().every((item) => b.has(item));
}

type OrderOperator = '<' | '<=' | '>' | '>=';

/** Negative, zero or positive; NaN when the two have no order (a float that is not a number). */
export function order(a: Value, b: Value, operator: OrderOperator = '<', depth = 0): number {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  const numbers = compareNumbers(a, b);
  if (numbers !== undefined) return numbers;
  if (a instanceof UndefinedValue) return a.raise();
  if (b instanceof UndefinedValue) return b.raise();
  if (depth > MAX_NESTING) return fail('the values contain themselves, or are nested too deeply');
  if (Array.isArray(a) && Array.isArray(b)) return orderItems(a, b, operator, depth);
  if (a instanceof TupleValue && b instanceof TupleValue) return orderItems(a.items, b.items, operator, depth);
  return fail(`'${operator}' is not defined between ${described(a)} and ${described(b)}`);
}

function orderItems(a: readonly Value[], b: readonly Value[], operator: OrderOperator, depth: number): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a[i] ?? null;
    const right = b[i] ?? null;
    if (!equals(left, right)) return order(left, right, operator, depth + 1);
  }
  return a.length - b.length;
}

export function ordered(operator: OrderOperator, a: Value, b: Value): boolean {
  if (a instanceof SetValue && b instanceof SetValue) return orderedSets(operator, a, b);
  const result = order(a, b, operator);
  switch (operator) {
    case '<':
      return result < 0;
    case '<=':
      return result <= 0;
    case '>':
      return result > 0;
    case '>=':
      return result >= 0;
  }
}

function orderedSets(operator: OrderOperator, a: SetValue, b: SetValue): boolean {
  if (operator === '>' || operator === '>=') return orderedSets(operator === '>' ? '<' : '<=', b, a);
  return (operator === '<=' || a.size < b.size) && a.items().every((item) => b.has(item));
}

export function contains(container: Value, item: Value): boolean {
  if (typeof container === 'string') {
    if (item instanceof UndefinedValue) item.raise();
    return typeof item === 'string'
      ? container.includes(item)
      : fail(`'in' of a text needs a text on its left, not ${described(item)}`);
  }
  if (container instanceof DictValue) return container.has(item);
  if (container instanceof SetValue) return container.has(item);
  if (container instanceof UndefinedValue) return container.lenient ? false : container.raise();
  if (container instanceof IteratorValue) {
    for (let next = container.iterator.next(); next.done !== true; next = container.iterator.next()) {
      if (equals(next.value, item)) return true;
    }
    return false;
  }
  const items = itemsOf(container);
  return items === undefined
    ? fail(`'in' needs a text, a list or a dict on its right, not ${described(container)}`)
    : items.some((candidate) => candidate === item || equals(candidate, item));
}

function itemsOf(value: Value): readonly Value[] | undefined {
  if (Array.isArray(value)) return value;
  if (value instanceof TupleValue) return value.items;
  return value instanceof ObjectValue ? value.items() : undefined;
}

const SIGNS: Readonly<Record<ArithmeticName, string>> = {
  Add: '+',
  Sub: '-',
  Mul: '*',
  Div: '/',
  FloorDiv: '//',
  Mod: '%',
  Pow: '**',
};

function unsupported(name: ArithmeticName, a: Value, b: Value): never {
  if (a instanceof UndefinedValue) a.raise();
  if (b instanceof UndefinedValue) b.raise();
  const hint = name === 'Add' && (typeof a === 'string' || typeof b === 'string') ? 'Join texts with ~.' : undefined;
  return fail(`'${SIGNS[name]}' is not defined between ${described(a)} and ${described(b)}`, hint);
}

export function add(a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number' && Number.isInteger(a) && Number.isInteger(b)) {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  if (typeof a === 'string' && typeof b === 'string') return checkedText(a + b);
  if (Array.isArray(a) && Array.isArray(b)) return checkedItems([...a, ...b]);
  if (a instanceof TupleValue && b instanceof TupleValue) return new TupleValue(checkedItems([...a.items, ...b.items]));
  return arithmetic('Add', a, b) ?? unsupported('Add', a, b);
}

export function checkedItems(items: Value[]): Value[] {
  return items.length > RENDER_LIMITS.maxItems ? tooMany() : items;
}

export function tooMany(): never {
  return fail(
    `a list has more than ${RENDER_LIMITS.maxItems.toLocaleString('en')} items`,
    'Look for a loop that goes on adding to it; rows belong into the warehouse.',
  );
}

function repeatedItems(items: readonly Value[], times: number): Value[] {
  if (items.length * times > RENDER_LIMITS.maxItems) tooMany();
  const result: Value[] = [];
  for (let i = 0; i < times; i++) result.push(...items);
  return result;
}

function repeated(sequence: Value, times: Value): Value | undefined {
  const count = asInteger(times);
  if (count === undefined) return undefined;
  if (typeof sequence === 'string') return repeatedText(sequence, Number(count));
  if (Array.isArray(sequence)) return repeatedItems(sequence, Number(count));
  return sequence instanceof TupleValue ? new TupleValue(repeatedItems(sequence.items, Number(count))) : undefined;
}

/** Sets and the views of dicts know the difference; `|` and `&` cannot be written in a template. */
function difference(a: Value, b: Value): Value | undefined {
  const isSet = (value: Value): value is ObjectValue => value instanceof SetValue || value instanceof DictView;
  if (!isSet(a) || !isSet(b)) return undefined;
  const removed = new SetValue(b.items() ?? []);
  return new SetValue((a.items() ?? []).filter((item) => !removed.has(item)));
}

export function binary(name: Exclude<ArithmeticName, 'Add'>, a: Value, b: Value): Value {
  if (name === 'Mod' && typeof a === 'string') return formatPercent(a, b);
  const result = arithmetic(name, a, b);
  if (result !== undefined) return result;
  const special = name === 'Mul' ? (repeated(a, b) ?? repeated(b, a)) : name === 'Sub' ? difference(a, b) : undefined;
  return special ?? unsupported(name, a, b);
}

export function signed(sign: '-' | '+', value: Value): Value {
  if (value instanceof UndefinedValue) value.raise();
  const negative = negate(value);
  if (negative === undefined) return fail(`'${sign}' is not defined for ${described(value)}`);
  if (sign === '-') return negative;
  return typeof value === 'boolean' ? Number(value) : value;
}

/** `a ~ b`. */
export function joinTexts(parts: readonly Value[]): string {
  let text = '';
  for (const part of parts) text += toText(part);
  return checkedText(text);
}
