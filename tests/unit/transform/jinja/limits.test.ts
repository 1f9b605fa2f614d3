import { describe, expect, test } from 'vitest';
import { compileTemplate } from '../../../../src/transform/compile/jinja/index.ts';
import { errorOf, registryOf, render } from './rendering.ts';

const GROW = "{% set ns = namespace(s='x', l=[1]) %}{% for i in range(60) %}";

describe('a template that goes too far ends with a message', () => {
  test.each([
    ['a loop in a loop in a loop', `${'{% for a in range(1000) %}'.repeat(3)}x${'{% endfor %}'.repeat(3)}`, 'steps'],
    [
      'a list that its own loop adds to',
      '{% set l = [1] %}{% for a in l %}{% do l.append(a) %}{% endfor %}',
      'more than',
    ],
    ['output without end', "{% for a in range(100000) %}{{ 'x' * 1000 }}{% endfor %}", 'characters'],
    ['a text that doubles', `${GROW}{% set ns.s = ns.s ~ ns.s %}{% endfor %}`, 'characters'],
    ['a text added to itself', `${GROW}{% set ns.s = ns.s + ns.s %}{% endfor %}`, 'characters'],
    ['a list that doubles', `${GROW}{% set ns.l = ns.l + ns.l %}{% endfor %}`, 'items'],
    ['a list extended by itself', `${GROW}{% do ns.l.extend(ns.l) %}{% endfor %}`, 'items'],
    ['a text times a number', "{{ 'x' * 10 ** 12 }}", 'characters'],
    ['a list times a number', '{{ [1] * 10 ** 12 }}', 'items'],
    ['a replacement that grows', "{% set s = 'a' * 100000 %}{{ s.replace('a', s) }}", 'characters'],
    ['a width', "{{ 'x'.ljust(10 ** 12) }}", 'characters'],
    ['a width in a format', "{{ '%999999999999d' % 1 }}", 'characters'],
    ['a width in a brace format', "{{ '{:999999999999}'.format(1) }}", 'characters'],
    ['an indention', "{{ 'a\nb'|indent(10 ** 12) }}", 'characters'],
    ['a join', "{% set s = 'a' * 1000000 %}{{ ([s] * 100)|join }}", 'characters'],
    ['a range', '{{ range(10 ** 12)|list }}', 'range'],
    ['a power', '{{ 10 ** (10 ** 10) }}', 'bits'],
    [
      'squares of squares',
      '{% set ns = namespace(n=7) %}{% for i in range(60) %}{% set ns.n = ns.n * ns.n %}{% endfor %}',
      'bits',
    ],
    ['a list that holds itself', '{% set l = [] %}{% do l.append(l) %}{{ l }}', 'contains itself'],
    [
      'such a list compared',
      '{% set l = [] %}{% do l.append(l) %}{% set m = [] %}{% do m.append(m) %}{{ l == m }}',
      'contain themselves',
    ],
    ['such a list as JSON', '{% set l = [] %}{% do l.append(l) %}{{ l|tojson }}', 'contains itself'],
    ['a macro that calls itself', '{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}', 'deep'],
    [
      'a call block that calls itself',
      '{% macro m() %}{{ caller() }}{% endmacro %}{% macro k() %}{% call m() %}{{ k() }}{% endcall %}{% endmacro %}{{ k() }}',
      'deep',
    ],
  ])('%s', (_name, text, message) => {
    const error = errorOf(() => render(text));
    expect(error.code).toBe('compile_error');
    expect(error.message).toContain(message);
    expect(error.details).toMatchObject({ file: 'models/x.sql' });
  });

  test('macros can be nested as deep as the limit without using up the stack, whatever stands around the call', () => {
    const body =
      '{% if n > 0 %}{% for a in [1] %}{% with b = 1 %}{% set c %}{% filter upper %}{{ [m(n - 1) ~ "" if true else ""]|join }}{% endfilter %}{% endset %}{{ c }}{% endwith %}{% endfor %}{% else %}end{% endif %}';
    expect(render(`{% macro m(n) %}${body}{% endmacro %}{{ m(190) }}`)).toBe('END');
    const error = errorOf(() => render(`{% macro m(n) %}${body}{% endmacro %}{{ m(500) }}`));
    expect(error.message).toContain('more than 200 deep');
    expect(error.hint).toContain('calls itself');
  });

  test('the calls shown of a runaway recursion are few', () => {
    const macros = registryOf({ 'shop/m.sql': '{% macro m() %}{{ m() }}{% endmacro %}' });
    const { message } = errorOf(() => render('{{ m() }}', {}, { macros }));
    expect(message.split('\n').length).toBeLessThan(20);
    expect(message).toMatch(/and \d+ more calls$/);
  });

  test.each([
    ['brackets', `{{ ${'('.repeat(20_000)}1${')'.repeat(20_000)} }}`],
    ['lists', `{{ ${'['.repeat(20_000)}${']'.repeat(20_000)} }}`],
    ['operators', `{{ 1${' + 1'.repeat(200_000)} }}`],
    ['blocks', `${'{% if true %}'.repeat(20_000)}${'{% endif %}'.repeat(20_000)}`],
    ['nots', `{{ ${'not '.repeat(50_000)}1 }}`],
  ])('a template nested too deeply is a mistake, not a crash: %s', (_name, text) => {
    expect(errorOf(() => render(text)).code).toBe('compile_error');
  });

  test('many comments, texts and tags in a row are no problem', () => {
    expect(render('{##}'.repeat(50_000))).toBe('');
    expect(render('a{{ 1 }}'.repeat(20_000)).length).toBe(40_000);
    expect(render(`{{ 'a'${" ~ 'b'".repeat(5000)} }}`).length).toBe(5001);
  });

  test('a host can set limits of its own', () => {
    const compiled = compileTemplate({ name: 'x.sql', text: '{% for a in range(100) %}{{ a }}{% endfor %}' });
    const names = new Map();
    expect(errorOf(() => compiled.render({ names, limits: { maxSteps: 50 } })).message).toContain('more than 50 steps');
    expect(errorOf(() => compiled.render({ names, limits: { maxTextChars: 50 } })).message).toContain(
      'more than 50 characters',
    );
    expect(compiled.render({ names })).toHaveLength(190);
  });
});
