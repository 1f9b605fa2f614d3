/** The kinds of value in project.yml: how a text (from the file or from the environment) becomes one. */
import { isTimeZone } from '../core/time.ts';
import type { Leaf, LeafKind } from './project-schema.ts';

export type LeafValue = string | number | boolean | readonly string[];

export const LEAF_NAMES: Readonly<Record<LeafKind, string>> = {
  text: 'text',
  integer: 'a whole number above 0',
  number: 'a number of 0 or more',
  ratio: 'a number from 0 to 1',
  boolean: 'true or false',
  identifier: 'a name of letters, digits and underscores',
  timezone: 'an IANA time zone such as Europe/Berlin',
  url: 'a URL with http:// or https://',
  list: 'a list, or text separated by commas',
};

/** undefined: the value is not of this kind. */
export function coerce(leaf: Leaf, value: unknown): LeafValue | undefined {
  if (leaf.words !== undefined)
    return leaf.words.find((word) => typeof value === 'string' && word === value.toLowerCase());
  switch (leaf.leaf) {
    case 'text':
      return typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined;
    case 'integer':
      return numberIf(value, (number) => Number.isSafeInteger(number) && number > 0);
    case 'number':
      return numberIf(value, (number) => number >= 0);
    case 'ratio':
      return numberIf(value, (number) => number >= 0 && number <= 1);
    case 'boolean':
      return booleanOf(value);
    case 'identifier':
      return typeof value === 'string' && /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(value) ? value : undefined;
    case 'timezone':
      return typeof value === 'string' && /^[A-Za-z]/.test(value) && isTimeZone(value) ? value : undefined;
    case 'url':
      return typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
        ? value
        : undefined;
    case 'list':
      return listOf(value);
  }
}

function numberIf(value: unknown, test: (number: number) => boolean): number | undefined {
  const number = typeof value === 'string' && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && test(number) ? number : undefined;
}

function booleanOf(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  if (['true', '1', 'yes', 'on'].includes(value.toLowerCase())) return true;
  return ['false', '0', 'no', 'off'].includes(value.toLowerCase()) ? false : undefined;
}

function listOf(value: unknown): readonly string[] | undefined {
  const items = typeof value === 'string' ? value.split(',') : Array.isArray(value) ? value : [];
  if (!items.every((item): item is string => typeof item === 'string')) return undefined;
  const list = items.map((item) => item.trim()).filter((item) => item !== '');
  return list.length === 0 ? undefined : list;
}
