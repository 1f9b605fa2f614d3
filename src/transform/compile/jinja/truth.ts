import { DictValue } from './dict.ts';
import { FloatValue, IteratorValue, TupleValue, UndefinedValue, type Value } from './values.ts';

/** Python's truth: empty texts, lists, dicts and tuples, zero and none are false. */
export function isTrue(value: Value): boolean {
  if (typeof value === 'boolean') return value;
  if (value === null) return false;
  if (typeof value === 'string') return value !== '';
  if (typeof value === 'number' || typeof value === 'bigint') return Number.isNaN(value) || Boolean(value);
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof DictValue) return value.size > 0;
  if (value instanceof TupleValue) return value.items.length > 0;
  if (value instanceof FloatValue) return value.value !== 0;
  if (value instanceof UndefinedValue) return value.lenient ? false : value.raise();
  // Python's generators are always true; nobody knows yet whether they give anything.
  return value instanceof IteratorValue || value.truth();
}
