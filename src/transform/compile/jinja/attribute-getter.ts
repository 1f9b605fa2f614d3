/** `attribute='address.city'` of filters: a path of items and attributes, looked up on every item. */
import { getItem } from './attributes.ts';
import { asInteger } from './numbers.ts';
import { UndefinedValue, type Value } from './values.ts';

export type Getter = (item: Value) => Value;

function path(attribute: Value): readonly Value[] {
  if (typeof attribute !== 'string') return [asInteger(attribute) ?? attribute];
  return attribute.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** undefined: the item itself. `fallback` stands for what is undefined on the way. */
export function attributeGetter(attribute: Value | undefined, fallback?: Value): Getter {
  if (attribute === undefined) return (item) => item;
  const parts = path(attribute);
  return (item) => {
    let value = item;
    for (const part of parts) {
      value = getItem(value, part);
      if (fallback !== undefined && value instanceof UndefinedValue) value = fallback;
    }
    return value;
  };
}

/** Sorting, grouping and comparing take no notice of case unless they are told to. */
export function comparedAs(caseSensitive: boolean): Getter {
  return caseSensitive ? (value) => value : (value) => (typeof value === 'string' ? value.toLowerCase() : value);
}
