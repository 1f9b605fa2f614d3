import { describe, expect, test } from 'vitest';
import { compileTemplate, type StaticCall } from '../../../../src/transform/compile/jinja/index.ts';

function callsOf(text: string): StaticCall[] {
  return compileTemplate({ name: 'models/x.sql', text }).calls.map((call) => ({ ...call, kwargs: { ...call.kwargs } }));
}

const plain = { args: [], kwargs: {}, dynamic: false, conditional: false, macro: null };

describe('calls are found in the text', () => {
  test('with literal arguments, place and order', () => {
    expect(
      callsOf(
        "{{ config(materialized='table', tags=['a', 'b'], meta={'n': -1, 'f': 1.5, 'x': none}) }}\nselect * from {{ ref('shop', 'orders') }}",
      ),
    ).toEqual([
      {
        ...plain,
        name: 'config',
        kwargs: {
          materialized: 'table',
          tags: ['a', 'b'],
          meta: Object.assign(Object.create(null), { n: -1, f: 1.5, x: null }),
        },
        line: 1,
        column: 4,
      },
      { ...plain, name: 'ref', args: ['shop', 'orders'], line: 2, column: 18 },
    ]);
  });

  test.each([
    ['in a loop', "{% for a in [1] %}{{ ref('a') }}{% endfor %}", true, null],
    ['in the items of a loop', "{% for a in run(ref('a')) %}{% endfor %}", false, null],
    ['in an if', "{% if x %}{{ ref('a') }}{% endif %}", true, null],
    ['in the condition of an if', "{% if ref('a') %}{% endif %}", false, null],
    ['in an else', "{% if x %}{% else %}{{ ref('a') }}{% endif %}", true, null],
    ['in an inline if', "{{ ref('a') if x }}", true, null],
    ['behind and', "{{ x and ref('a') }}", true, null],
    ['in a set', "{% set a = ref('a') %}", false, null],
    ['in a set block', "{% set a %}{{ ref('a') }}{% endset %}", false, null],
    ['in a do', "{% do ref('a') %}", false, null],
    ['in arguments', "{{ f(x, y=[ref('a')]) }}", false, null],
    ['under a filter and a subscript', "{{ (ref('a') | upper)[0] }}", false, null],
    ['in a macro', "{% macro m() %}{{ ref('a') }}{% endmacro %}", false, 'm'],
    ['in an if of a macro', "{% macro m() %}{% if x %}{{ ref('a') }}{% endif %}{% endmacro %}", true, 'm'],
    ['in the default of a macro', "{% macro m(x=ref('a')) %}{% endmacro %}", false, 'm'],
    ['in a call block', "{% call run() %}{{ ref('a') }}{% endcall %}", true, null],
    ['in the arguments of a call block', "{% call run(ref('a')) %}{% endcall %}", false, null],
    ['in a test', "{% test t(model) %}{{ ref('a') }}{% endtest %}", false, 'test_t'],
    ['in a snapshot', "{% snapshot s %}{{ ref('a') }}{% endsnapshot %}", false, 'snapshot s'],
  ])('%s', (_name, text, conditional, macro) => {
    const found = callsOf(text).filter((call) => call.name === 'ref');
    expect(found).toMatchObject([{ args: ['a'], dynamic: false, conditional, macro }]);
  });

  test.each([
    ['a positional argument', "{{ ref('a', x) }}", ['a'], {}],
    ['the first positional argument', "{{ ref(x, 'a') }}", [], {}],
    ['a keyword argument', "{{ ref('a', v=x, w=1) }}", ['a'], { w: 1 }],
    ['a part of a list', "{{ ref('a', v=[1, x]) }}", ['a'], {}],
    ['a joined text', "{{ ref('a' ~ b) }}", [], {}],
    ['*', "{{ ref('a', *b) }}", ['a'], {}],
    ['**', "{{ ref('a', **b) }}", ['a'], {}],
    ['an assigned name', "{% set ref = 1 %}{{ ref('a') }}", ['a'], {}],
  ])('and marked when something has to be evaluated: %s', (_name, text, args, kwargs) => {
    expect(callsOf(text).filter((call) => call.name === 'ref')).toMatchObject([{ args, kwargs, dynamic: true }]);
  });

  test('with dotted names, but for methods of what the template sets itself', () => {
    const text = `{% set xs = [] %}{% do xs.append(1) %}{{ dbt_utils.star(from='a') }}{{ adapter.dispatch('x', 'y')() }}{{ 'a'.upper() }}{% for f in xs %}{{ f.g() }}{% endfor %}`;
    expect(callsOf(text).map((call) => call.name)).toEqual(['dbt_utils.star', 'adapter.dispatch']);
  });

  test('not in comments, raw blocks and texts', () => {
    expect(callsOf(`{# {{ ref('a') }} #}{% raw %}{{ ref('a') }}{% endraw %}{{ "ref('a')" }} ref('a')`)).toEqual([]);
  });

  test('with integers beyond 2^53 exact', () => {
    expect(callsOf('{{ f(9007199254740993) }}')[0]?.args).toEqual([9007199254740993n]);
  });
});

describe('declarations of a file', () => {
  const text = `{% macro one(a, b=[1], c=x) -%}
{% endmacro %}
{% test positive(model, column_name) %}{% endtest %}
{% materialization view, default %}{% endmaterialization %}
{% materialization incremental, adapter="bigquery", supported_languages=['sql'] %}{% endmaterialization %}
{% snapshot orders_history %}{{ config(strategy='check') }}select * from {{ x }}{% endsnapshot %}
{% docs orders -%}
# Orders {{ not evaluated }} {% nor this %}
{%- enddocs %}
{% if true %}{% macro hidden() %}{% macro deeper() %}{% endmacro %}{% endmacro %}{% endif %}`;
  const template = compileTemplate({ name: 'macros/x.sql', text });

  test('are macros, tests and materializations with their parameters and lines', () => {
    expect(template.macros.map(({ code: _code, ...declaration }) => declaration)).toEqual([
      {
        name: 'one',
        kind: 'macro',
        line: 1,
        parameters: [
          { name: 'a', required: true },
          { name: 'b', required: false, default: [1] },
          { name: 'c', required: false },
        ],
      },
      {
        name: 'test_positive',
        kind: 'test',
        line: 3,
        parameters: [
          { name: 'model', required: true },
          { name: 'column_name', required: true },
        ],
      },
      { name: 'materialization_view_default', kind: 'materialization', line: 4, parameters: [] },
      { name: 'materialization_incremental_bigquery', kind: 'materialization', line: 5, parameters: [] },
    ]);
  });

  test('are snapshots, which render by themselves, and docs, whose text stays as it is', () => {
    expect(template.blocks.map(({ kind, name, line, text: docs }) => ({ kind, name, line, docs }))).toEqual([
      { kind: 'snapshot', name: 'orders_history', line: 6, docs: '' },
      { kind: 'docs', name: 'orders', line: 7, docs: '# Orders {{ not evaluated }} {% nor this %}' },
    ]);
    const names = new Map([['x', 'orders']]);
    const withConfig = compileTemplate({
      name: 's.sql',
      text: '{% snapshot s %} select * from {{ x }} {% endsnapshot %}',
    });
    expect(withConfig.blocks[0]?.render({ names })).toBe(' select * from orders ');
    expect(template.blocks[1]?.render({ names })).toBe('# Orders {{ not evaluated }} {% nor this %}');
  });

  test('print nothing themselves', () => {
    expect(template.render({ names: new Map() }).trim()).toBe('');
  });
});

describe('a template that is one expression', () => {
  const names = new Map();
  const evaluate = (text: string) => compileTemplate({ name: 'x', text }).evaluate({ names });

  test('gives its value', () => {
    expect(evaluate('{{ [1, 2] }}')).toEqual([1, 2]);
    expect(evaluate("{{ '8080' | as_number }}\n")).toBe(8080);
    expect(evaluate('{{ none }}')).toBeNull();
    expect(evaluate('{{ range(3) | list }}')).toEqual([0, 1, 2]);
  });

  test('else gives its text', () => {
    expect(evaluate('a{{ 1 }}')).toBe('a1');
    expect(evaluate('plain')).toBe('plain');
    expect(evaluate('{{ 1 }}{{ 2 }}')).toBe('12');
    expect(evaluate('')).toBe('');
  });

  test('can be rendered any number of times with the same result', () => {
    const template = compileTemplate({ name: 'x', text: '{% set l = [1] %}{% do l.append(x) %}{{ l }}' });
    for (const x of [2, 3, 4]) expect(template.render({ names: new Map([['x', x]]) })).toBe(`[1, ${x}]`);
  });
});
