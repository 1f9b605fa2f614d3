/** What the compiler of one template knows while it walks through the nodes. */
import type { ArgumentsNode, CallNode, ExpressionNode, MacroNode, NodeShape } from './ast.ts';
import { fail, TemplateFault } from './fault.ts';
import { type PlainValue, toPlain } from './host.ts';
import { literalValue } from './literals.ts';
import type { MacroCode } from './macro-value.ts';
import type { Site, TemplateSource } from './source.ts';

/** A call found in the template's text: nothing was rendered. Methods of names that the template itself sets are left out. */
export interface StaticCall {
  /** `ref`, `config`, `adapter.dispatch`, `dbt_utils.star`. */
  readonly name: string;
  /** The literal positional arguments, up to the first that is not one. */
  readonly args: readonly PlainValue[];
  /** The literal keyword arguments. */
  readonly kwargs: Readonly<Record<string, PlainValue>>;
  /** An argument has to be evaluated (or the name is set by the template): `args` and `kwargs` are not all there is. */
  readonly dynamic: boolean;
  /** It stands in an if, a loop or the like: rendering may never come to it. */
  readonly conditional: boolean;
  /** The macro or test that it stands in; null: the body of the template. */
  readonly macro: string | null;
  readonly line: number;
  readonly column: number;
}

type FoundCall = { -readonly [Field in keyof StaticCall]: StaticCall[Field] };

const NO_ARGUMENTS: Readonly<Record<string, PlainValue>> = Object.freeze(
  Object.create(null) as Record<string, PlainValue>,
);

export class CompileUnit {
  readonly source: TemplateSource;
  readonly macros = new Map<MacroNode, MacroCode>();
  /** Names that mean something to the block around them: `loop`, `caller`, `varargs`, `kwargs`. */
  #mentioned = new Set<string>();
  readonly #assigned = new Set<string>();
  readonly #calls: FoundCall[] = [];
  #conditional = 0;
  #macro: string | null = null;

  constructor(source: TemplateSource) {
    this.source = source;
  }

  site(node: NodeShape): Site {
    return { source: this.source, line: node.lineno + 1, column: node.colno + 1 };
  }

  /** Gives a mistake that is found at compile time the place of its node. */
  at<Result>(node: NodeShape, check: () => Result): Result {
    try {
      return check();
    } catch (error) {
      if (!(error instanceof TemplateFault) || error.site !== undefined) throw error;
      throw new TemplateFault(error.message, error.hint, this.site(node));
    }
  }

  refuse(node: NodeShape, message: string, hint?: string): never {
    return this.at(node, () => fail(message, hint));
  }

  mention(name: string): void {
    this.#mentioned.add(name);
  }

  assign(name: string): void {
    this.#assigned.add(name);
  }

  /** Compiles something and answers which names it mentions; they count as mentioned further out as well. */
  mentions<Result>(compile: () => Result): { readonly result: Result; readonly names: ReadonlySet<string> } {
    const outer = this.#mentioned;
    const names = new Set<string>();
    this.#mentioned = names;
    const result = compile();
    for (const name of names) outer.add(name);
    this.#mentioned = outer;
    return { result, names };
  }

  conditionally<Result>(compile: () => Result): Result {
    this.#conditional += 1;
    const result = compile();
    this.#conditional -= 1;
    return result;
  }

  inMacro<Result>(name: string, compile: () => Result): Result {
    const outer = { macro: this.#macro, conditional: this.#conditional };
    this.#macro ??= name;
    this.#conditional = outer.macro === null ? 0 : outer.conditional;
    const result = compile();
    this.#macro = outer.macro;
    this.#conditional = outer.conditional;
    return result;
  }

  record(node: CallNode): void {
    const name = dottedName(node.name);
    if (name === undefined) return;
    const { args, kwargs, dynamic } = literalArguments(node.args);
    this.#calls.push({
      name,
      args,
      kwargs,
      dynamic,
      conditional: this.#conditional > 0,
      macro: this.#macro,
      line: node.lineno + 1,
      column: node.colno + 1,
    });
  }

  /** Once, at the end: only then it is known which names the template sets. */
  calls(): readonly StaticCall[] {
    if (this.#assigned.size === 0) return this.#calls;
    return this.#calls.filter((call) => {
      const dot = call.name.indexOf('.');
      if (!this.#assigned.has(dot === -1 ? call.name : call.name.slice(0, dot))) return true;
      call.dynamic = true;
      return dot === -1;
    });
  }
}

function dottedName(node: ExpressionNode): string | undefined {
  if (node.typename === 'Symbol') return node.value;
  if (node.typename !== 'Attribute') return undefined;
  const target = dottedName(node.target);
  return target === undefined ? undefined : `${target}.${node.name}`;
}

function literalArguments(node: ArgumentsNode): Pick<StaticCall, 'args' | 'kwargs' | 'dynamic'> {
  let dynamic = node.spread !== null || node.keywordSpread !== null;
  const args: PlainValue[] = [];
  for (const argument of node.positional) {
    const value = plainLiteral(argument);
    if (value === undefined) {
      dynamic = true;
      break;
    }
    args.push(value);
  }
  if (node.keywords.length === 0) return { args, kwargs: NO_ARGUMENTS, dynamic };
  const kwargs = Object.create(null) as Record<string, PlainValue>;
  for (const keyword of node.keywords) {
    const value = plainLiteral(keyword.value);
    if (value === undefined) dynamic = true;
    else kwargs[keyword.name] = value;
  }
  return { args, kwargs, dynamic };
}

function plainLiteral(node: ExpressionNode): PlainValue | undefined {
  if (node.typename === 'Literal') return node.value;
  const value = literalValue(node);
  return value === undefined ? undefined : toPlain(value);
}
