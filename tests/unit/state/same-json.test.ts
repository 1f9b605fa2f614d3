import { expect, test } from 'vitest';
import { canonicalJson, sameJson } from '../../../src/state/same-json.ts';

test('the order of keys does not matter, at any depth', () => {
  expect(sameJson({ a: 1, b: [{ c: 2, d: 3 }] }, { b: [{ d: 3, c: 2 }], a: 1 })).toBe(true);
  expect(canonicalJson({ b: 1, a: { d: 1, c: 2 } })).toBe('{"a":{"c":2,"d":1},"b":1}');
});

test('the order of lists, values and types do', () => {
  expect(sameJson([1, 2], [2, 1])).toBe(false);
  expect(sameJson({ a: 1 }, { a: '1' })).toBe(false);
  expect(sameJson({ a: null }, {})).toBe(false);
});

test('what JSON leaves out is left out', () => {
  expect(sameJson({ a: undefined, b: 1 }, { b: 1 })).toBe(true);
});

test('a key named __proto__ is a key', () => {
  const value = JSON.parse('{"__proto__":{"a":1}}') as unknown;
  expect(canonicalJson(value)).toBe('{"__proto__":{"a":1}}');
});
