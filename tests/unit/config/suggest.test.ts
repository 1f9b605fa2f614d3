import { describe, expect, test } from 'vitest';
import { parseDurationMs } from '../../../src/config/duration.ts';
import { evaluateText, parseExpression, variablesOf } from '../../../src/config/expression.ts';
import { closest, didYouMean } from '../../../src/config/suggest.ts';

describe('did you mean', () => {
  test.each([
    ['timzone', ['timezone', 'target'], 'timezone'],
    ['modle-paths', ['model-paths', 'macro-paths'], 'model-paths'],
    ['modelPaths', ['model-paths', 'macro-paths'], 'model-paths'],
    ['CUSTOMER', ['customer'], 'customer'],
    ['rnu', ['run', 'ls'], 'run'],
    ['foo', ['bar', 'timezone'], undefined],
    ['', ['a'], undefined],
    ['x'.repeat(100_000), ['timezone'], undefined],
  ])('%s', (word, known, expected) => {
    expect(closest(word, known)).toBe(expected);
  });

  test('is a sentence, or nothing', () => {
    expect(didYouMean('timzone', ['timezone'])).toBe('; did you mean "timezone"?');
    expect(didYouMean('foo', ['bar'])).toBe('');
  });
});

describe('durations', () => {
  test.each([
    ['5 minutes', 300_000],
    ['30s', 30_000],
    ['1 h', 3_600_000],
    ['1.5 hours', 5_400_000],
    ['2 days', 172_800_000],
    ['250ms', 250],
    ['5', undefined],
    ['minutes', undefined],
    ['-5 minutes', undefined],
    ['5 fortnights', undefined],
  ])('%s', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });
});

describe('expressions', () => {
  test.each([
    ['plain', {}, 'plain'],
    [`{{ env_var('A') }}`, { A: 'x' }, 'x'],
    [`{{env_var("A")}}/{{ env_var('B', "y") }}`, { A: 'x' }, 'x/y'],
    [`{{ env_var('A', 'it\\'s') }}`, {}, `it's`],
    [`{{ env_var('A', 4) }}`, {}, '4'],
    [`{{ env_var('A', 'd') | as_number }}`, { A: '7' }, '7'],
    [`{{ 'literal' }} {{ 3 }}`, {}, 'literal 3'],
    [`{{ env_var('A', 'default') }}`, { A: '' }, 'default'],
    [`{{ env_var('A', '') }}`, {}, ''],
  ])('%s', (text, env, expected) => {
    expect(evaluateText(text, env, 'here')).toBe(expected);
  });

  test.each([
    '{{ var("x") }}',
    '{{ env_var() }}',
    '{{ env_var(A) }}',
    '{% if x %}',
    '{{ env_var("A"',
    `{{ env_var('A').constructor }}`,
  ])('%s is refused', (text) => {
    expect(parseExpression(text)).toHaveProperty('error');
  });

  test('a missing variable is named with its place', () => {
    expect(() => evaluateText(`{{ env_var('A') }}`, {}, 'project.yml:3:5: target')).toThrow(
      'project.yml:3:5: target needs the environment variable A, which is not set',
    );
  });

  test('the variables of a text are known without evaluating it', () => {
    expect(variablesOf(`{{ env_var('A') }}{{ env_var('B', 'x') }}`)).toEqual(['A', 'B']);
  });
});
