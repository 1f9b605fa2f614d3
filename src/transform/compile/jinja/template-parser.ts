/** Statements: Jinja's, dbt's (`test`, `materialization`, `snapshot`, `docs`), and the refusal of what macros do here. */
import {
  Attribute,
  type BodyNode,
  CallBlock,
  Declaration,
  Do,
  type ExpressionNode,
  FilterBlock,
  type FilterNode,
  ForIn,
  If,
  type IfNode,
  Jump,
  MacroBlock,
  type MacroNode,
  Output,
  type ParameterNode,
  SetBlock,
  SetValue,
  type StatementNode,
  SymbolName,
  type TargetNode,
  Tuple,
  With,
} from './ast.ts';
import { ExpressionParser } from './expression-parser.ts';
import { didYouMean } from './nearest-name.ts';
import type { Token } from './nunjucks.ts';
import type { TemplateSource } from './source.ts';
import { JinjaTokenizer } from './tokenizer.ts';

const MACRO_HINT =
  'Put what templates share into a macro: every file in macros/ is known by its macro names, those of a package as package.macro().';

const REFUSED: ReadonlyMap<string, string> = new Map([
  ['import', MACRO_HINT],
  ['from', MACRO_HINT],
  ['include', MACRO_HINT],
  ['extends', MACRO_HINT],
  ['block', MACRO_HINT],
  ['autoescape', 'Nothing is escaped for HTML here.'],
  ['trans', 'Translations are no part of SQL templates.'],
  ['elseif', 'Write elif.'],
  ['verbatim', 'Write raw.'],
  ['switch', 'Write if and elif.'],
]);

/** Closing tag of every block tag, for messages. */
const ENDS: ReadonlyMap<string, string> = new Map(
  ['if', 'for', 'set', 'macro', 'test', 'materialization', 'snapshot', 'call', 'filter', 'with', 'docs'].map(
    (name) => [name, `end${name}`] as const,
  ),
);

const NOT_ASSIGNABLE: ReadonlySet<string> = new Set(['true', 'false', 'none', 'True', 'False', 'None']);

class TemplateParser extends ExpressionParser {
  readonly #blocks: Token[] = [];
  #loops = 0;
  static readonly #statements: ReadonlyMap<string, (parser: TemplateParser, tag: Token) => StatementNode> = new Map([
    ['if', (parser, tag) => parser.#if(tag)],
    ['for', (parser, tag) => parser.#for(tag)],
    ['set', (parser, tag) => parser.#set(tag)],
    ['do', (parser, tag) => parser.#do(tag)],
    ['print', (parser, tag) => parser.#print(tag)],
    ['with', (parser, tag) => parser.#with(tag)],
    ['filter', (parser, tag) => parser.#filter(tag)],
    ['call', (parser, tag) => parser.#call(tag)],
    ['macro', (parser, tag) => parser.#macro(tag)],
    ['test', (parser, tag) => parser.#test(tag)],
    ['materialization', (parser, tag) => parser.#materialization(tag)],
    ['snapshot', (parser, tag) => parser.#snapshot(tag)],
    ['docs', (parser, tag) => parser.#docs(tag)],
    ['break', (parser, tag) => parser.#jump(tag, 'break')],
    ['continue', (parser, tag) => parser.#jump(tag, 'continue')],
  ]);

  /** Called by nunjucks' parseNodes behind `{%`; null: one of the tags that end the open block (it is not taken). */
  parseStatement(): StatementNode | null {
    const tag = this.current();
    if (tag.type !== 'symbol') this.unexpected(tag, 'the name of a tag');
    if (this.breakOnBlocks?.includes(tag.value) === true) return null;
    const parse = TemplateParser.#statements.get(tag.value);
    if (parse === undefined) return this.#refuse(tag);
    this.take();
    return parse(this, tag);
  }

  #refuse(tag: Token): never {
    const hint = REFUSED.get(tag.value);
    if (hint !== undefined) this.fault(`{% ${tag.value} %} is not supported`, tag, hint);
    const open = this.#blocks.at(-1);
    if (tag.value.startsWith('end') || tag.value === 'else' || tag.value === 'elif') {
      if (open === undefined) this.fault(`{% ${tag.value} %} without a block that it could belong to`, tag);
      const expected = ENDS.get(open.value) ?? '';
      this.fault(
        `unexpected {% ${tag.value} %}: {% ${open.value} %} of line ${open.lineno + 1} waits for {% ${expected} %}`,
        tag,
      );
    }
    return this.fault(`unknown tag '${tag.value}'`, tag, didYouMean(tag.value, TemplateParser.#statements.keys()));
  }

  #end(tag: Token): void {
    this.need('block-end', `%} at the end of {% ${tag.value} %}`);
  }

  /** Everything up to one of the tags, which is taken but for its `%}`; answers which one it was. */
  #body(tag: Token, ...ends: readonly string[]): { readonly body: BodyNode; readonly end: Token } {
    // Jinja takes Python's colon in front of a body: `{% if x: %}`.
    this.takeIf('colon');
    this.#end(tag);
    const outer = this.breakOnBlocks;
    this.breakOnBlocks = ends;
    this.#blocks.push(tag);
    // nunjucks' parse() makes a NodeList of what our parseStatement gives it.
    const body = this.parse() as BodyNode;
    this.#blocks.pop();
    this.breakOnBlocks = outer;
    if (this.peekToken() === null) this.fault(`{% ${tag.value} %} has no {% ${ENDS.get(tag.value) ?? ''} %}`, tag);
    return { body, end: this.take() };
  }

  #closedBody(tag: Token): BodyNode {
    const { body, end } = this.#body(tag, ENDS.get(tag.value) ?? '');
    this.#end(end);
    return body;
  }

  #if(tag: Token): IfNode {
    const cond = this.tuple({ condition: false });
    const { body, end } = this.#body({ ...tag, value: 'if' }, 'elif', 'else', 'endif');
    let otherwise: BodyNode | IfNode | null = null;
    if (end.value === 'elif') otherwise = this.#if(end);
    else if (end.value === 'else') otherwise = this.#closedBody({ ...end, value: 'if' });
    else this.#end(end);
    return new If(tag.lineno, tag.colno, cond, body, otherwise);
  }

  #for(tag: Token): StatementNode {
    const target = this.#target(false);
    if (namesOf(target).includes('loop')) this.fault("the items of a loop cannot be named 'loop'", target);
    this.need('symbol', "'in'", 'in');
    const items = this.tuple({ condition: false });
    const test = this.takeIf('symbol', 'if') ? this.expression() : null;
    if (this.at('symbol', 'recursive')) {
      this.fault('recursive loops are not supported', this.current(), 'Write a macro that calls itself.');
    }
    this.#loops += 1;
    const { body, end } = this.#body(tag, 'endfor', 'else');
    this.#loops -= 1;
    let otherwise: BodyNode | null = null;
    if (end.value === 'else') otherwise = this.#closedBody({ ...end, value: 'for' });
    else this.#end(end);
    return new ForIn(tag.lineno, tag.colno, target, items, test, body, otherwise);
  }

  #jump(tag: Token, kind: 'break' | 'continue'): StatementNode {
    if (this.#loops === 0) this.fault(`{% ${kind} %} outside of a loop`, tag);
    this.#end(tag);
    return new Jump(tag.lineno, tag.colno, kind);
  }

  /** Loops around a macro or call block do not reach into it: a jump there would leave a function. */
  #withoutLoops<Result>(parse: () => Result): Result {
    const loops = this.#loops;
    this.#loops = 0;
    const result = parse();
    this.#loops = loops;
    return result;
  }

  #target(namespaces: boolean): TargetNode {
    const start = this.current();
    const items: TargetNode[] = [this.#oneTarget(namespaces)];
    let commas = 0;
    while (this.takeIf('comma')) {
      commas += 1;
      if (this.at('operator', '=') || this.at('symbol', 'in') || this.at('right-paren')) break;
      items.push(this.#oneTarget(namespaces));
    }
    const only = items[0];
    return commas === 0 && only !== undefined ? only : new Tuple(start.lineno, start.colno, items);
  }

  #oneTarget(namespaces: boolean): TargetNode {
    if (this.takeIf('left-paren')) {
      const inner = this.#target(namespaces);
      this.need('right-paren', "')'");
      return inner;
    }
    const node = this.#assignable(namespaces);
    if (node.typename === 'Symbol' && NOT_ASSIGNABLE.has(node.value))
      this.fault(`cannot assign to ${node.value}`, node);
    return node;
  }

  #assignable(namespaces: boolean): TargetNode {
    const token = this.need('symbol', 'a name to assign to');
    const name = new SymbolName(token.lineno, token.colno, token.value);
    if (!namespaces || !this.takeIf('operator', '.')) return name;
    const member = this.need('symbol', 'a name behind the dot');
    return new Attribute(member.lineno, member.colno, name, member.value);
  }

  #set(tag: Token): StatementNode {
    const target = this.#target(true);
    if (this.takeIf('operator', '=')) {
      const value = this.tuple({ condition: true });
      this.#end(tag);
      return new SetValue(tag.lineno, tag.colno, target, value);
    }
    const filter = this.at('pipe') ? this.filterChain(null, false) : null;
    return new SetBlock(tag.lineno, tag.colno, target, filter, this.#closedBody(tag));
  }

  #do(tag: Token): StatementNode {
    const value = this.tuple({ condition: true });
    this.#end(tag);
    return new Do(tag.lineno, tag.colno, value);
  }

  #print(tag: Token): StatementNode {
    const children: ExpressionNode[] = [];
    do children.push(this.expression());
    while (this.takeIf('comma'));
    this.#end(tag);
    return new Output(tag.lineno, tag.colno, children);
  }

  #with(tag: Token): StatementNode {
    const assignments: { target: TargetNode; value: ExpressionNode }[] = [];
    while (!this.at('block-end')) {
      if (assignments.length > 0) this.need('comma', "','");
      const target = this.#oneTarget(false);
      this.need('operator', "'='", '=');
      assignments.push({ target, value: this.expression() });
    }
    return new With(tag.lineno, tag.colno, assignments, this.#closedBody(tag));
  }

  #filter(tag: Token): StatementNode {
    const filter: FilterNode = this.filterChain(null, true);
    return new FilterBlock(tag.lineno, tag.colno, filter, this.#closedBody(tag));
  }

  #call(tag: Token): StatementNode {
    const parameters = this.at('left-paren') ? this.#parameters() : [];
    const call = this.expression();
    if (call.typename !== 'FunCall') this.fault('{% call %} needs a call: {% call name(…) %}', call);
    const body = this.#withoutLoops(() => this.#closedBody(tag));
    const caller: MacroNode = new MacroBlock(tag.lineno, tag.colno, 'caller', 'caller', parameters, body);
    return new CallBlock(tag.lineno, tag.colno, call, caller);
  }

  #parameters(): ParameterNode[] {
    this.need('left-paren', "'('");
    const parameters: ParameterNode[] = [];
    while (!this.at('right-paren')) {
      const { value: name, lineno, colno } = this.need('symbol', 'the name of a parameter');
      if (parameters.some((other) => other.name === name))
        this.fault(`the parameter '${name}' stands twice`, { lineno, colno });
      const value = this.takeIf('operator', '=') ? this.expression() : null;
      if (value === null && parameters.at(-1)?.default != null) {
        this.fault(`the parameter '${name}' needs a default, because the one before it has one`, { lineno, colno });
      }
      parameters.push({ lineno, colno, name, default: value });
      if (!this.takeIf('comma')) break;
    }
    this.need('right-paren', `',' or ')'`);
    return parameters;
  }

  #macro(tag: Token): StatementNode {
    const { value } = this.need('symbol', 'the name of the macro');
    return this.#macroBlock(tag, 'macro', value, this.#parameters());
  }

  #test(tag: Token): StatementNode {
    const { value } = this.need('symbol', 'the name of the test');
    return this.#macroBlock(tag, 'test', `test_${value}`, this.#parameters());
  }

  #macroBlock(tag: Token, kind: MacroNode['kind'], name: string, parameters: readonly ParameterNode[]): StatementNode {
    const body = this.#withoutLoops(() => this.#closedBody(tag));
    return new MacroBlock(tag.lineno, tag.colno, kind, name, parameters, body);
  }

  /** `{% materialization name, default %}`, `{% materialization name, adapter='duckdb', supported_languages=[…] %}`. */
  #materialization(tag: Token): StatementNode {
    const { value: name } = this.need('symbol', 'the name of the materialization');
    let adapter = 'default';
    while (this.takeIf('comma')) {
      const option = this.need('symbol', "'default' or adapter='…'");
      if (option.value === 'default') continue;
      this.need('operator', "'='", '=');
      if (option.value === 'adapter') adapter = this.need('string', 'the name of the adapter in quotes').value;
      else if (option.value === 'supported_languages') this.expression();
      else this.fault(`a materialization has no option '${option.value}'`, option);
    }
    return this.#macroBlock(tag, 'materialization', `materialization_${name}_${adapter}`, []);
  }

  #snapshot(tag: Token): StatementNode {
    const { value } = this.need('symbol', 'the name of the snapshot');
    const body = this.#withoutLoops(() => this.#closedBody(tag));
    return new Declaration(tag.lineno, tag.colno, 'snapshot', value, '', body);
  }

  /** Documentation is Markdown: its text is taken as it stands. */
  #docs(tag: Token): StatementNode {
    const { value } = this.need('symbol', 'the name of the docs block');
    this.#end(tag);
    const raw = this.tokenizer.takeRawUntil('enddocs');
    if (raw === null) this.fault('{% docs %} has no {% enddocs %}', tag);
    return new Declaration(tag.lineno, tag.colno, 'docs', value, raw?.text ?? '', null);
  }
}

function namesOf(target: TargetNode): string[] {
  if (target.typename === 'Tuple') return target.items.flatMap((item) => namesOf(item as TargetNode));
  return target.typename === 'Symbol' ? [target.value] : [];
}

export function parseTemplate(source: TemplateSource): BodyNode {
  return new TemplateParser(new JinjaTokenizer(source)).parseAsRoot() as BodyNode;
}
