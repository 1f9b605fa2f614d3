import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compileTemplate, fromPlain, type Value } from '../../../../src/transform/compile/jinja/index.ts';

interface JinjaCase {
  readonly template: string;
  readonly output?: string;
  readonly error?: string;
}

// Generated from Jinja2 itself; see README.md. Integers beyond 2^53 stand in the context, hence the reviver.
const document = JSON.parse(
  readFileSync(new URL('./jinja-cases.json', import.meta.url), 'utf8'),
  (_key, value: unknown, context?: { readonly source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^\d+$/.test(context?.source ?? '')
      ? BigInt(context?.source ?? '')
      : value,
) as { readonly context: Readonly<Record<string, unknown>>; readonly cases: readonly JinjaCase[] };

function render(template: string): string {
  const names = new Map<string, Value>(
    Object.entries(document.context).map(([name, value]) => [name, fromPlain(value)]),
  );
  return compileTemplate({ name: 'case.sql', text: template }).render({ names });
}

describe('templates mean what they mean in Jinja2', () => {
  test('there are enough cases', () => {
    expect(document.cases.length).toBeGreaterThan(250);
  });

  test.each(
    document.cases.map((one, i) => ({ ...one, label: `${i}: ${one.template.slice(0, 70).replaceAll('\n', '↵')}` })),
  )('$label', ({ template, output, error }) => {
    if (error === undefined) expect(render(template)).toBe(output);
    else expect(() => render(template)).toThrow(/^case\.sql:\d+:\d+: /);
  });
});
