/** Statements: from nodes to closures. */
import type {
  BodyNode,
  CallBlockNode,
  ExpressionNode,
  FilterBlockNode,
  ForNode,
  IfNode,
  MacroNode,
  OutputNode,
  SetBlockNode,
  SetNode,
  StatementNode,
  TargetNode,
  TemplateDataNode,
  WithNode,
} from './ast.ts';
import { compileArguments, compileExpression, compileFilter, compileTruth } from './compile-expression.ts';
import { compileLoop } from './compile-loop.ts';
import type { CompileUnit } from './compile-unit.ts';
import { fail } from './fault.ts';
import { RETURN_FUNCTION } from './globals.ts';
import {
  BREAK,
  CONTINUE,
  type Control,
  type Evaluate,
  type Execute,
  type MacroCode,
  MacroValue,
  NEXT,
  RETURN,
} from './macro-value.ts';
import type { Scope } from './render-state.ts';
import { toList } from './sequences.ts';
import { toText } from './text.ts';
import { NamespaceValue, NO_KWARGS, type Value } from './values.ts';

export type Assign = (scope: Scope, value: Value) => void;

export function compileBody(unit: CompileUnit, body: BodyNode): Execute {
  const statements = body.children.map((node) => compileStatement(unit, node));
  const [only] = statements;
  if (only === undefined) return () => NEXT;
  const count = statements.length;
  return (scope) => {
    scope.state.step(count);
    for (const statement of statements) {
      const control = statement(scope);
      if (control !== NEXT) return control;
    }
    return NEXT;
  };
}

function compileStatement(unit: CompileUnit, node: StatementNode): Execute {
  switch (node.typename) {
    case 'Output':
      return compileOutput(unit, node);
    case 'If':
      return compileIf(unit, node);
    case 'ForIn':
      return compileFor(unit, node);
    case 'SetValue':
      return compileSet(unit, node);
    case 'SetBlock':
      return compileSetBlock(unit, node);
    case 'FilterBlock':
      return compileFilterBlock(unit, node);
    case 'With':
      return compileWith(unit, node);
    case 'Do':
      return compileDo(unit, node.value);
    case 'MacroBlock': {
      const code = compileMacro(unit, node);
      unit.assign(node.name);
      unit.macros.set(node, code);
      return (scope) => {
        scope.set(code.name, new MacroValue(code, { scope }));
        return NEXT;
      };
    }
    case 'CallBlock':
      return compileCallBlock(unit, node);
    case 'Jump': {
      const control: Control = node.kind === 'break' ? BREAK : CONTINUE;
      return () => control;
    }
    case 'Declaration':
      return () => NEXT;
  }
}

function compileOutput(unit: CompileUnit, node: OutputNode): Execute {
  const writes = node.children.map((child) => compileWrite(unit, child));
  const [only] = writes;
  if (only !== undefined && writes.length === 1) return only;
  return (scope) => {
    for (const write of writes) {
      const control = write(scope);
      if (control !== NEXT) return control;
    }
    return NEXT;
  };
}

function compileWrite(unit: CompileUnit, node: TemplateDataNode | ExpressionNode): Execute {
  if (node.typename === 'TemplateData') {
    const text = node.value;
    return (scope) => {
      scope.state.write(text);
      return NEXT;
    };
  }
  const returning = compileReturn(unit, node, WRITE);
  if (returning !== undefined) return returning;
  const site = unit.site(node);
  const value = compileExpression(unit, node);
  return (scope) => {
    const result = value(scope);
    scope.state.site = site;
    scope.state.write(toText(result));
    return NEXT;
  };
}

const WRITE: Assign = (scope, value) => scope.state.write(toText(value));
const DROP: Assign = () => undefined;

/** `{{ return(x) }}` and `{% do return(x) %}` leave the macro without a throw; anywhere else return() throws. */
function compileReturn(unit: CompileUnit, node: ExpressionNode, use: Assign): Execute | undefined {
  if (node.typename !== 'FunCall' || node.name.typename !== 'Symbol' || node.name.value !== 'return') return undefined;
  const [argument, ...more] = node.args.positional;
  const plain = node.args.keywords.length === 0 && node.args.spread === null && node.args.keywordSpread === null;
  if (argument === undefined || more.length > 0 || !plain) return undefined;
  const site = unit.site(node);
  const value = compileExpression(unit, argument);
  return (scope) => {
    const callee = scope.get('return', site);
    const result = value(scope);
    if (callee === RETURN_FUNCTION) {
      scope.state.returned = result;
      return RETURN;
    }
    scope.state.site = site;
    use(scope, scope.state.invoke(callee, [result], NO_KWARGS));
    return NEXT;
  };
}

function compileDo(unit: CompileUnit, node: ExpressionNode): Execute {
  const returning = compileReturn(unit, node, DROP);
  if (returning !== undefined) return returning;
  const value = compileExpression(unit, node);
  return (scope) => {
    value(scope);
    return NEXT;
  };
}

function compileIf(unit: CompileUnit, node: IfNode): Execute {
  const condition = compileTruth(unit, node.cond);
  const body = unit.conditionally(() => compileBody(unit, node.body));
  const otherwise = unit.conditionally(() => compileElse(unit, node.else_));
  return (scope) => (condition(scope) ? body(scope) : otherwise(scope));
}

function compileElse(unit: CompileUnit, node: IfNode['else_']): Execute {
  if (node === null) return () => NEXT;
  return node.typename === 'If' ? compileIf(unit, node) : compileBody(unit, node);
}

function compileFor(unit: CompileUnit, node: ForNode): Execute {
  const items = compileExpression(unit, node.items);
  const assign = compileTarget(unit, node.target);
  const { result, names } = unit.conditionally(() =>
    unit.mentions(() => ({
      test: node.test === null ? undefined : compileTruth(unit, node.test),
      body: compileBody(unit, node.body),
    })),
  );
  const otherwise = node.else_ === null ? undefined : unit.conditionally(() => compileElse(unit, node.else_));
  return compileLoop({ items, assign, ...result, otherwise, usesLoop: names.has('loop'), site: unit.site(node.items) });
}

/** Names are set where they stand: `{% if %}` has no scope of its own, loops, macros and blocks have one. */
export function compileTarget(unit: CompileUnit, node: TargetNode): Assign {
  if (node.typename === 'Symbol') {
    const name = node.value;
    unit.assign(name);
    return (scope, value) => scope.set(name, value);
  }
  if (node.typename === 'Attribute') return compileNamespaceTarget(unit, node.target, node.name);
  const site = unit.site(node);
  const targets = node.items.map((item) => compileTarget(unit, item as TargetNode));
  return (scope, value) => {
    scope.state.site = site;
    const values = toList(value);
    if (values.length !== targets.length) {
      fail(
        `${targets.length} names cannot take ${values.length} values`,
        'Each item needs as many values as there are names.',
      );
    }
    targets.forEach((target, i) => target(scope, values[i] ?? null));
  };
}

function compileNamespaceTarget(unit: CompileUnit, target: ExpressionNode, name: string): Assign {
  const site = unit.site(target);
  const owner = compileExpression(unit, target);
  return (scope, value) => {
    const namespace = owner(scope);
    scope.state.site = site;
    if (!(namespace instanceof NamespaceValue)) {
      fail(
        'only attributes of a namespace can be set',
        'Make it with {% set x = namespace() %}; for a dict write {% do x.update({…}) %}.',
      );
    }
    namespace.assign(name, value);
  };
}

function compileSet(unit: CompileUnit, node: SetNode): Execute {
  const value = compileExpression(unit, node.value);
  const assign = compileTarget(unit, node.target);
  return (scope) => {
    assign(scope, value(scope));
    return NEXT;
  };
}

/** The text of a body in a scope of its own, given to `use`; a return() in it goes through. */
function capturing(body: Execute, use: (scope: Scope, text: string) => void): Execute {
  return (scope) => {
    let control: Control = NEXT;
    const text = scope.state.capture(() => {
      control = body(scope.inner());
    });
    if (control === NEXT) use(scope, text);
    return control;
  };
}

function compileSetBlock(unit: CompileUnit, node: SetBlockNode): Execute {
  const body = compileBody(unit, node.body);
  const assign = compileTarget(unit, node.target);
  if (node.filter === null) return capturing(body, assign);
  const filtered = compileTextFilter(unit, node.filter);
  return capturing(body, (scope, text) => assign(scope, filtered(scope, text)));
}

/** No name of a template contains NUL. */
const BLOCK_TEXT = '\0text';

/** A filter whose value is the text of a block. */
function compileTextFilter(unit: CompileUnit, node: FilterBlockNode['filter']): (scope: Scope, text: string) => Value {
  const filter = compileFilter(unit, node, (scope) => scope.find(BLOCK_TEXT) ?? '');
  return (scope, text) => {
    const inner = scope.inner();
    inner.set(BLOCK_TEXT, text);
    return filter(inner);
  };
}

function compileFilterBlock(unit: CompileUnit, node: FilterBlockNode): Execute {
  const body = compileBody(unit, node.body);
  const filtered = compileTextFilter(unit, node.filter);
  return capturing(body, (scope, text) => scope.state.write(toText(filtered(scope, text))));
}

function compileWith(unit: CompileUnit, node: WithNode): Execute {
  const assignments = node.assignments.map(({ target, value }) => ({
    value: compileExpression(unit, value),
    assign: compileTarget(unit, target),
  }));
  const body = compileBody(unit, node.body);
  return (scope) => {
    const inner = scope.inner();
    // All values are those of the scope outside: `with a=1, b=a` does not see the new a.
    const values = assignments.map(({ value }) => value(scope));
    assignments.forEach(({ assign }, i) => assign(inner, values[i] ?? null));
    return body(inner);
  };
}

export function compileMacro(unit: CompileUnit, node: MacroNode): MacroCode {
  const compile = (): Pick<MacroCode, 'parameters' | 'body'> => ({
    parameters: node.parameters.map((parameter) => {
      unit.assign(parameter.name);
      return {
        name: parameter.name,
        default: parameter.default === null ? undefined : compileExpression(unit, parameter.default),
      };
    }),
    body: compileBody(unit, node.body),
  });
  const { result, names } = unit.mentions(() =>
    node.kind === 'caller' ? compile() : unit.inMacro(node.name, compile),
  );
  return {
    ...result,
    name: node.name,
    kind: node.kind,
    site: unit.site(node),
    usesCaller: names.has('caller'),
    usesVarargs: names.has('varargs'),
    usesKwargs: names.has('kwargs'),
  };
}

function compileCallBlock(unit: CompileUnit, node: CallBlockNode): Execute {
  unit.record(node.call);
  const site = unit.site(node.call);
  const callee: Evaluate = compileExpression(unit, node.call.name);
  const { args, kwargs } = compileArguments(unit, node.call.args);
  const code = unit.conditionally(() => compileMacro(unit, node.caller));
  return (scope) => {
    const called = callee(scope);
    const values = args(scope);
    const named = new Map(kwargs(scope));
    if (named.has('caller')) fail("the argument 'caller' belongs to {% call %}");
    named.set('caller', new MacroValue(code, { scope }));
    scope.state.site = site;
    scope.state.write(toText(scope.state.invoke(called, values, named)));
    return NEXT;
  };
}
