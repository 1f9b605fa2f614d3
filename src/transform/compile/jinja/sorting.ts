import { order } from './operators.ts';
import type { Value } from './values.ts';

/** Python's sorted(): stable, also when reversed. Values without an order between them fail. */
export function sortValues(items: Iterable<Value>, key: (item: Value) => Value, reverse = false): Value[] {
  const keyed = Array.from(items, (item) => ({ item, key: key(item) }));
  const direction = reverse ? -1 : 1;
  keyed.sort((a, b) => {
    const result = order(a.key, b.key);
    return Number.isNaN(result) ? 0 : result * direction;
  });
  return keyed.map((entry) => entry.item);
}
