/**
 * What we take from nunjucks 3.2.4: the tokenizer and the parser as base classes, and the node classes. nunjucks' own
 * compiler and runtime are never loaded: they differ from Jinja silently and reach the JavaScript runtime (FACTS.md §8).
 * nunjucks is pinned and its repository rests; the tests of this folder would show a change of the shapes below.
 */
import lexer from 'nunjucks/src/lexer.js';
import nodes from 'nunjucks/src/nodes.js';
import parser from 'nunjucks/src/parser.js';

export type TokenType =
  | 'string'
  | 'data'
  | 'block-start'
  | 'block-end'
  | 'variable-start'
  | 'variable-end'
  | 'left-paren'
  | 'right-paren'
  | 'left-bracket'
  | 'right-bracket'
  | 'left-curly'
  | 'right-curly'
  | 'operator'
  | 'comma'
  | 'colon'
  | 'tilde'
  | 'pipe'
  | 'int'
  | 'float'
  | 'symbol';

/** `lineno` and `colno` count from 0, as nunjucks counts. */
export interface Token {
  readonly type: TokenType;
  readonly value: string;
  readonly lineno: number;
  readonly colno: number;
}

export interface Tokenizer {
  str: string;
  index: number;
  len: number;
  lineno: number;
  colno: number;
  nextToken(): Token | null;
}

interface TokenizerClass {
  new (text: string, options?: object): Tokenizer;
}

export interface NodeShape {
  readonly lineno: number;
  readonly colno: number;
}

export interface Parser {
  tokens: Tokenizer;
  /** A token that was looked at and not taken. */
  peeked: Token | null;
  breakOnBlocks: readonly string[] | null;
  nextToken(): Token | null;
  peekToken(): Token | null;
  pushToken(token: Token | null): void;
  /** Takes the next token when it has this type. */
  skip(type: TokenType): boolean;
  skipValue(type: TokenType, value: string): boolean;
  skipSymbol(value: string): boolean;
  parse(): NodeShape;
  parseAsRoot(): NodeShape;
}

interface ParserClass {
  new (tokens: Tokenizer): Parser;
}

export type NodeClass<Shape extends NodeShape, Fields extends readonly unknown[]> = new (
  lineno: number,
  colno: number,
  ...fields: Fields
) => Shape;

interface ExtendableNode {
  extend(name: string, members: { readonly fields: readonly string[] }): unknown;
}

// The class is not exported, only a function that makes one.
const lex = lexer['lex'] as (text: string) => Tokenizer;
export const NunjucksTokenizer = lex('').constructor as unknown as TokenizerClass;
export const NunjucksParser = parser['Parser'] as ParserClass;

/** One of nunjucks' node classes, with the types of its fields. */
export function nunjucksNode<Shape extends NodeShape, Fields extends readonly unknown[]>(
  name: string,
): NodeClass<Shape, Fields> {
  return nodes[name] as NodeClass<Shape, Fields>;
}

/** A node class of our own, for what Jinja has and nunjucks has not. */
export function ownNode<Shape extends NodeShape, Fields extends readonly unknown[]>(
  name: string,
  fields: readonly string[],
): NodeClass<Shape, Fields> {
  return (nodes['Node'] as ExtendableNode).extend(name, { fields }) as NodeClass<Shape, Fields>;
}
