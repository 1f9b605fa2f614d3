/**
 * Just enough reading of SQL text to handle it whole: where comments and texts end, whether it is one statement, where its WITH
 * stands. Nothing is parsed further, and nothing inside is changed.
 */
import type { DialectName } from './dialect.ts';

interface Span {
  readonly end: number;
  /** trivia: white space or a comment. text: quoted. word: letters and digits. mark: one other character. */
  readonly kind: 'trivia' | 'text' | 'word' | 'mark';
}

const TRIVIA = /\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y;
const HASH_COMMENT = /#[^\n]*/y;
const WORD = /[\p{L}\p{N}_$]+/uy;
/** DuckDB: doubled quotes escape, `$tag$ … $tag$` is a text, only E'…' knows backslashes. */
const DUCKDB_TEXT =
  /(?:[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$))|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|\$([\p{L}_][\p{L}\p{N}_]*)?\$[\s\S]*?(?:\$\1\$|$)/uy;
/** GoogleSQL: triple quotes, raw texts, backslash escapes, backticks. */
const GOOGLE_TEXT =
  /(?:[rR][bB]?|[bB][rR]?)?(?:"""(?:[^\\]|\\[\s\S])*?(?:"""|$)|'''(?:[^\\]|\\[\s\S])*?(?:'''|$)|"(?:[^"\\]|\\[\s\S])*(?:"|$)|'(?:[^'\\]|\\[\s\S])*(?:'|$))|`(?:[^`\\]|\\[\s\S])*(?:`|$)/y;

function matchAt(expression: RegExp, text: string, at: number): number {
  expression.lastIndex = at;
  return expression.exec(text) === null ? at : expression.lastIndex;
}

function spanAt(text: string, at: number, dialect: DialectName): Span {
  let end = matchAt(TRIVIA, text, at);
  if (end === at && dialect === 'bigquery') end = matchAt(HASH_COMMENT, text, at);
  if (end > at) return { end, kind: 'trivia' };
  end = matchAt(dialect === 'bigquery' ? GOOGLE_TEXT : DUCKDB_TEXT, text, at);
  if (end > at) return { end, kind: 'text' };
  end = matchAt(WORD, text, at);
  return end > at ? { end, kind: 'word' } : { end: at + 1, kind: 'mark' };
}

export interface SingleStatement {
  /** The statement without what follows it (semicolons, trailing comments after one). */
  readonly text: string;
  /** Where a second statement begins, when there is one. */
  readonly secondAt: number | null;
  /** true: nothing but white space and comments. */
  readonly empty: boolean;
}

/** Cuts a trailing semicolon off, so that the text can stand inside of another statement. */
export function singleStatement(text: string, dialect: DialectName): SingleStatement {
  let cut: number | null = null;
  let empty = true;
  for (let at = 0; at < text.length;) {
    const span = spanAt(text, at, dialect);
    if (span.kind !== 'trivia') {
      const isEnd = span.kind === 'mark' && text[at] === ';';
      if (isEnd) cut ??= at;
      else if (cut !== null) return { text, secondAt: at, empty: false };
      else empty = false;
    }
    at = span.end;
  }
  return { text: (cut === null ? text : text.slice(0, cut)).trim(), secondAt: null, empty };
}

/** Puts common table expressions in front of a select, joining a WITH that it has already. */
export function withCtes(
  select: string,
  ctes: readonly { readonly name: string; readonly sql: string }[],
  dialect: DialectName,
): string {
  if (ctes.length === 0) return select;
  const list = ctes.map((cte) => `${cte.name} as (\n${cte.sql}\n)`).join(', ');
  let at = 0;
  for (;;) {
    if (at >= select.length) return `with ${list}\n${select}`;
    const span = spanAt(select, at, dialect);
    if (span.kind !== 'trivia') break;
    at = span.end;
  }
  const word = spanAt(select, at, dialect);
  if (select.slice(at, word.end).toLowerCase() !== 'with')
    return `${select.slice(0, at)}with ${list}\n${select.slice(at)}`;
  const recursive = /\s+recursive\b/iy;
  recursive.lastIndex = word.end;
  const end = recursive.exec(select) === null ? word.end : recursive.lastIndex;
  return `${select.slice(0, end)} ${list}, ${select.slice(end).trimStart()}`;
}
