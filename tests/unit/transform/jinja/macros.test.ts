import { describe, expect, test } from 'vitest';
import {
  callMacro,
  compileTemplate,
  createMacroRegistry,
  dispatchFunction,
  fromPlain,
  hostFunction,
  hostObject,
  type RenderContext,
  toPlain,
  toText,
  type Value,
} from '../../../../src/transform/compile/jinja/index.ts';
import { errorOf, namesOf, registryOf, render } from './rendering.ts';

const context: RenderContext = { names: new Map() };

describe('return()', () => {
  const values = registryOf({
    'shop/values.sql': `
      {% macro a_list() %}text that is dropped{{ return([1, 2, 3]) }}{% endmacro %}
      {% macro a_dict() %}{% do return({'k': none}) %}{% endmacro %}
      {% macro nothing() %}{{ return(none) }}{% endmacro %}
      {% macro in_loop(xs) %}{% for x in xs %}{% if x > 1 %}{{ return(x) }}{% endif %}{% endfor %}{{ return('none of them') }}{% endmacro %}
      {% macro in_expression(xs) %}{{ xs|length or return('empty') }} items{% endmacro %}
      {% macro in_blocks() %}{% set a %}x{% filter upper %}{{ return('out') }}{% endfilter %}{% endset %}never{% endmacro %}
      {% macro runs() %}before{{ caller() }}after{% endmacro %}
      {% macro through_caller() %}{% call runs() %}{{ return('from the body') }}{% endcall %}|{% endmacro %}
      {% macro text() %} some text {% endmacro %}
      {% macro nested() %}{{ return(a_list() + a_list()) }}{% endmacro %}
    `,
  });

  test.each([
    ['{{ a_list()|length }}{{ a_list()[0] + 1 }}', '32'],
    ['{{ a_dict() }}{{ a_dict().k is none }}{{ a_dict()|length }}', "{'k': None}True1"],
    ['{{ nothing() is none }}{{ nothing() or 5 }}', 'True5'],
    ['{{ in_loop([1, 2, 3]) + 1 }}{{ in_loop([]) }}', '3none of them'],
    ['{{ in_expression([1]) }}, {{ in_expression([]) }}', '1 items, empty'],
    ['{{ in_blocks() }}', 'out'],
    ['{{ text() is string }}{{ text()|trim }}', 'Truesome text'],
    ['{{ nested() }}', '[1, 2, 3, 1, 2, 3]'],
    ["a{{ nothing() ~ '' }}b{{ a_list()|join('-') }}c", 'aNoneb1-2-3c'],
  ])('gives values as values: %s', (text, expected) => {
    expect(render(text, {}, { macros: values })).toBe(expected);
  });

  test('in the body of a call block leaves the macro that runs the body', () => {
    expect(render('{{ through_caller() }}', {}, { macros: values })).toBe('from the body|');
  });

  test('outside of a macro is a mistake', () => {
    expect(errorOf(() => render('{{ return(1) }}')).message).toContain('return() outside of a macro');
    expect(errorOf(() => render('{{ 1 + return(1) }}')).message).toContain('return() outside of a macro');
  });

  test('can be replaced by the host', () => {
    expect(
      render('{{ return(1) }}{% do return(2) %}', { return: hostFunction((args) => `<${toText(args[0] ?? null)}>`) }),
    ).toBe('<1>');
  });

  test('needs its value', () => {
    expect(errorOf(() => render('{% macro m() %}{{ return() }}{% endmacro %}{{ m() }}')).message).toContain(
      "needs the argument 'data'",
    );
  });
});

describe('macros of many packages', () => {
  const macros = registryOf({
    'sluice/builtin.sql': `
      {% macro name() %}builtin{% endmacro %}
      {% macro uses_name() %}{{ name() }}{% endmacro %}
      {% macro only_builtin() %}b{% endmacro %}
      {% macro default__kind() %}builtin default{% endmacro %}`,
    'utils/utils.sql': `
      {% macro name() %}utils{% endmacro %}
      {% macro uses_name() %}{{ name() }}/{{ helper() }}{% endmacro %}
      {% macro helper() %}h{% endmacro %}
      {% macro kind() %}{{ return(adapter.dispatch('kind', 'utils')()) }}{% endmacro %}
      {% macro default__kind() %}utils default{% endmacro %}
      {% macro duckdb__kind() %}utils duckdb{% endmacro %}
      {% macro sees_root() %}{{ root_only() }}{% endmacro %}`,
    'shop/shop.sql': `
      {% macro root_only() %}root{% endmacro %}
      {% macro sees_utils() %}{{ helper() }}{% endmacro %}`,
  });

  test.each([
    ['a built-in macro without a prefix', '{{ only_builtin() }}', 'b'],
    [
      'a built-in macro by both names of the built-in package',
      '{{ sluice.only_builtin() }}{{ dbt.only_builtin() }}',
      'bb',
    ],
    ['a macro of a package by its prefix', '{{ utils.helper() }}', 'h'],
    ['its own package first', '{{ utils.uses_name() }}', 'utils/h'],
    ['the root project from a package', '{{ utils.sees_root() }}', 'root'],
  ])('a template finds %s', (_name, text, expected) => {
    expect(render(text, {}, { macros })).toBe(expected);
  });

  test('macros of other packages need their prefix', () => {
    expect(errorOf(() => render('{{ helper() }}', {}, { macros })).message).toContain("'helper' is undefined");
    expect(errorOf(() => render('{{ sees_utils() }}', {}, { macros })).message).toContain("'helper' is undefined");
    expect(errorOf(() => render('{{ utils.helpr() }}', {}, { macros })).hint).toBe("Did you mean 'helper'?");
  });

  test('the root project replaces a built-in macro, for the built-in macros as well', () => {
    const replaced = registryOf({
      'sluice/b.sql': '{% macro name() %}builtin{% endmacro %}{% macro uses_name() %}{{ name() }}{% endmacro %}',
      'shop/s.sql': '{% macro name() %}mine{% endmacro %}',
    });
    expect(render('{{ name() }} {{ uses_name() }} {{ sluice.name() }}', {}, { macros: replaced })).toBe(
      'mine mine builtin',
    );
  });

  test('a macro wins over a name of the host, a local name over both', () => {
    const shadow = registryOf({ 'shop/s.sql': '{% macro ref(x) %}macro {{ builtins.ref(x) }}{% endmacro %}' });
    const ref = hostFunction((args) => `host ${toText(args[0] ?? null)}`);
    const names = { ref, builtins: hostObject({ ref }) };
    expect(render("{{ ref('a') }}", names, { macros: shadow })).toBe('macro host a');
    expect(render('{% set ref = 1 %}{{ ref }}', names, { macros: shadow })).toBe('1');
  });

  test('the template of a package sees its package', () => {
    expect(render('{{ helper() }}{{ name() }}', {}, { macros, packageName: 'utils' })).toBe('hutils');
  });

  test('a macro sees the names of the rendering that calls it, not the variables of the template', () => {
    const registry = registryOf({ 'shop/s.sql': '{% macro m() %}{{ this }}{{ x is defined }}{% endmacro %}' });
    expect(render('{% set x = 1 %}{{ m() }}', { this: 'orders' }, { macros: registry })).toBe('ordersFalse');
  });

  test('what stands beside the macros of a file is not rendered', () => {
    const registry = registryOf({ 'shop/s.sql': 'text {{ nope }}{% macro m() %}x{% endmacro %}' });
    expect(render('{{ m() }}', {}, { macros: registry })).toBe('x');
  });

  test('a name stands once in a package', () => {
    const error = errorOf(() =>
      registryOf({ 'shop/a.sql': '{% macro m() %}{% endmacro %}', 'shop/b.sql': '\n{% macro m() %}{% endmacro %}' }),
    );
    expect(error.code).toBe('compile_error');
    expect(error.message).toBe("shop/b.sql:2: the macro 'm' of shop stands in shop/a.sql:1 already");
    expect(
      errorOf(() => registryOf({ 'shop/a.sql': '{% macro m() %}{% endmacro %}{% macro m() %}{% endmacro %}' })).message,
    ).toContain('already');
  });

  test('macros added later are seen', () => {
    const registry = createMacroRegistry({ rootPackage: 'shop' });
    registry.add('shop', compileTemplate({ name: 'a.sql', text: '{% macro a() %}{{ b() }}{% endmacro %}' }));
    expect(errorOf(() => render('{{ a() }}', {}, { macros: registry })).message).toContain("'b' is undefined");
    registry.add('shop', compileTemplate({ name: 'b.sql', text: '{% macro b() %}B{% endmacro %}' }));
    expect(render('{{ a() }}', {}, { macros: registry })).toBe('B');
  });

  test('all of them can be listed with their declarations', () => {
    const names = Array.from(macros.macros(), (macro) => `${macro.packageName}.${macro.declaration.name}`);
    expect(names).toContain('utils.kind');
    expect(names).toHaveLength(13);
  });
});

describe('adapter.dispatch', () => {
  const files = {
    'sluice/b.sql': '{% macro default__builtin_kind() %}B{% endmacro %}',
    'utils/u.sql': `{% macro kind() %}{{ return(adapter.dispatch('kind', 'utils')()) }}{% endmacro %}
      {% macro unnamed() %}{{ return(adapter.dispatch('kind')()) }}{% endmacro %}
      {% macro default__kind() %}utils default{% endmacro %}{% macro duckdb__kind() %}utils duckdb{% endmacro %}`,
    'shims/s.sql': '{% macro bigquery__kind() %}shims bigquery{% endmacro %}',
  };
  const dispatching = (
    prefixes: readonly string[],
    extra: Readonly<Record<string, string>> = {},
    searchOrder?: ReadonlyMap<string, readonly string[]>,
  ) => {
    const macros = registryOf({ ...files, ...extra });
    const options = searchOrder === undefined ? { prefixes } : { prefixes, searchOrder };
    const adapter = hostObject({ dispatch: dispatchFunction(macros, options) });
    return (text: string) => render(text, { adapter }, { macros });
  };

  test('takes the macro of the dialect, else the default', () => {
    expect(dispatching(['duckdb', 'default'])('{{ utils.kind() }}')).toBe('utils duckdb');
    expect(dispatching(['bigquery', 'default'])('{{ utils.kind() }}')).toBe('utils default');
    expect(dispatching(['bigquery', 'default'])("{{ adapter.dispatch('builtin_kind')() }}")).toBe('B');
  });

  test('lets the root project come before the package', () => {
    const mine = { 'shop/s.sql': '{% macro default__kind() %}mine{% endmacro %}' };
    expect(dispatching(['duckdb', 'default'], mine)('{{ utils.kind() }}')).toBe('mine');
  });

  test('looks where the macro that calls it would look', () => {
    expect(dispatching(['duckdb', 'default'])('{{ utils.unnamed() }}')).toBe('utils duckdb');
    expect(errorOf(() => dispatching(['duckdb', 'default'])("{{ adapter.dispatch('kind')() }}")).message).toContain(
      'found no macro',
    );
  });

  test('follows the search order of the project', () => {
    const order = new Map([['utils', ['shims', 'utils']]]);
    expect(dispatching(['bigquery', 'default'], {}, order)('{{ utils.kind() }}')).toBe('shims bigquery');
  });

  test('names what it looked for', () => {
    const error = errorOf(() => dispatching(['duckdb', 'default'])("{{ adapter.dispatch('nope', 'utils') }}"));
    expect(error.message).toContain("found no macro 'nope' of utils");
    expect(error.hint).toBe('It looked for duckdb__nope, default__nope.');
    expect(errorOf(() => dispatching(['duckdb'])("{{ adapter.dispatch('utils.kind') }}")).message).toContain(
      'macro_namespace',
    );
  });
});

describe('macros called by the host', () => {
  const macros = registryOf({
    'shop/m.sql': `
      {% macro columns(relation, except=[]) %}{{ return([relation ~ '.a'] + except) }}{% endmacro %}
      {% test not_null(model, column_name) %}select * from {{ model }} where {{ column_name }} is null{% endtest %}
      {% materialization table, adapter='duckdb' %}{{ return({'relations': [this]}) }}{% endmaterialization %}`,
    'utils/u.sql': '{% macro star() %}*{% endmacro %}',
  });

  test('give values', () => {
    const value = callMacro(macros, 'columns', context, {
      args: ['t'],
      kwargs: new Map([['except', fromPlain(['b'])]]),
    });
    expect(toPlain(value)).toEqual(['t.a', 'b']);
    expect(callMacro(macros, 'utils.star', context)).toBe('*');
  });

  test('are tests and materializations as well', () => {
    const kwargs = new Map<string, Value>([
      ['model', 'orders'],
      ['column_name', 'id'],
    ]);
    expect(callMacro(macros, 'test_not_null', context, { kwargs })).toBe('select * from orders where id is null');
    const result = callMacro(macros, 'materialization_table_duckdb', { names: namesOf({ this: 'orders' }) });
    expect(toPlain(result)).toEqual({ relations: ['orders'] });
  });

  test('are found through the eyes of a package', () => {
    expect(callMacro(macros, 'star', { ...context, packageName: 'utils' })).toBe('*');
    expect(macros.find('star')).toBeUndefined();
    expect(macros.find('utils.star')).toBeDefined();
    expect(macros.find('utils')).toBeUndefined();
  });

  test('that do not exist are a compile error with the nearest name', () => {
    const error = errorOf(() => callMacro(macros, 'colums', context));
    expect(error.code).toBe('compile_error');
    expect(error.hint).toBe("Did you mean 'columns'?");
  });

  test('fail with their own place', () => {
    const error = errorOf(() => callMacro(macros, 'columns', context, { args: [1, 2, 3] }));
    expect(error.message).toContain('columns() takes at most 2 arguments, but got 3');
    expect(error.message).toContain('in macro columns (shop/m.sql:2), called by sluice');
  });
});

describe('the host in a call', () => {
  test('gets arguments, the place, the package and the names', () => {
    const seen: unknown[] = [];
    const spy = hostFunction((args, kwargs, state) => {
      seen.push(args, [...kwargs], state.site?.line, state.packageName, state.lookup('x'), state.lookup('y'));
      return null;
    });
    const macros = registryOf({ 'shop/m.sql': '{% macro m() %}{% endmacro %}' });
    render('\n{% do spy(1, *[2], a=3, **{"b": 4}) %}', { spy, x: 5 }, { macros });
    expect(seen).toEqual([
      [1, 2],
      [
        ['a', 3],
        ['b', 4],
      ],
      2,
      'shop',
      5,
      undefined,
    ]);
  });

  test('runs the body of a call block', () => {
    const statement = hostFunction((args, kwargs, state) => {
      return `[${toText(args[0] ?? null)}: ${toText(state.call(kwargs.get('caller') ?? null, ['arg']))}]`;
    });
    expect(render("{% call(x) statement('main') %}select {{ x }}{% endcall %}", { statement })).toBe(
      '[main: select arg]',
    );
  });

  test('is an object that can be called, printed and compared', () => {
    let made = 0;
    const config = hostObject(
      { get: hostFunction((args) => `got ${toText(args[0] ?? null)}`) },
      {
        typeName: 'config',
        call: (_args, kwargs) => `set ${[...kwargs.keys()].join()}`,
        text: () => 'the config',
        lazy: { costly: () => ++made },
        equals: (other) => other === 'config',
      },
    );
    expect(
      render("{{ config(a=1, b=2) }}|{{ config.get('x') }}|{{ config }}|{{ config == 'config' }}", { config }),
    ).toBe('set a,b|got x|the config|True');
    expect(made).toBe(0);
    expect(render('{{ config.costly }}{{ config.costly }}{{ config["costly"] }}', { config })).toBe('111');
    expect(errorOf(() => render('{{ o }}', { o: hostObject({}, { typeName: 'thing' }) })).message).toContain(
      'a thing cannot be printed',
    );
    expect(errorOf(() => render('{{ o() }}', { o: hostObject({}, { typeName: 'thing' }) })).message).toContain(
      "'thing' object is not callable",
    );
  });
});
