/**
 * Expressions after Jinja 3.1's grammar, as a subclass of nunjucks' parser. nunjucks' own expression methods are replaced as a
 * whole: its precedences differ silently (`"a" ~ 1 + 2`, `a + b is defined`, `a * b / c`), and it has no slices, tuples,
 * trailing commas, adjacent strings, `x.0`, `*args` or chained inline ifs.
 */
import {
  And,
  ARITHMETIC,
  Arguments,
  type ArgumentsNode,
  ArrayList,
  Attribute,
  Call,
  Compare,
  type CompareOperator,
  Dict,
  type ExpressionNode,
  FilterCall,
  type FilterNode,
  FloatLiteral,
  InlineIf,
  Join,
  type KeywordNode,
  Literal,
  Lookup,
  Negative,
  Not,
  Operand,
  type OperandNode,
  Or,
  Pair,
  type PairNode,
  Positive,
  Slice,
  SymbolName,
  Test,
  Tuple,
} from './ast.ts';
import type { Token, TokenType } from './nunjucks.ts';
import { TokenReader } from './token-reader.ts';

const RESERVED: ReadonlySet<string> = new Set(['and', 'or', 'not', 'in', 'is', 'if', 'else', 'elif']);
const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);
const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
]);
/** Longer names are neither reserved nor constants. */
const LONGEST_WORD = 'false'.length;

/** Token types that begin the argument of a test without parentheses: `x is divisibleby 3`. */
const ARGUMENT_STARTS: ReadonlySet<TokenType> = new Set([
  'symbol',
  'string',
  'int',
  'float',
  'left-paren',
  'left-bracket',
  'left-curly',
]);

export interface TupleOptions {
  /** `a if b` is one expression (not so in `for x in y if c`). */
  readonly condition: boolean;
  /** An empty tuple is allowed: `()`. */
  readonly parenthesized?: boolean;
}

export class ExpressionParser extends TokenReader {
  /** What nunjucks' parseNodes calls for `{{ … }}`. */
  parseExpression(): ExpressionNode {
    return this.tuple({ condition: true });
  }

  /** Called by nunjucks' parseNodes behind the expression. */
  advanceAfterVariableEnd(): void {
    this.need('variable-end', 'an operator or }}');
  }

  expression(condition = true): ExpressionNode {
    if (!condition) return this.#or();
    let node = this.#or();
    while (this.at('symbol', 'if')) {
      const { lineno, colno } = this.take();
      const test = this.#or();
      const otherwise = this.takeIf('symbol', 'else') ? this.expression() : null;
      node = new InlineIf(lineno, colno, test, node, otherwise);
    }
    return node;
  }

  tuple(options: TupleOptions): ExpressionNode {
    const first = this.current();
    const items: ExpressionNode[] = [];
    let commas = 0;
    while (!this.#atTupleEnd()) {
      items.push(this.expression(options.condition));
      if (!this.takeIf('comma')) break;
      commas += 1;
    }
    const only = items[0];
    if (commas === 0 && only !== undefined) return only;
    if (only === undefined && options.parenthesized !== true) this.unexpected(first, 'an expression');
    return new Tuple(first.lineno, first.colno, items);
  }

  #atTupleEnd(): boolean {
    return this.at('block-end') || this.at('variable-end') || this.at('right-paren') || this.at('symbol', 'recursive');
  }

  #or(): ExpressionNode {
    let node = this.#and();
    while (this.at('symbol', 'or')) {
      const { lineno, colno } = this.take();
      node = new Or(lineno, colno, node, this.#and());
    }
    return node;
  }

  #and(): ExpressionNode {
    let node = this.#not();
    while (this.at('symbol', 'and')) {
      const { lineno, colno } = this.take();
      node = new And(lineno, colno, node, this.#not());
    }
    return node;
  }

  #not(): ExpressionNode {
    if (!this.at('symbol', 'not')) return this.#compare();
    const { lineno, colno } = this.take();
    return new Not(lineno, colno, this.#not());
  }

  #compare(): ExpressionNode {
    const node = this.#sum();
    const operands: OperandNode[] = [];
    for (;;) {
      const token = this.current();
      const operator = this.#comparison(token);
      if (operator === undefined) break;
      operands.push(new Operand(token.lineno, token.colno, this.#sum(), operator));
    }
    const first = operands[0];
    return first === undefined ? node : new Compare(first.lineno, first.colno, node, operands);
  }

  /** Takes a comparison operator, `in` and `not in` among them. */
  #comparison(token: Token): CompareOperator | undefined {
    if (token.type === 'operator' && COMPARISONS.has(token.value)) {
      this.take();
      // nunjucks' `===` is no Jinja; the tokenizer gives `==` and `=`.
      if (this.at('operator', '=')) this.unexpected(this.current(), 'an expression');
      return token.value as CompareOperator;
    }
    if (token.type !== 'symbol') return undefined;
    if (token.value === 'in') {
      this.take();
      return 'in';
    }
    if (token.value !== 'not') return undefined;
    this.take();
    this.need('symbol', "'in' behind 'not'", 'in');
    return 'not in';
  }

  #sum(): ExpressionNode {
    let node = this.#concat();
    for (let token = this.#operator('+', '-'); token !== undefined; token = this.#operator('+', '-')) {
      node = this.#arithmetic(token, node, this.#concat());
    }
    return node;
  }

  #concat(): ExpressionNode {
    const node = this.#product();
    if (!this.at('tilde')) return node;
    const { lineno, colno } = this.current();
    const parts = [node];
    while (this.takeIf('tilde')) parts.push(this.#product());
    return new Join(lineno, colno, parts);
  }

  #product(): ExpressionNode {
    let node = this.#power();
    for (let token = this.#operator('*', '/', '//', '%'); token !== undefined;) {
      node = this.#arithmetic(token, node, this.#power());
      token = this.#operator('*', '/', '//', '%');
    }
    return node;
  }

  #power(): ExpressionNode {
    let node = this.#unary(true);
    for (let token = this.#operator('**'); token !== undefined; token = this.#operator('**')) {
      node = this.#arithmetic(token, node, this.#unary(true));
    }
    return node;
  }

  #operator(...operators: readonly string[]): Token | undefined {
    const token = this.current();
    return token.type === 'operator' && operators.includes(token.value) ? this.take() : undefined;
  }

  #arithmetic(token: Token, left: ExpressionNode, right: ExpressionNode): ExpressionNode {
    const Node = ARITHMETIC.get(token.value);
    return Node === undefined
      ? this.unexpected(token, 'an operator')
      : new Node(token.lineno, token.colno, left, right);
  }

  #unary(filters: boolean): ExpressionNode {
    const token = this.current();
    let node: ExpressionNode;
    if (this.takeIf('operator', '-')) node = new Negative(token.lineno, token.colno, this.#unary(false));
    else if (this.takeIf('operator', '+')) node = new Positive(token.lineno, token.colno, this.#unary(false));
    else node = this.primary();
    node = this.#postfix(node);
    return filters ? this.#filtersAndTests(node) : node;
  }

  protected primary(): ExpressionNode {
    const token = this.take();
    const { lineno, colno } = token;
    switch (token.type) {
      case 'symbol':
        return this.#name(token);
      case 'string': {
        let text = token.value;
        while (this.at('string')) text += this.take().value;
        return new Literal(lineno, colno, text);
      }
      case 'int': {
        const value = BigInt(token.value);
        return new Literal(lineno, colno, Number.isSafeInteger(Number(value)) ? Number(value) : value);
      }
      case 'float':
        return new FloatLiteral(lineno, colno, Number(token.value));
      case 'left-paren': {
        const inner = this.tuple({ condition: true, parenthesized: true });
        this.need('right-paren', `')'`);
        return inner;
      }
      case 'left-bracket':
        return new ArrayList(
          lineno,
          colno,
          this.#list('right-bracket', `',' or ']'`, () => this.expression()),
        );
      case 'left-curly':
        return new Dict(
          lineno,
          colno,
          this.#list('right-curly', `',' or '}'`, () => this.#pair()),
        );
      default:
        return this.unexpected(token, 'an expression');
    }
  }

  #name(token: Token): ExpressionNode {
    if (token.value.length <= LONGEST_WORD) {
      const constant = CONSTANTS.get(token.value);
      if (constant !== undefined) return new Literal(token.lineno, token.colno, constant);
      if (RESERVED.has(token.value)) this.unexpected(token, 'an expression');
    }
    return new SymbolName(token.lineno, token.colno, token.value);
  }

  #list<Item>(end: TokenType, expected: string, parseItem: () => Item): Item[] {
    const items: Item[] = [];
    while (!this.at(end)) {
      items.push(parseItem());
      if (!this.takeIf('comma')) break;
    }
    this.need(end, expected);
    return items;
  }

  #pair(): PairNode {
    const key = this.expression();
    this.need('colon', "':' behind the key");
    return new Pair(key.lineno, key.colno, key, this.expression());
  }

  #postfix(start: ExpressionNode): ExpressionNode {
    let node = start;
    for (;;) {
      const token = this.current();
      if (token.type === 'left-paren') {
        node = new Call(node.lineno, node.colno, node, this.arguments());
      } else if (token.type === 'left-bracket') {
        this.take();
        const parts = this.#list('right-bracket', `',' or ']'`, () => this.#subscript());
        const only = parts.length === 1 ? parts[0] : undefined;
        if (parts.length === 0) this.fault('a subscript needs a value', token);
        node = new Lookup(token.lineno, token.colno, node, only ?? new Tuple(token.lineno, token.colno, parts));
      } else if (token.type === 'operator' && token.value === '.') {
        this.take();
        node = this.#member(node);
      } else {
        return node;
      }
    }
  }

  #member(target: ExpressionNode): ExpressionNode {
    const token = this.take();
    if (token.type === 'symbol') return new Attribute(token.lineno, token.colno, target, token.value);
    if (token.type !== 'int') this.unexpected(token, 'a name or a number behind the dot');
    return new Lookup(token.lineno, token.colno, target, new Literal(token.lineno, token.colno, Number(token.value)));
  }

  #subscript(): ExpressionNode {
    const { lineno, colno } = this.current();
    const start = this.at('colon') ? null : this.expression();
    if (start !== null && !this.at('colon')) return start;
    this.take();
    const stop = this.#sliceEnd() ? null : this.expression();
    const step = this.takeIf('colon') && !this.#sliceEnd() ? this.expression() : null;
    return new Slice(lineno, colno, start, stop, step);
  }

  #sliceEnd(): boolean {
    return this.at('colon') || this.at('right-bracket') || this.at('comma');
  }

  #filtersAndTests(start: ExpressionNode): ExpressionNode {
    let node = start;
    for (;;) {
      const token = this.current();
      if (token.type === 'pipe') node = this.filterChain(node);
      else if (token.type === 'symbol' && token.value === 'is') node = this.#test(node);
      else if (token.type === 'left-paren') node = new Call(node.lineno, node.colno, node, this.arguments());
      else return node;
    }
  }

  /** `| a | b(1)`; with `target` null and `inline` the first bar is left out, as in `{% filter a | b %}`. */
  filterChain(target: ExpressionNode, inline?: boolean): FilterNode;
  filterChain(target: null, inline: boolean): FilterNode;
  filterChain(target: ExpressionNode | null, inline = false): FilterNode {
    let node = target;
    let first = inline;
    for (;;) {
      if (!first) this.need('pipe', "'|'");
      first = false;
      const { name, token } = this.#dottedName('the name of a filter');
      const filter = new FilterCall(token.lineno, token.colno, node, name, this.#optionalArguments(token));
      if (!this.at('pipe')) return filter;
      node = filter;
    }
  }

  #test(target: ExpressionNode): ExpressionNode {
    this.take();
    const not = this.at('symbol', 'not') ? this.take() : undefined;
    const { name, token } = this.#dottedName('the name of a test');
    const node = new Test(token.lineno, token.colno, target, name, this.#testArguments(token));
    return not === undefined ? node : new Not(not.lineno, not.colno, node);
  }

  #testArguments(name: Token): ArgumentsNode {
    const token = this.current();
    const stops = token.type === 'symbol' && ['else', 'or', 'and'].includes(token.value);
    if (token.type === 'left-paren' || stops || !ARGUMENT_STARTS.has(token.type)) return this.#optionalArguments(name);
    if (token.type === 'symbol' && token.value === 'is') this.fault('tests cannot be chained with is', token);
    // Jinja takes them for names: `x is string if y` asks for an argument called `if`.
    if (token.type === 'symbol' && RESERVED.has(token.value)) {
      this.fault(`unexpected '${token.value}' behind a test`, token, 'Put the test into parentheses: (x is none).');
    }
    return new Arguments(token.lineno, token.colno, [this.#postfix(this.primary())], [], null, null);
  }

  #dottedName(expected: string): { readonly name: string; readonly token: Token } {
    const token = this.need('symbol', expected);
    let name = token.value;
    while (this.takeIf('operator', '.')) name += `.${this.need('symbol', expected).value}`;
    return { name, token };
  }

  #optionalArguments(at: Token): ArgumentsNode {
    return this.at('left-paren') ? this.arguments() : new Arguments(at.lineno, at.colno, [], [], null, null);
  }

  protected arguments(): ArgumentsNode {
    const open = this.need('left-paren', "'('");
    const positional: ExpressionNode[] = [];
    const keywords: KeywordNode[] = [];
    let spread: ExpressionNode | null = null;
    let keywordSpread: ExpressionNode | null = null;
    while (!this.at('right-paren')) {
      const token = this.current();
      if (keywordSpread !== null) this.fault('nothing can follow **', token);
      if (this.takeIf('operator', '**')) {
        keywordSpread = this.expression();
      } else if (this.takeIf('operator', '*')) {
        if (spread !== null) this.fault('a call takes one * only', token);
        spread = this.expression();
      } else {
        const value = this.expression();
        const isKeyword = token.type === 'symbol' && value.typename === 'Symbol' && this.takeIf('operator', '=');
        if (isKeyword) keywords.push({ name: value.value, value: this.expression() });
        else if (spread !== null || keywords.length > 0) this.#misplaced(token);
        else positional.push(value);
      }
      if (!this.takeIf('comma')) break;
    }
    this.need('right-paren', `',' or ')'`);
    return new Arguments(open.lineno, open.colno, positional, keywords, spread, keywordSpread);
  }

  #misplaced(token: Token): never {
    return this.fault('a positional argument cannot follow a keyword argument or *', token);
  }
}
