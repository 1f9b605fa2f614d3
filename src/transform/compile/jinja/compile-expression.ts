/** Expressions: from nodes to closures. Every closure that can fail first says where it stands (`state.site`). */
import type {
  ArgumentsNode,
  AttributeNode,
  BinaryNode,
  CallNode,
  CompareNode,
  CompareOperator,
  DictNode,
  ExpressionNode,
  FilterNode,
  InlineIfNode,
  SliceNode,
  TestNode,
  UnaryNode,
} from './ast.ts';
import { findMethod, getAttribute, getItem } from './attributes.ts';
import type { CompileUnit } from './compile-unit.ts';
import { DictValue } from './dict.ts';
import { fail } from './fault.ts';
import { findFilter, findTest } from './filters.ts';
import type { Evaluate } from './macro-value.ts';
import { makeFloat } from './numbers.ts';
import { add, binary, contains, equals, joinTexts, ordered, signed } from './operators.ts';
import type { Scope } from './render-state.ts';
import { SliceValue, toList } from './sequences.ts';
import { isTrue } from './truth.ts';
import { type Kwargs, NO_KWARGS, TupleValue, described, UndefinedValue, type Value } from './values.ts';

type Truth = (scope: Scope) => boolean;

/** Names that tell the block around them what it has to provide. */
const MENTIONED: ReadonlySet<string> = new Set(['loop', 'caller', 'varargs', 'kwargs']);

export function compileExpression(unit: CompileUnit, node: ExpressionNode): Evaluate {
  switch (node.typename) {
    case 'Literal': {
      const { value } = node;
      return () => value;
    }
    case 'Float': {
      const value = makeFloat(node.value);
      return () => value;
    }
    case 'Symbol':
      return compileName(unit, node.value, node);
    case 'Array':
      return compileItems(unit, node.children);
    case 'Tuple': {
      const items = compileItems(unit, node.items);
      return (scope) => new TupleValue(items(scope));
    }
    case 'Dict':
      return compileDict(unit, node);
    case 'Attribute':
      return compileAttribute(unit, node);
    case 'LookupVal': {
      const site = unit.site(node);
      const target = compileExpression(unit, node.target);
      const key = compileExpression(unit, node.val);
      return (scope) => {
        const value = target(scope);
        const wanted = key(scope);
        scope.state.site = site;
        return located(getItem(value, wanted), site);
      };
    }
    case 'Slice':
      return compileSlice(unit, node);
    case 'FunCall':
      return compileCall(unit, node);
    case 'FilterCall':
      return compileFilter(unit, node);
    case 'Test':
      return compileTest(unit, node);
    case 'InlineIf':
      return compileInlineIf(unit, node);
    case 'Join': {
      const site = unit.site(node);
      const parts = compileItems(unit, node.parts);
      return (scope) => {
        const values = parts(scope);
        scope.state.site = site;
        return joinTexts(values);
      };
    }
    case 'Compare':
      return compileCompare(unit, node);
    case 'Not':
    case 'Neg':
    case 'Pos':
      return compileUnary(unit, node);
    default:
      return compileBinary(unit, node);
  }
}

/** A missing attribute remembers where it was asked for. */
function located(value: Value, site: UndefinedValue['site']): Value {
  if (value instanceof UndefinedValue) value.site ??= site;
  return value;
}

function compileName(unit: CompileUnit, name: string, node: ExpressionNode): Evaluate {
  if (MENTIONED.has(name)) unit.mention(name);
  const site = unit.site(node);
  return (scope) => scope.get(name, site);
}

function compileItems(unit: CompileUnit, nodes: readonly ExpressionNode[]): (scope: Scope) => Value[] {
  const items = nodes.map((node) => compileExpression(unit, node));
  const [first, second] = items;
  if (first === undefined) return () => [];
  if (second === undefined) return (scope) => [first(scope)];
  if (items.length === 2) return (scope) => [first(scope), second(scope)];
  return (scope) => items.map((item) => item(scope));
}

function compileDict(unit: CompileUnit, node: DictNode): Evaluate {
  const site = unit.site(node);
  const pairs = node.children.map(
    (pair) => [compileExpression(unit, pair.key), compileExpression(unit, pair.value)] as const,
  );
  return (scope) => {
    const dict = new DictValue();
    for (const [key, value] of pairs) {
      const name = key(scope);
      const item = value(scope);
      scope.state.site = site;
      dict.set(name, item);
    }
    return dict;
  };
}

function compileAttribute(unit: CompileUnit, node: AttributeNode): Evaluate {
  const site = unit.site(node);
  const target = compileExpression(unit, node.target);
  const { name } = node;
  return (scope) => {
    const value = target(scope);
    scope.state.site = site;
    return located(getAttribute(value, name), site);
  };
}

function compileSlice(unit: CompileUnit, node: SliceNode): Evaluate {
  const bound = (part: ExpressionNode | null): Evaluate => (part === null ? () => null : compileExpression(unit, part));
  const start = bound(node.start);
  const stop = bound(node.stop);
  const step = bound(node.step);
  return (scope) => new SliceValue(start(scope), stop(scope), step(scope));
}

interface CompiledArguments {
  readonly args: (scope: Scope) => readonly Value[];
  readonly kwargs: (scope: Scope) => Kwargs;
}

export function compileArguments(unit: CompileUnit, node: ArgumentsNode): CompiledArguments {
  const positional = compileItems(unit, node.positional);
  const spread = node.spread === null ? undefined : compileExpression(unit, node.spread);
  return {
    args: spread === undefined ? positional : (scope) => [...positional(scope), ...toList(spread(scope))],
    kwargs: compileKeywords(unit, node),
  };
}

function compileKeywords(unit: CompileUnit, node: ArgumentsNode): (scope: Scope) => Kwargs {
  const names = new Set<string>();
  const keywords = node.keywords.map(({ name, value }) => {
    if (names.has(name)) unit.refuse(value, `the argument '${name}' stands twice`);
    names.add(name);
    return [name, compileExpression(unit, value)] as const;
  });
  const spread = node.keywordSpread === null ? undefined : compileExpression(unit, node.keywordSpread);
  if (keywords.length === 0 && spread === undefined) return () => NO_KWARGS;
  return (scope) => {
    const kwargs = new Map<string, Value>();
    for (const [name, value] of keywords) kwargs.set(name, value(scope));
    if (spread !== undefined) spreadInto(kwargs, spread(scope));
    return kwargs;
  };
}

function spreadInto(kwargs: Map<string, Value>, value: Value): void {
  if (value instanceof UndefinedValue) value.raise();
  if (!(value instanceof DictValue)) fail(`** takes a dict, not ${described(value)}`);
  for (const [name, item] of value.entries()) {
    if (typeof name !== 'string') fail('the keys of a dict behind ** must be texts');
    if (kwargs.has(name)) fail(`the argument '${name}' was given twice`);
    kwargs.set(name, item);
  }
}

export function compileCall(unit: CompileUnit, node: CallNode): Evaluate {
  unit.record(node);
  const site = unit.site(node);
  const { args, kwargs } = compileArguments(unit, node.args);
  if (node.name.typename === 'Attribute') return compileMethodCall(unit, node.name, { args, kwargs });
  const callee = compileExpression(unit, node.name);
  return (scope) => {
    const called = callee(scope);
    const values = args(scope);
    const named = kwargs(scope);
    scope.state.site = site;
    return scope.state.invoke(called, values, named);
  };
}

/** `value.method(…)` without a value for the method alone. */
function compileMethodCall(unit: CompileUnit, node: AttributeNode, { args, kwargs }: CompiledArguments): Evaluate {
  const site = unit.site(node);
  const target = compileExpression(unit, node.target);
  const { name } = node;
  const label = `${name}()`;
  return (scope) => {
    const { state } = scope;
    const self = target(scope);
    state.site = site;
    const method = findMethod(self, name);
    const called = method === undefined ? located(getAttribute(self, name), site) : null;
    const values = args(scope);
    const named = kwargs(scope);
    state.site = site;
    if (method === undefined) return state.invoke(called, values, named);
    state.step();
    return method.run(label, self, values, named, state);
  };
}

/** `text` is the value of a filter whose own target is null: the text of a filter or set block. */
export function compileFilter(unit: CompileUnit, node: FilterNode, text?: Evaluate): Evaluate {
  const site = unit.site(node);
  const filter = unit.at(node, () => findFilter(node.name));
  const label = `the filter ${node.name}`;
  const target = compileFilterTarget(unit, node, text);
  const { args, kwargs } = compileArguments(unit, node.args);
  return (scope) => {
    const value = target(scope);
    const values = args(scope);
    const named = kwargs(scope);
    scope.state.site = site;
    scope.state.step();
    return located(filter.run(label, value, values, named, scope.state), site);
  };
}

function compileFilterTarget(unit: CompileUnit, node: FilterNode, text: Evaluate | undefined): Evaluate {
  if (node.target === null) return text ?? unit.refuse(node, 'a filter without a value');
  return node.target.typename === 'FilterCall'
    ? compileFilter(unit, node.target, text)
    : compileExpression(unit, node.target);
}

function compileTest(unit: CompileUnit, node: TestNode): Evaluate {
  const site = unit.site(node);
  const test = unit.at(node, () => findTest(node.name));
  const label = `the test ${node.name}`;
  const target = compileExpression(unit, node.target);
  const { args, kwargs } = compileArguments(unit, node.args);
  return (scope) => {
    const value = target(scope);
    const values = args(scope);
    const named = kwargs(scope);
    scope.state.site = site;
    return test.run(label, value, values, named, scope.state);
  };
}

/** A condition; the place is that of the expression, so that an undefined name in it is shown. */
export function compileTruth(unit: CompileUnit, node: ExpressionNode): Truth {
  const site = unit.site(node);
  const value = compileExpression(unit, node);
  return (scope) => {
    const result = value(scope);
    if (typeof result === 'boolean') return result;
    scope.state.site = site;
    return isTrue(result);
  };
}

function compileInlineIf(unit: CompileUnit, node: InlineIfNode): Evaluate {
  const condition = compileTruth(unit, node.cond);
  const site = unit.site(node);
  const [body, otherwise] = unit.conditionally((): [Evaluate, Evaluate | undefined] => [
    compileExpression(unit, node.body),
    node.else_ === null ? undefined : compileExpression(unit, node.else_),
  ]);
  if (otherwise !== undefined) return (scope) => (condition(scope) ? body(scope) : otherwise(scope));
  // Jinja's plain Undefined, whatever the environment says: it prints as nothing.
  const message = 'the inline if has no else, and its condition is false';
  return (scope) => (condition(scope) ? body(scope) : located(new UndefinedValue(message, undefined, true), site));
}

const COMPARE: Readonly<Record<CompareOperator, (a: Value, b: Value) => boolean>> = {
  '==': (a, b) => equals(a, b),
  '!=': (a, b) => !equals(a, b),
  '<': (a, b) => ordered('<', a, b),
  '<=': (a, b) => ordered('<=', a, b),
  '>': (a, b) => ordered('>', a, b),
  '>=': (a, b) => ordered('>=', a, b),
  in: (a, b) => contains(b, a),
  'not in': (a, b) => !contains(b, a),
};

function compileCompare(unit: CompileUnit, node: CompareNode): Evaluate {
  const first = compileExpression(unit, node.expr);
  const operands = node.ops.map((operand) => ({
    compare: COMPARE[operand.type],
    value: compileExpression(unit, operand.expr),
    site: unit.site(operand),
  }));
  return (scope) => {
    let left = first(scope);
    for (const { compare, value, site } of operands) {
      const right = value(scope);
      scope.state.site = site;
      if (!compare(left, right)) return false;
      left = right;
    }
    return true;
  };
}

function compileUnary(unit: CompileUnit, node: UnaryNode): Evaluate {
  if (node.typename === 'Not') {
    const truth = compileTruth(unit, node.target);
    return (scope) => !truth(scope);
  }
  const site = unit.site(node);
  const sign = node.typename === 'Neg' ? '-' : '+';
  const target = compileExpression(unit, node.target);
  return (scope) => {
    const value = target(scope);
    scope.state.site = site;
    return signed(sign, value);
  };
}

function compileBinary(unit: CompileUnit, node: BinaryNode): Evaluate {
  const site = unit.site(node);
  const { typename } = node;
  const left = compileExpression(unit, node.left);
  if (typename === 'And' || typename === 'Or') {
    const right = unit.conditionally(() => compileExpression(unit, node.right));
    return typename === 'And' ? compileAnd(left, right, site) : compileOr(left, right, site);
  }
  const right = compileExpression(unit, node.right);
  return (scope) => {
    const a = left(scope);
    const b = right(scope);
    scope.state.site = site;
    return typename === 'Add' ? add(a, b) : binary(typename, a, b);
  };
}

type SiteOf = ReturnType<CompileUnit['site']>;

function compileAnd(left: Evaluate, right: Evaluate, site: SiteOf): Evaluate {
  return (scope) => {
    const value = left(scope);
    scope.state.site = site;
    return isTrue(value) ? right(scope) : value;
  };
}

/** What is undefined counts as false on the left side: `x or 'default'` names what stands in for it, as default() does. */
function compileOr(left: Evaluate, right: Evaluate, site: SiteOf): Evaluate {
  return (scope) => {
    const value = left(scope);
    scope.state.site = site;
    return !(value instanceof UndefinedValue) && isTrue(value) ? value : right(scope);
  };
}
