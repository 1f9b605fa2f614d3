import type { BodyNode, DeclarationNode, MacroKind, MacroNode, OutputNode } from './ast.ts';
import { compileExpression } from './compile-expression.ts';
import { compileBody } from './compile-statement.ts';
import { CompileUnit, type StaticCall } from './compile-unit.ts';
import { fail, templateError } from './fault.ts';
import { ReturnSignal } from './globals.ts';
import { type PlainValue, toPlain } from './host.ts';
import { literalValue } from './literals.ts';
import { type Evaluate, type Execute, type MacroCode, RETURN } from './macro-value.ts';
import { type RenderContext, RenderState, Scope } from './render-state.ts';
import type { TemplateSource } from './source.ts';
import { parseTemplate } from './template-parser.ts';
import type { Value } from './values.ts';

export interface ParameterDeclaration {
  readonly name: string;
  readonly required: boolean;
  /** The default where it is a literal. */
  readonly default?: PlainValue;
}

/** A macro, test (`test_<name>`) or materialization (`materialization_<name>_<adapter>`) at the top level of a file. */
export interface MacroDeclaration {
  readonly name: string;
  readonly kind: MacroKind;
  readonly parameters: readonly ParameterDeclaration[];
  readonly line: number;
  readonly code: MacroCode;
}

/** `{% snapshot name %}`: rendered like a template of its own. `{% docs name %}`: its text as it stands. */
export interface BlockDeclaration {
  readonly kind: 'snapshot' | 'docs';
  readonly name: string;
  readonly line: number;
  /** docs: the text. snapshot: empty. */
  readonly text: string;
  render(context: RenderContext): string;
}

export interface CompiledTemplate {
  readonly source: TemplateSource;
  readonly macros: readonly MacroDeclaration[];
  readonly blocks: readonly BlockDeclaration[];
  /** Calls found in the text, those in macros among them, without rendering anything. */
  readonly calls: readonly StaticCall[];
  /** The text of the body. Macros of the file can be called by it as well. */
  render(context: RenderContext): string;
  /** A template that is one single `{{ expression }}` gives its value, any other its text. */
  evaluate(context: RenderContext): Value;
}

/**
 * Compiles a template; what it gives can be rendered any number of times. Throws SluiceError `compile_error` with file, line
 * and column, the line itself, and what to do.
 */
export function compileTemplate(source: TemplateSource): CompiledTemplate {
  const first = build(source);
  const built = keeping(source, first);
  return {
    source,
    macros: first.macros,
    blocks: first.blocks,
    calls: first.calls,
    render: (context) => renderBody(built().body, context),
    evaluate: (context) => {
      const { body, value } = built();
      return value === undefined ? renderBody(body, context) : running(context, value);
    },
  };
}

/**
 * Of ten thousand models a run renders a few, and each of them once. Closures that nobody calls again cost more to keep (some
 * 20 KB per model, which the garbage collector moves around) than to make again, so a template keeps them from its second
 * rendering on. Files with macros keep theirs at once: their macros hold them anyway.
 */
function keeping(source: TemplateSource, first: Built): () => Built {
  let kept = first.macros.length > 0 ? first : undefined;
  let renderings = 0;
  return () => {
    const built = kept ?? build(source);
    renderings += 1;
    if (renderings > 1) kept = built;
    return built;
  };
}

interface Built {
  readonly macros: readonly MacroDeclaration[];
  readonly blocks: readonly BlockDeclaration[];
  readonly calls: readonly StaticCall[];
  readonly body: Execute;
  /** The one expression that the template is; undefined: there is more in it. */
  readonly value: Evaluate | undefined;
}

function build(source: TemplateSource): Built {
  try {
    const root = parseTemplate(source);
    const unit = new CompileUnit(source);
    const body = compileBody(unit, root);
    const only = onlyExpression(root);
    return {
      body,
      value: only === undefined ? undefined : compileExpression(new CompileUnit(source), only),
      macros: root.children.filter((node) => node.typename === 'MacroBlock').map((node) => declareMacro(node, unit)),
      blocks: root.children.filter((node) => node.typename === 'Declaration').map((node) => declareBlock(node, unit)),
      calls: unit.calls(),
    };
  } catch (error) {
    throw templateError(error, error instanceof RangeError ? { source, line: 1, column: 1 } : undefined, []);
  }
}

function onlyExpression(
  root: BodyNode,
): Exclude<OutputNode['children'][number], { typename: 'TemplateData' }> | undefined {
  const [statement, ...more] = root.children;
  if (statement?.typename !== 'Output' || more.length > 0) return undefined;
  const [node, ...others] = statement.children;
  return node === undefined || node.typename === 'TemplateData' || others.length > 0 ? undefined : node;
}

function declareMacro(node: MacroNode, unit: CompileUnit): MacroDeclaration {
  const code = unit.macros.get(node) ?? fail(`the macro '${node.name}' was not compiled`);
  return {
    name: node.name,
    // The bodies of call blocks are no statements of their own, so that none comes here.
    kind: node.kind === 'caller' ? 'macro' : node.kind,
    line: node.lineno + 1,
    code,
    parameters: node.parameters.map((parameter) => {
      const value = parameter.default === null ? undefined : literalValue(parameter.default);
      const required = parameter.default === null;
      return { name: parameter.name, required, ...(value === undefined ? {} : { default: toPlain(value) }) };
    }),
  };
}

function declareBlock(node: DeclarationNode, unit: CompileUnit): BlockDeclaration {
  const { kind, name, text, body } = node;
  const run = body === null ? undefined : unit.inMacro(`${kind} ${name}`, () => compileBody(unit, body));
  return {
    kind,
    name,
    text,
    line: node.lineno + 1,
    render: (context) => (run === undefined ? text : renderBody(run, context)),
  };
}

function renderBody(body: Execute, context: RenderContext): string {
  return running(context, (scope) => {
    if (body(scope) === RETURN) returnOutside();
    return scope.state.out;
  });
}

function returnOutside(): never {
  return fail('return() outside of a macro', 'Only macros return values; write the value itself here.');
}

/** Runs something on a state of its own; errors leave with their place and the macro calls that led there. */
export function running<Result>(context: RenderContext, run: (scope: Scope) => Result): Result {
  const state = new RenderState(context);
  try {
    return run(new Scope(state, state.root));
  } catch (error) {
    if (error instanceof ReturnSignal) throw placed(state, returnOutside);
    throw templateError(error, state.site, state.frames);
  }
}

function placed(state: RenderState, raise: () => never): unknown {
  try {
    return raise();
  } catch (error) {
    return templateError(error, state.site, state.frames);
  }
}
