import { NunjucksParser, type Token, type TokenType } from './nunjucks.ts';
import type { JinjaTokenizer } from './tokenizer.ts';

/** How the parsers look at tokens and take them; on nunjucks' parser, whose one look-ahead token it uses. */
export class TokenReader extends NunjucksParser {
  protected readonly tokenizer: JinjaTokenizer;

  constructor(tokenizer: JinjaTokenizer) {
    super(tokenizer);
    this.tokenizer = tokenizer;
  }

  protected fault(message: string, at: { readonly lineno: number; readonly colno: number }, hint?: string): never {
    throw this.tokenizer.fault(message, at.lineno, at.colno, hint);
  }

  /** As nunjucks', but that the tokenizer gives no whitespace which it would have to skip. */
  override peekToken(): Token | null {
    this.peeked ??= this.tokens.nextToken();
    return this.peeked;
  }

  override nextToken(): Token | null {
    const token = this.peeked;
    if (token === null) return this.tokens.nextToken();
    this.peeked = null;
    return token;
  }

  /** The next token, not taken. Inside of a tag there is always one: the tokenizer refuses a file that ends there. */
  protected current(): Token {
    return this.peekToken() ?? this.fault('unexpected end of the file', this.tokenizer);
  }

  protected take(): Token {
    const token = this.current();
    this.nextToken();
    return token;
  }

  protected at(type: TokenType, value?: string): boolean {
    const token = this.peekToken();
    return token !== null && token.type === type && (value === undefined || token.value === value);
  }

  protected takeIf(type: TokenType, value?: string): boolean {
    if (!this.at(type, value)) return false;
    this.nextToken();
    return true;
  }

  protected need(type: TokenType, what: string, value?: string): Token {
    if (!this.at(type, value)) this.unexpected(this.current(), what);
    return this.take();
  }

  protected unexpected(token: Token, expected: string): never {
    const ends = token.type === 'block-end' || token.type === 'variable-end';
    return this.fault(`unexpected ${ends ? 'end of the tag' : `'${token.value}'`}, expected ${expected}`, token);
  }
}
