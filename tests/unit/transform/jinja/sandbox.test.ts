import { describe, expect, test } from 'vitest';
import {
  compileTemplate,
  fromPlain,
  hostFunction,
  hostObject,
  toPlain,
  type Value,
} from '../../../../src/transform/compile/jinja/index.ts';
import { errorOf, namesOf, registryOf, render } from './rendering.ts';

/** Every kind of value that a template can get hold of. */
const TARGETS = [
  "''",
  '1',
  '1.0',
  '1e999',
  '12345678901234567890',
  'true',
  'none',
  '[]',
  '{}',
  '(1, 2)',
  'range(3)',
  'range',
  'namespace()',
  'dict()',
  'cycler(1)',
  'joiner()',
  "[1]|map('string')",
  "[1]|map('string')|list",
  "{'a': 1}.items()",
  "'a'.upper",
  '[].append',
  'set([1])',
  'host',
  'host.method',
  'fn',
  'plain',
  'mac',
  'pkg',
  'pkg.m',
  'adapter',
  "('a' if false)",
  'd.missing|default([])',
];

const NAMES = [
  'constructor',
  '__proto__',
  'prototype',
  'hasOwnProperty',
  'toString',
  'valueOf',
  'isPrototypeOf',
  '__defineGetter__',
  '__lookupGetter__',
  'caller',
  'callee',
  'arguments',
  'call',
  'apply',
  'bind',
  'then',
  '__class__',
  '__mro__',
  '__globals__',
  '__init__',
  '__dict__',
  'members',
  'site',
];

const names = {
  host: hostObject({ method: hostFunction(() => 1), value: 1 }, { text: () => 'host' }),
  fn: hostFunction(() => 1),
  plain: { a: [1, { b: 2 }] },
  adapter: hostObject({}),
  d: {},
};
const macros = registryOf({ 'pkg/m.sql': '{% macro m() %}x{% endmacro %}' });

/** Names that are real members in Python or here, so that finding them is right. */
const REAL: ReadonlySet<string> = new Set(['mac.arguments', 'pkg.m.arguments']);

describe('a template reaches no JavaScript', () => {
  test.each(TARGETS)('neither by attribute nor by subscript of %s', (target) => {
    for (const name of NAMES) {
      if (REAL.has(`${target}.${name}`)) continue;
      const text = `{% macro mac() %}{% endmacro %}{{ (${target}).${name} is defined }}{{ (${target})['${name}'] is defined }}`;
      const result = ((): string => {
        try {
          return render(text, names, { macros });
        } catch (error) {
          // Generators and undefined values take no attributes at all.
          expect(error).toHaveProperty('code', 'compile_error');
          return 'FalseFalse';
        }
      })();
      expect(result, `${target}.${name}`).toBe('FalseFalse');
    }
  });

  test.each(NAMES)('the name %s is undefined', (name) => {
    if (name === 'caller') return expect(render('{{ caller is defined }}')).toBe('False');
    expect(errorOf(() => render(`{{ ${name} }}`, names)).message).toContain('is undefined');
    return undefined;
  });

  test.each([
    "{{ {}.constructor.constructor('return process')() }}",
    "{{ ''.constructor.constructor('return process')().exit() }}",
    "{{ range.constructor('return globalThis.process')() }}",
    '{{ [].__proto__.push(1) }}',
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ host['const' ~ 'ructor']('x') }}",
    "{{ (host|attr('constructor'))('x') }}",
    "{{ [host]|map(attribute='constructor')|list|first() }}",
    "{{ [host]|map(attribute='constructor.constructor')|join }}",
    "{{ [1]|map('constructor')|list }}",
    "{{ [1]|select('constructor')|list }}",
    '{{ 1|constructor }}',
    '{{ 1 is constructor }}',
    "{{ '{0.constructor}'.format('') }}",
    "{{ '{0.constructor.constructor}'.format(host) }}",
    "{{ '{0[__proto__]}'.format(plain) }}",
    "{{ '%(constructor)s' % {} }}",
    '{{ process.exit() }}',
    '{{ globalThis }}',
    "{{ require('fs') }}",
    "{{ import('fs') }}",
    '{{ this.constructor }}',
    '{% set host.value = 2 %}',
    '{% set plain.a = 2 %}',
    '{{ fn.call(1) }}',
    '{{ host.method.apply(host, []) }}',
    '{{ pkg.constructor }}',
    "{% include '../../etc/passwd' %}",
    "{% import '/etc/passwd' as p %}",
  ])('attack: %s', (text) => {
    expect(errorOf(() => render(text, names, { macros })).code).toBe('compile_error');
  });

  test('keys like __proto__ are plain keys, in both directions', () => {
    expect(
      render("{% set d = {'__proto__': 1, 'constructor': 2} %}{{ d.__proto__ }}{{ d['constructor'] }}{{ d }}"),
    ).toBe("12{'__proto__': 1, 'constructor': 2}");
    expect(render('{{ fromjson(\'{"__proto__": {"polluted": 1}}\') }}{{ dict(__proto__=1) }}')).toBe(
      "{'__proto__': {'polluted': 1}}{'__proto__': 1}",
    );
    expect(render('{% macro m() %}{{ kwargs }}{% endmacro %}{{ m(__proto__=1, constructor=2) }}')).toBe(
      "{'__proto__': 1, 'constructor': 2}",
    );
    expect(
      render('{% set ns = namespace(__proto__=1) %}{% set ns.constructor = 2 %}{{ ns.__proto__ }}{{ ns.constructor }}'),
    ).toBe('12');
    const plain = toPlain(
      compileTemplate({ name: 'x', text: "{{ {'__proto__': {'a': 1}} }}" }).evaluate({ names: new Map() }),
    );
    expect(Object.getPrototypeOf(plain)).toBeNull();
    expect(JSON.stringify(plain)).toBe('{"__proto__":{"a":1}}');
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });

  test('calls found in the text carry keys like __proto__ as plain keys', () => {
    const [call] = compileTemplate({ name: 'x', text: "{{ config(__proto__=1, meta={'__proto__': 2}) }}" }).calls;
    expect(Object.getPrototypeOf(call?.kwargs)).toBeNull();
    expect(JSON.stringify(call?.kwargs)).toBe('{"__proto__":1,"meta":{"__proto__":2}}');
  });

  test('names of a context are looked up in it alone', () => {
    expect(compileTemplate({ name: 'x', text: '{{ toString is defined }}' }).render({ names: new Map() })).toBe(
      'False',
    );
    expect(render('{{ a }}', { a: JSON.parse('{"__proto__": 1}') as unknown })).toBe("{'__proto__': 1}");
  });

  test('only plain data and listed members cross over from the host', () => {
    class Secret {
      readonly token = 'x';
    }
    expect(() => fromPlain(new Secret())).toThrow('only plain objects');
    expect(() => fromPlain(() => 1)).toThrow('function');
    expect(() => fromPlain(Symbol('a'))).toThrow('symbol');
    expect(() => fromPlain(new Date(0))).toThrow('only plain objects');
    const names = namesOf({ o: hostObject({ shown: 1 }) });
    const compiled = compileTemplate({ name: 'x', text: '{{ o.shown }}{{ o.hidden is defined }}' });
    expect(compiled.render({ names })).toBe('1False');
  });

  test('a host object keeps its members even when the record it was made from changes', () => {
    const members: Record<string, Value> = { a: 1 };
    const object = hostObject(members);
    members['b'] = 2;
    expect(render('{{ o.a }}{{ o.b is defined }}', { o: object })).toBe('1False');
  });
});
