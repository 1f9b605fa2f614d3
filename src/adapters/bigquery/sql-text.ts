/**
 * GoogleSQL text: names and literals of this adapter's own statements, and just enough of a lexer to tell statements of other people's
 * SQL apart (which of them may stand in a transaction, what they create).
 */
import type { RelationName } from '../../core/relation.ts';

function escaped(value: string, quote: string): string {
  if (value.includes('\0')) throw new RangeError('a name or text with a NUL character cannot stand in SQL');
  return value
    .replaceAll('\\', '\\\\')
    .replaceAll(quote, `\\${quote}`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\r', String.raw`\r`);
}

export function quoteName(name: string): string {
  return `\`${escaped(name, '`')}\``;
}

/** Part by part, like the models' dialect, so that the texts are equal. */
export function quoteRelation(relation: RelationName): string {
  const parts = relation.database === undefined ? [] : [relation.database];
  return [...parts, relation.schema, relation.name].map(quoteName).join('.');
}

export function textLiteral(value: string): string {
  return `'${escaped(value, "'")}'`;
}

/** From RFC 3339 in UTC. */
export function timestampLiteral(rfc3339: string): string {
  return `timestamp ${textLiteral(rfc3339)}`;
}

const SKIPPED = /\s+|--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\//y;
const QUOTED =
  /[rRbB]{0,2}(?:"""(?:[^\\]|\\[\s\S])*?"""|'''(?:[^\\]|\\[\s\S])*?'''|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*')|`(?:[^`\\]|\\[\s\S])*`/y;
const WORD = /[A-Za-z_@][A-Za-z0-9_@]*/y;

/**
 * The tokens of a statement: words, quoted pieces as they stand, every other character by itself. White space and comments are left
 * out.
 */
export function tokens(sql: string): string[] {
  const found: string[] = [];
  for (let index = 0; index < sql.length;) {
    const skipped = matchAt(SKIPPED, sql, index);
    if (skipped !== undefined) {
      index += skipped.length;
      continue;
    }
    const token = matchAt(QUOTED, sql, index) ?? matchAt(WORD, sql, index) ?? sql[index] ?? '';
    found.push(token);
    index += token.length;
  }
  return found;
}

function matchAt(pattern: RegExp, text: string, index: number): string | undefined {
  pattern.lastIndex = index;
  const match = pattern.exec(text)?.[0];
  return match === undefined || match === '' ? undefined : match;
}

/** Cuts at the semicolons that end statements. A `begin … end` block is not a statement of ours and is not understood. */
export function splitStatements(sql: string): string[] {
  const statements: string[] = [];
  let start = 0;
  for (let index = 0; index < sql.length;) {
    const piece = matchAt(SKIPPED, sql, index) ?? matchAt(QUOTED, sql, index);
    if (piece !== undefined) {
      index += piece.length;
      continue;
    }
    if (sql[index] === ';') {
      statements.push(sql.slice(start, index));
      start = index + 1;
    }
    index++;
  }
  statements.push(sql.slice(start));
  return statements.map((statement) => statement.trim()).filter((statement) => tokens(statement).length > 0);
}

export type StatementKind =
  | { readonly kind: 'query' | 'dml' | 'transaction' | 'temporary' | 'other' }
  | CreateStatement
  | { readonly kind: 'drop'; readonly relation: string; readonly what: 'table' | 'view' }
  | { readonly kind: 'alter'; readonly relation: string; readonly rest: readonly string[] }
  | { readonly kind: 'create_schema'; readonly relation: string };

export interface CreateStatement {
  readonly kind: 'create';
  readonly what: 'table' | 'view';
  readonly orReplace: boolean;
  readonly ifNotExists: boolean;
  /** As it is written in the statement. */
  readonly relation: string;
  /** `… copy <relation>` or `… clone <relation>`. */
  readonly copyOf: string | undefined;
}

const DML = new Set(['insert', 'update', 'delete', 'merge', 'truncate']);

export function classify(sql: string): StatementKind {
  const words = tokens(sql);
  const lower = words.map((word) => word.toLowerCase());
  const [first = '', second = '', third = ''] = lower;
  if (first === 'select' || first === 'with' || first === '(' || first === 'from') return { kind: 'query' };
  if (DML.has(first)) return { kind: 'dml' };
  if (
    (first === 'begin' || first === 'commit' || first === 'rollback') &&
    (second === '' || second === 'transaction')
  ) {
    return { kind: 'transaction' };
  }
  if (first === 'create') return classifyCreate(words, lower);
  if (first === 'drop' && (second === 'table' || second === 'view')) {
    return { kind: 'drop', what: second, relation: relationAt(words, third === 'if' ? 4 : 2).text };
  }
  if (first === 'alter' && (second === 'table' || second === 'view')) {
    const { text, end } = relationAt(words, third === 'if' ? 4 : 2);
    return { kind: 'alter', relation: text, rest: words.slice(end) };
  }
  return { kind: 'other' };
}

function classifyCreate(words: readonly string[], lower: readonly string[]): StatementKind {
  let index = 1;
  const orReplace = lower[1] === 'or' && lower[2] === 'replace';
  if (orReplace) index = 3;
  if (lower[index] === 'temp' || lower[index] === 'temporary') return { kind: 'temporary' };
  const what = lower[index];
  if (what === 'schema')
    return {
      kind: 'create_schema',
      relation: relationAt(words, lower[index + 1] === 'if' ? index + 4 : index + 1).text,
    };
  if (what !== 'table' && what !== 'view') return { kind: 'other' };
  const ifNotExists = lower[index + 1] === 'if';
  const { text, end } = relationAt(words, ifNotExists ? index + 4 : index + 1);
  const copies = lower[end] === 'copy' || lower[end] === 'clone';
  const copyOf = copies ? relationAt(words, end + 1).text : undefined;
  return { kind: 'create', what, orReplace, ifNotExists, relation: text, copyOf };
}

/** A relation's name, parts and dots joined as they stand. */
function relationAt(words: readonly string[], start: number): { readonly text: string; readonly end: number } {
  let end = start + 1;
  while (words[end] === '.' || words[end] === '-') end += 2;
  return { text: words.slice(start, end).join(''), end };
}

/** Without quotes, parts joined by dots: two ways to write one relation are equal (BigQuery's names keep their case). */
export function plainRelation(text: string): string {
  return text.replaceAll('`', '');
}

const RELATION =
  /(?:`(?:[^`\\]|\\[\s\S])*`|[A-Za-z_][A-Za-z0-9_-]*)(?:\s*\.\s*(?:`(?:[^`\\]|\\[\s\S])*`|[A-Za-z_][A-Za-z0-9_]*))*/y;

/** `sql` with every mention of one relation, however quoted, turned into another; texts and comments stay. */
export function replaceRelation(
  sql: string,
  from: string,
  to: string,
): { readonly sql: string; readonly found: boolean } {
  const wanted = plainRelation(from);
  let result = '';
  let found = false;
  for (let index = 0; index < sql.length;) {
    const relation = matchAt(RELATION, sql, index);
    if (relation !== undefined) {
      const same = plainRelation(relation).replaceAll(/\s/g, '') === wanted;
      found ||= same;
      result += same ? to : relation;
      index += relation.length;
      continue;
    }
    const piece = matchAt(SKIPPED, sql, index) ?? matchAt(QUOTED, sql, index) ?? sql[index] ?? '';
    result += piece;
    index += piece.length;
  }
  return { sql: result, found };
}

/** Cuts a creation at the `as` before its select; `body` is empty where there is none. */
export function selectOf(sql: string): { readonly head: string; readonly body: string } {
  let depth = 0;
  for (let index = 0; index < sql.length;) {
    const piece =
      matchAt(SKIPPED, sql, index) ?? matchAt(QUOTED, sql, index) ?? matchAt(WORD, sql, index) ?? sql[index] ?? '';
    if (piece === '(') depth++;
    if (piece === ')') depth--;
    index += piece.length;
    if (depth === 0 && piece.toLowerCase() === 'as')
      return { head: sql.slice(0, index), body: sql.slice(index).trim() };
  }
  return { head: sql, body: '' };
}

/** The relation that a DML statement changes, as it is written; undefined for any other statement. */
export function dmlTarget(sql: string): string | undefined {
  const words = tokens(sql);
  let index = 1;
  while (['into', 'from', 'table'].includes((words[index] ?? '').toLowerCase())) index++;
  let end = index + 1;
  while (words[end] === '.' || words[end] === '-') end += 2;
  return classify(sql).kind === 'dml' ? words.slice(index, end).join('') : undefined;
}

/** The value of a text literal as `textLiteral` writes it. */
export function unquoted(literal: string): string {
  return literal
    .slice(1, -1)
    .replaceAll(/\\(.)/g, (_, character: string) => ({ n: '\n', r: '\r' })[character] ?? character);
}
