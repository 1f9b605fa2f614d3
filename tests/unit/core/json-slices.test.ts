import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { documentSlice, elementSlices, memberSlices, sliceAtPath } from '../../../src/core/json-slices.ts';

function members(text: string): (readonly [string, string])[] {
  return memberSlices(text).map(({ name, start, end }) => [name, text.slice(start, end)] as const);
}

function elements(text: string, start = 0): string[] {
  return elementSlices(text, start).map((slice) => text.slice(slice.start, slice.end));
}

describe('json slices', () => {
  it('gives every member with its exact source text', () => {
    const text =
      ' { "id" : "K-1","n":12345678901234567890.10 ,\n"e":1E+2,"o":{"a":[1,{"b":"}"}]},"t":true,"x":null,"s":""} ';
    expect(members(text)).toEqual([
      ['id', '"K-1"'],
      ['n', '12345678901234567890.10'],
      ['e', '1E+2'],
      ['o', '{"a":[1,{"b":"}"}]}'],
      ['t', 'true'],
      ['x', 'null'],
      ['s', '""'],
    ]);
  });

  it('keeps duplicate members in order and resolves escaped names', () => {
    expect(members('{"a":1,"\\u0061":2,"a\\"b":3,"__proto__":4}')).toEqual([
      ['a', '1'],
      ['a', '2'],
      ['a"b', '3'],
      ['__proto__', '4'],
    ]);
  });

  it('is not fooled by quotes, backslashes and brackets in strings', () => {
    expect(elements(String.raw`["\\","\"","a\\\"]","{[","\\\\"]`)).toEqual([
      String.raw`"\\"`,
      String.raw`"\""`,
      String.raw`"a\\\"]"`,
      '"{["',
      String.raw`"\\\\"`,
    ]);
  });

  it('gives no slices for empty containers', () => {
    expect(elements(' [ ] ')).toEqual([]);
    expect(members('{\t}')).toEqual([]);
  });

  it('follows a dotted path, the last of duplicate members counting as for JSON.parse', () => {
    const text = '{"data":{"items":[1]},"data":{"items":[2,3.0],"items":[4]},"0":7}';
    const slice = sliceAtPath(text, 'data.items');
    expect(slice && text.slice(slice.start, slice.end)).toBe('[4]');
    expect(sliceAtPath(text, 'data.none')).toBeUndefined();
    expect(sliceAtPath(text, 'data.items.0')).toBeUndefined();
    expect(sliceAtPath(text, '0')).toBeDefined();
    expect(sliceAtPath(' [1] ', '')).toEqual({ start: 1, end: 4 });
  });

  it('takes a depth of 100,000 without recursion', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(elements(`[${deep},1]`)).toEqual([deep, '1']);
  });

  it('says so instead of running on when the text is not JSON', () => {
    for (const text of ['', '{', '{"a"', '{"a":', '[1', '["', '[1,', '{"a":1', '[,]', '7']) {
      expect(() => (text.startsWith('{') ? memberSlices(text) : elementSlices(text))).toThrow(/JSON text/);
    }
  });

  it('agrees with JSON.parse on any document and any white space', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(0, 1, '\t', ' \n'), (json, indent) => {
        const value: unknown = JSON.parse(json);
        const text = `\r\n${JSON.stringify(value, null, indent)} `;
        const whole = documentSlice(text);
        expect(JSON.parse(text.slice(whole.start, whole.end))).toEqual(value);
        if (Array.isArray(value)) {
          expect(elements(text).map((item): unknown => JSON.parse(item))).toEqual(value);
        } else if (typeof value === 'object' && value !== null) {
          const read = members(text).map(([name, item]): [string, unknown] => [name, JSON.parse(item)]);
          expect(Object.fromEntries(read)).toEqual(value);
          expect(read.length).toBe(Object.keys(value).length);
        }
      }),
      { numRuns: 500 },
    );
  });
});
