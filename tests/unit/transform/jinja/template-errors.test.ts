import { describe, expect, test } from 'vitest';
import { SluiceError } from '../../../../src/core/errors.ts';
import { compileTemplate, hostFunction, RenderInterrupt } from '../../../../src/transform/compile/jinja/index.ts';
import { errorOf, registryOf, render } from './rendering.ts';

describe('a mistake in a template', () => {
  test('shows file, line, column, the line itself and a caret', () => {
    const error = errorOf(() => render('select *\nfrom {{ reff("a") }}\n', { ref: hostFunction(() => 'a') }));
    expect(error.code).toBe('compile_error');
    expect(error.exitCode).toBe(2);
    expect(error.message).toBe('models/x.sql:2:9: \'reff\' is undefined\n  2 | from {{ reff("a") }}\n    |         ^');
    expect(error.hint).toBe("Did you mean 'ref'?");
    expect(error.details).toMatchObject({ file: 'models/x.sql', line: 2, column: 9 });
  });

  test.each([
    ['an unclosed block, at its start', 'a\n{% if x %}\nb', 2, 4, '{% if %} has no {% endif %}'],
    [
      'a wrong end tag, with the block it meets',
      '{% for a in [] %}\n{% endif %}',
      2,
      4,
      '{% for %} of line 1 waits for {% endfor %}',
    ],
    ['an unclosed tag', 'a {{ b', 1, 3, 'the tag that starts here has no end'],
    ['an unclosed bracket, at the bracket', 'x\n{{ f(1,\n2 ', 2, 5, "before the ')' that belongs to this bracket"],
    ['an unclosed string', "{{ 'abc }}", 1, 4, 'no closing quote'],
    ['an unclosed comment', 'a {# b', 1, 3, 'the comment that starts here has no end'],
    ['an unknown filter', '\n  {{ a | uper }}', 2, 10, "there is no filter 'uper'"],
    ['an unknown test', '{{ a is defned }}', 1, 9, "there is no test 'defned'"],
    ['an unknown tag', '{% iff a %}', 1, 4, "unknown tag 'iff'"],
    ['a column behind a tab', '\t{{ $ }}', 1, 5, "unexpected character '$'"],
    ['a line after CRLF line ends', 'a\r\nb\r\n{{ $ }}', 3, 4, 'unexpected character'],
    [
      'a line after a comment, a raw block and a string over lines',
      "{#\n#}{% raw %}\n{% endraw %}{{ '\n' ~ $ }}",
      4,
      5,
      'unexpected',
    ],
  ])('is found when compiling: %s', (_name, text, line, column, message) => {
    const error = errorOf(() => compileTemplate({ name: 'models/x.sql', text }));
    expect(error.message).toContain(message);
    expect(error.details).toMatchObject({ line, column });
  });

  test.each([
    ['a missing name, where it stands', '{{ 1 +\n  nope }}', 2, 3],
    ['a missing attribute, where it was asked for', '{% set a = d.zz %}\n\n{{ a }}', 1, 14],
    ['an operator', '{{ 1\n + "a" }}', 2, 2],
    ['a filter', '{{ 5 | \n length }}', 2, 2],
    ['an argument of a call', "{{ 'a'.split(\n nope) }}", 2, 2],
    ['the items of a loop', '{% for a in\n 5 %}{% endfor %}', 2, 2],
    ['names for values', '{% set\n a, b = [1] %}', 2, 2],
  ])('is found when rendering: %s', (_name, text, line, column) => {
    expect(errorOf(() => render(text, { d: {} })).details).toMatchObject({ line, column });
  });

  test('inside of macros names the calls that led there', () => {
    const macros = registryOf({
      'shop/outer.sql': '{% macro outer(n) %}\n{{ shop.inner(n) }}\n{% endmacro %}',
      'shop/inner.sql': '\n{% macro inner(n) %}{{ n + "x" }}{% endmacro %}',
    });
    const error = errorOf(() => render('select\n  {{ outer(1) }}', {}, { macros }));
    expect(error.message).toBe(
      [
        "shop/inner.sql:2:26: '+' is not defined between an int and a str",
        '  2 | {% macro inner(n) %}{{ n + "x" }}{% endmacro %}',
        '    |                          ^',
        '  in macro inner (shop/inner.sql:2), called from shop/outer.sql:2:9',
        '  in macro outer (shop/outer.sql:1), called from models/x.sql:2:6',
      ].join('\n'),
    );
    expect(error.details['stack']).toEqual([
      { macro: 'macro outer (shop/outer.sql:1)', calledFrom: 'models/x.sql:2:6' },
      { macro: 'macro inner (shop/inner.sql:2)', calledFrom: 'shop/outer.sql:2:9' },
    ]);
  });

  test('after a macro that ended well does not name that macro', () => {
    const error = errorOf(() => render('{% macro m() %}{% endmacro %}{{ m() }}\n{{ nope }}'));
    expect(error.message).not.toContain('macro');
  });

  test.each([
    ['an attribute of a dict', '{{ target.nmae }}', "Did you mean 'name'?"],
    ['a method', "{{ 'a'.uper() }}", "Did you mean 'upper'?"],
    ['a name set by the template', '{% set customer_ids = [] %}{{ customer_id }}', "Did you mean 'customer_ids'?"],
    ['a built-in function', '{{ nmespace() }}', "Did you mean 'namespace'?"],
    ['an argument of a macro', '{% macro m(columns) %}{% endmacro %}{{ m(column=1) }}', "Did you mean 'columns'?"],
    ['an argument of a filter', "{{ 'a'|replace('a', nwe='b') }}", "Did you mean 'new'?"],
    ['SQL habits', '{{ null }}', 'Jinja writes none.'],
    ['texts added', "{{ 'a' + 1 }}", 'Join texts with ~.'],
    [
      'a generator printed',
      "{{ [1]|map('string') }}",
      'Filters like map and select give their items one by one: add | list.',
    ],
    ['a function printed', '{{ range }}', 'Call it, with parentheses behind its name.'],
    [
      'an import',
      "{% import 'x' as y %}",
      'Put what templates share into a macro: every file in macros/ is known by its macro names, those of a package as package.macro().',
    ],
  ])('says what to do: %s', (_name, text, hint) => {
    expect(errorOf(() => render(text, { target: { name: 'dev' } })).hint).toBe(hint);
  });

  test.each([
    'import',
    'from',
    'include',
    'extends',
    'block',
    'autoescape',
    'switch',
    'verbatim',
    'asyncEach',
    'ifAsync',
  ])('is every tag of nunjucks or Jinja that has no place here: %s', (tag) => {
    expect(errorOf(() => compileTemplate({ name: 'x.sql', text: `{% ${tag} 'a' %}` })).code).toBe('compile_error');
  });

  test.each(['random', 'safe', 'e', 'escape', 'forceescape', 'striptags', 'urlize', 'xmlattr', 'wordwrap'])(
    'is every filter without a meaning here: %s',
    (filter) => {
      const error = errorOf(() => compileTemplate({ name: 'x.sql', text: `{{ a | ${filter} }}` }));
      expect(error.message).toContain('is not supported');
      expect(error.hint).toBeDefined();
    },
  );

  test('of a recursive loop is refused with the way to write it', () => {
    const error = errorOf(() => render('{% for a in [] recursive %}{% endfor %}'));
    expect(error.hint).toContain('macro that calls itself');
  });
});

describe('an error of the host', () => {
  test('keeps its code and hint and gets the place added', () => {
    const ref = hostFunction(() => {
      throw new SluiceError('env_missing', "no variable 'X'", { hint: 'Set X.', details: { variable: 'X' } });
    });
    const error = errorOf(() => render('a\n{{ ref() }}', { ref }));
    expect(error.code).toBe('env_missing');
    expect(error.hint).toBe('Set X.');
    expect(error.message).toMatch(/^models\/x\.sql:2:4: no variable 'X'\n {2}2 \| \{\{ ref\(\) \}\}/);
    expect(error.details).toMatchObject({ variable: 'X', file: 'models/x.sql', line: 2 });
  });

  test('that is no SluiceError becomes a compile error with its cause', () => {
    const cause = new TypeError('boom');
    const broken = hostFunction(() => {
      throw cause;
    });
    const error = errorOf(() => render('{{ broken() }}', { broken }));
    expect(error.code).toBe('compile_error');
    expect(error.message).toContain('models/x.sql:1:4: boom');
    expect(error.cause).toBe(cause);
  });

  test('that only interrupts the rendering passes as it is', () => {
    const interrupt = new RenderInterrupt({ sql: 'select 1' });
    const query = hostFunction(() => {
      throw interrupt;
    });
    const macros = registryOf({ 'shop/m.sql': '{% macro m() %}{% set a %}{{ query() }}{% endset %}{% endmacro %}' });
    expect(() => render('{{ m() }}', { query }, { macros })).toThrow(interrupt);
  });

  test('that the host catches leaves the rendering as it was', () => {
    const attempt = hostFunction((args, _kwargs, state) => {
      try {
        return state.call(args[0] ?? null);
      } catch (error) {
        return error instanceof SluiceError ? `<${error.message.split('\n', 1)[0] ?? ''}>` : 'other';
      }
    });
    const text = '{% macro m() %}lost{{ nope }}{% endmacro %}a{{ attempt(m) }}b{{ 1 }}';
    expect(render(text, { attempt })).toBe("a<models/x.sql:1:23: 'nope' is undefined>b1");
    const later = errorOf(() => render(`${text}\n{{ nope }}`, { attempt }));
    expect(later.message).toBe("models/x.sql:2:4: 'nope' is undefined\n  2 | {{ nope }}\n    |    ^");
  });
});
