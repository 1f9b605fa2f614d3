/** Arguments of a generic test: YAML values, of which text with `{{ … }}` or of the form `ref('x')` is evaluated, as in dbt. */
import type { YamlValue } from '../../config/yaml-source.ts';
import { isMap } from './config-reader.ts';
import type { NodeScope } from './context/scope.ts';
import { DictValue, fromPlain, type Value } from './jinja/index.ts';
import type { Renderer } from './renderer.ts';

/** A call and nothing else: `ref('customer')`, `source('raw', 'events')`, `var('x')`. */
const CALL = /^\s*(?:ref|source|var|env_var|target|this|api)\b[\w.]*\s*\(.*\)\s*$/s;

export function testArguments(
  renderer: Renderer,
  file: string,
  args: Readonly<Record<string, YamlValue>>,
  model: Value,
  scope: NodeScope,
): ReadonlyMap<string, Value> {
  const evaluate = (value: YamlValue): Value => {
    if (typeof value === 'string') {
      if (value.includes('{{') || value.includes('{%')) return renderer.evaluate(value, { file }, scope);
      return CALL.test(value) ? renderer.evaluate(`{{ ${value} }}`, { file }, scope) : value;
    }
    if (Array.isArray(value)) return (value as readonly YamlValue[]).map(evaluate);
    if (isMap(value)) return new DictValue(Object.entries(value).map(([key, inner]) => [key, evaluate(inner)]));
    return fromPlain(value);
  };
  const evaluated = Object.entries(args).map(([name, value]): [string, Value] => [
    name,
    name === 'column_name' && typeof value === 'string' ? value : evaluate(value),
  ]);
  return new Map<string, Value>([['model', model], ...evaluated]);
}
