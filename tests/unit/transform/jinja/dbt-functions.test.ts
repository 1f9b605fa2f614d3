import { describe, expect, test } from 'vitest';
import {
  compileTemplate,
  DictValue,
  FloatValue,
  fromPlain,
  SetValue,
  toPlain,
  TupleValue,
} from '../../../../src/transform/compile/jinja/index.ts';
import { errorOf, render } from './rendering.ts';

describe('what dbt adds to Jinja', () => {
  test.each([
    ["{{ '1' | as_number + 1 }} {{ '1.5' | as_number }} {{ 5 | as_number }}", '2 1.5 5'],
    ["{{ 'true' | as_bool }} {{ 'False' | as_bool }} {{ true | as_bool }}", 'True False True'],
    [
      "{{ '[1, 2.0]' | as_native }} {{ (\"{'a': (1,)}\" | as_native).a }} {{ 'plain' | as_native }} {{ \"'q'\" | as_native }}",
      '[1, 2.0] (1,) plain q',
    ],
    ["{{ '}} {{ 1' | as_native }}{{ '1 + 1' | as_native }}{{ 'range(3)' | as_native }}", '}} {{ 11 + 1range(3)'],
    ['{{ 1 | as_text ~ none | as_text }}', '1None'],
    ['{{ [1] | is_list }}{{ (1,) | is_list }}', 'TrueFalse'],
    [
      '{{ set([3, 1, 3]) | list }} {{ set([1, 2]) - set([2]) }} {{ 1 in set([1]) }} {{ set([]) }} {{ set([1, 2]) == set([2, 1]) }}',
      '[3, 1] {1} True set() True',
    ],
    [
      '{{ set([1]).union([2]).intersection([2, 3]) }} {{ set([1]).issubset([1, 2]) }} {{ set(5) is none }} {{ set(5, []) }}',
      '{2} True True []',
    ],
    [
      "{{ zip([1, 2], ['a', 'b']) | list }} {{ zip([1], [2, 3]) | list }} {{ zip(5, default='d') }} {{ zip(5) is none }}",
      "[(1, 'a'), (2, 'b')] [(1, 2)] d True",
    ],
    ["{% for a, b in zip([1, 2], ['x', 'y']) %}{{ a }}{{ b }}{% endfor %}", '1x2y'],
    ['{{ zip_strict([1], [2]) | list }} {{ set_strict([1]) }}', '[(1, 2)] {1}'],
    [
      `{{ fromjson('{"b": [1, 1.0, true, null], "a": 12345678901234567890}') }}`,
      "{'b': [1, 1.0, True, None], 'a': 12345678901234567890}",
    ],
    ["{{ fromjson('nope') is none }} {{ fromjson('nope', {}) }} {{ fromjson('[1') is none }}", 'True {} True'],
    [
      `{{ tojson({'b': 1, 'a': '<x>'}) }} {{ tojson({'b': 1, 'a': 2}, sort_keys=true) }} {{ tojson(range, 'dflt') }}`,
      '{"b": 1, "a": "<x>"} {"a": 2, "b": 1} dflt',
    ],
    ['{{ fromjson(\'{"10": 1, "9": 2}\') }}', "{'10': 1, '9': 2}"],
    ['{{ "[1]" | fromjson }}', '[1]'],
  ])('%s', (text, expected) => {
    expect(render(text)).toBe(expected);
  });

  test.each([
    "{{ 'x' | as_number }}",
    "{{ 'x' | as_bool }}",
    '{{ zip_strict([1], []) }}',
    '{{ set_strict(5) }}',
    '{{ set(nope) }}',
    '{{ tojson(nope) }}',
    '{{ set([[1]])|list|length }}{{ set_strict([[1]]) }}',
  ])('is a mistake: %s', (text) => {
    expect(errorOf(() => render(text)).code).toBe('compile_error');
  });
});

describe('where Jinja is not followed, and on purpose', () => {
  test('an undefined name counts as false on the left of or, as it does for default()', () => {
    expect(render("{{ nope or 'x' }} {{ d.zz or 'y' }} {{ nope | default('z') }}", { d: {} })).toBe('x y z');
    expect(errorOf(() => render('{{ none or nope }}')).message).toContain("'nope' is undefined");
    expect(errorOf(() => render('{% if nope and true %}{% endif %}')).message).toContain("'nope' is undefined");
  });

  test('what Python prints with an address cannot be printed', () => {
    for (const text of [
      '{{ range }}',
      "{{ 'a'.upper }}",
      "{{ [1] | map('string') }}",
      '{% macro m() %}{% endmacro %}{{ m }}',
      '{% for a in [1] %}{{ loop }}{% endfor %}',
    ]) {
      expect(errorOf(() => render(text)).message).toContain('cannot be printed');
    }
  });
});

describe('plain data', () => {
  test('comes back as it went in', () => {
    const value = { a: [1, -2, 1.5, true, null, 'x', { b: [] }], c: 12345678901234567890n };
    expect(
      JSON.stringify(toPlain(fromPlain(value)), (_key, item: unknown) =>
        typeof item === 'bigint' ? `${item}n` : item,
      ),
    ).toBe('{"a":[1,-2,1.5,true,null,"x",{"b":[]}],"c":"12345678901234567890n"}');
  });

  test('knows integers from floats', () => {
    expect(fromPlain(1)).toBe(1);
    expect(fromPlain(1e300)).toBeInstanceOf(FloatValue);
    expect(fromPlain(5n)).toBe(5);
    expect(toPlain(new FloatValue(2))).toBe(2);
    expect(render('{{ a }} {{ b }}', { a: 1e300, b: -0 })).toBe('1e+300 -0.0');
  });

  test('takes maps, tuples, sets and undefined', () => {
    expect(fromPlain(new Map([[1, 'a']]))).toBeInstanceOf(DictValue);
    expect(fromPlain(undefined)).toBeNull();
    expect(toPlain(new TupleValue([1, [2]]))).toEqual([1, [2]]);
    expect(toPlain(new SetValue([1, 1, 2]))).toEqual([1, 2]);
    const evaluate = (text: string) => toPlain(compileTemplate({ name: 'x', text }).evaluate({ names: new Map() }));
    expect(evaluate('{{ range(3) }}')).toEqual([0, 1, 2]);
    expect(evaluate("{{ [1, 2] | map('string') }}")).toEqual(['1', '2']);
    expect(evaluate("{{ {1: 'a', none: 'b', true: 'c'} }}")).toMatchObject({ 1: 'c', null: 'b' });
    expect(() => evaluate('{{ range }}')).toThrow('no plain data');
    expect(() => evaluate('{{ nope }}')).toThrow("'nope' is undefined");
  });
});
