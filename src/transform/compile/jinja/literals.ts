/** Expressions whose value is known without rendering. */
import type { ExpressionNode } from './ast.ts';
import { DictValue } from './dict.ts';
import { TemplateFault } from './fault.ts';
import { makeFloat, negate } from './numbers.ts';
import { parseTemplate } from './template-parser.ts';
import { TupleValue, type Value } from './values.ts';

/** undefined: something in it has to be evaluated. */
export function literalValue(node: ExpressionNode): Value | undefined {
  switch (node.typename) {
    case 'Literal':
      return node.value;
    case 'Float':
      return makeFloat(node.value);
    case 'Array':
      return literalItems(node.children);
    case 'Tuple': {
      const items = literalItems(node.items);
      return items === undefined ? undefined : new TupleValue(items);
    }
    case 'Dict': {
      const keys = literalItems(node.children.map((pair) => pair.key));
      const values = literalItems(node.children.map((pair) => pair.value));
      if (keys === undefined || values === undefined) return undefined;
      return new DictValue(keys.map((key, i) => [key, values[i] ?? null]));
    }
    case 'Neg': {
      const value = literalValue(node.target);
      return value === undefined ? undefined : negate(value);
    }
    default:
      return undefined;
  }
}

function literalItems(nodes: readonly ExpressionNode[]): Value[] | undefined {
  const items: Value[] = [];
  for (const node of nodes) {
    const value = literalValue(node);
    if (value === undefined) return undefined;
    items.push(value);
  }
  return items;
}

/** Reads a text as a literal, as Python's literal_eval does; undefined: it is none. */
export function readLiteral(text: string): Value | undefined {
  try {
    const [statement, ...rest] = parseTemplate({ name: 'literal', text: `{{ ${text} }}` }).children;
    if (statement?.typename !== 'Output' || rest.length > 0) return undefined;
    const [node, ...more] = statement.children;
    if (node === undefined || node.typename === 'TemplateData' || more.length > 0) return undefined;
    return literalValue(node);
  } catch (error) {
    if (error instanceof TemplateFault) return undefined;
    throw error;
  }
}
