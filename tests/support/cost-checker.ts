/**
 * What BigQuery would bill a statement for, decided from its text (pure). Partitions are pruned by constant filters alone and a MERGE's target by
 * constants on its partition or cluster column (FACTS §5), so the checker wants, of every mention of a partitioned table,
 *
 *   no_partition_literal   a condition on the partition column with a literal of its type, in the WHERE of the same query (or in MERGE's ON), joined
 *                          by AND alone;
 *   outside_window         of a raw table, as a lower bound, nothing before the month that the run may read from;
 *   no_key_range           of a MERGE into a clustered table, literal bounds of the cluster column in ON.
 *
 * A table's creation, a view, and the target of INSERT read nothing and are not mentions.
 */
import { classify, dmlTarget, plainRelation, splitStatements, tokens } from '../../src/adapters/bigquery/sql-text.ts';

export interface CostTable {
  /** Without its project and dataset. */
  readonly name: string;
  readonly partition: { readonly column: string; readonly type: 'timestamp' | 'date' } | null;
  /** First cluster column. */
  readonly cluster: string | null;
  /** First month (`YYYY-MM`) that may be read; null: any. */
  readonly readableFrom: string | null;
}

export interface CostViolation {
  readonly rule: 'no_partition_literal' | 'outside_window' | 'no_key_range';
  readonly table: string;
  readonly statement: string;
}

/** The violations of one job's text, in order. */
export function costViolations(sql: string, tables: readonly CostTable[]): readonly CostViolation[] {
  return splitStatements(sql).flatMap((statement) => ofStatement(statement, tables));
}

function ofStatement(statement: string, tables: readonly CostTable[]): readonly CostViolation[] {
  const kind = classify(statement);
  if (kind.kind === 'create' && kind.what === 'view') return [];
  if (kind.kind === 'drop' || kind.kind === 'alter' || kind.kind === 'create_schema') return [];
  const words = tokens(statement);
  const depths = depthsOf(words);
  const target = tableOf(dmlTarget(statement), tables);
  const verb = (words[0] ?? '').toLowerCase();
  const found: CostViolation[] = [];
  const violated = (rule: CostViolation['rule'], table: CostTable): void => {
    found.push({ rule, table: table.name, statement });
  };
  if (verb === 'merge' && target !== undefined) {
    const conditions = conjuncts(between(words, 'on', 'when'));
    if (target.cluster !== null && !conditions.some((one) => isKeyRange(one, target.cluster ?? '')))
      violated('no_key_range', target);
    if (target.partition !== null && !conditions.some((one) => boundOf(one, target) !== undefined))
      violated('no_partition_literal', target);
  }
  for (const { table, index } of mentions(words, tables, verb)) {
    if (table.partition === null) continue;
    const bounds = conjuncts(whereOf(words, depths, index)).flatMap((one) => boundOf(one, table) ?? []);
    if (bounds.length === 0) violated('no_partition_literal', table);
    else if (
      table.readableFrom !== null &&
      !bounds.some(({ from }) => from !== null && from >= (table.readableFrom ?? ''))
    )
      violated('outside_window', table);
  }
  return found;
}

interface Mention {
  readonly table: CostTable;
  /** Of the last word of the table's name. */
  readonly index: number;
}

/** Tables behind FROM and JOIN, and the target of DELETE and UPDATE. */
function mentions(words: readonly string[], tables: readonly CostTable[], verb: string): readonly Mention[] {
  const found: Mention[] = [];
  for (const [at, word] of words.entries()) {
    const lower = word.toLowerCase();
    const isSource = lower === 'from' || lower === 'join' || (verb === 'update' && at === 0);
    if (!isSource) continue;
    let end = at + 1;
    while (words[end + 1] === '.') end += 2;
    const table = tableOf(words.slice(at + 1, end + 1).join(''), tables);
    if (table !== undefined) found.push({ table, index: end });
  }
  return found;
}

function tableOf(relation: string | undefined, tables: readonly CostTable[]): CostTable | undefined {
  const name = relation === undefined ? undefined : plainRelation(relation).split('.').at(-1);
  return tables.find((table) => table.name === name);
}

function depthsOf(words: readonly string[]): readonly number[] {
  let depth = 0;
  return words.map((word) => {
    if (word === ')') depth--;
    const own = depth;
    if (word === '(') depth++;
    return own;
  });
}

const CLAUSE_ENDS = new Set(['group', 'having', 'qualify', 'window', 'order', 'limit', 'union', 'intersect', 'except']);

/** The words of the WHERE that belongs to the query in which the word stands. */
function whereOf(words: readonly string[], depths: readonly number[], index: number): readonly string[] {
  const depth = depths[index] ?? 0;
  let start = -1;
  for (let at = index; at < words.length; at++) {
    const word = (words[at] ?? '').toLowerCase();
    if ((depths[at] ?? 0) < depth) return start === -1 ? [] : words.slice(start, at);
    if ((depths[at] ?? 0) > depth) continue;
    if (word === 'where') start = at + 1;
    else if (CLAUSE_ENDS.has(word)) return start === -1 ? [] : words.slice(start, at);
  }
  return start === -1 ? [] : words.slice(start);
}

function between(words: readonly string[], from: string, to: string): readonly string[] {
  const lower = words.map((word) => word.toLowerCase());
  const start = lower.indexOf(from);
  const end = lower.indexOf(to, start);
  return start === -1 ? [] : words.slice(start + 1, end === -1 ? undefined : end);
}

/** The parts of a condition that all hold; none where an OR stands beside them. Parentheses around a whole part are looked into. */
function conjuncts(words: readonly string[]): readonly (readonly string[])[] {
  const depths = depthsOf(words);
  const parts: string[][] = [[]];
  let isBetween = false;
  for (const [at, word] of words.entries()) {
    const lower = word.toLowerCase();
    if (depths[at] === 0 && lower === 'or') return [];
    if (depths[at] === 0 && lower === 'and' && !isBetween) {
      parts.push([]);
      continue;
    }
    if (depths[at] === 0) isBetween = lower === 'between' || (isBetween && lower !== 'and');
    parts.at(-1)?.push(word);
  }
  return parts.flatMap((part) => (isWrapped(part) ? conjuncts(part.slice(1, -1)) : [part]));
}

function isWrapped(part: readonly string[]): boolean {
  if (part[0] !== '(' || part.at(-1) !== ')') return false;
  const depths = depthsOf(part);
  return part.slice(1, -1).every((_, at) => (depths[at + 1] ?? 0) > 0);
}

/** `column op …`, the column with or without an alias in front; undefined for anything else. */
function comparison(part: readonly string[], column: string): readonly string[] | undefined {
  const start = part[1] === '.' ? 2 : 0;
  if (plainRelation(part[start] ?? '').toLowerCase() !== column.toLowerCase()) return undefined;
  return part.slice(start + 1).map((word) => (/^['"]/.test(word) ? word : word.toLowerCase()));
}

/** What a condition says of the partition column by literals; `from`: the month that it begins with, null without a lower bound. */
function boundOf(part: readonly string[], { partition }: CostTable): { readonly from: string | null } | undefined {
  const rest = partition === null ? undefined : comparison(part, partition.column);
  if (partition === null || rest === undefined) return undefined;
  const [first = '', second = ''] = rest;
  // Rows without a time have a partition of their own.
  if (first === 'is' && second === 'null' && rest.length === 2) return { from: '9999-99' };
  const literals: string[] = [];
  for (const [at, word] of rest.entries())
    if (word === partition.type) literals.push(...(isText(rest[at + 1]) ? [rest[at + 1] ?? ''] : []));
  if (literals.length === 0 || rest.some((word) => word === 'select')) return undefined;
  const months = literals.map((text) => text.slice(1, 8)).sort();
  const isLower = first === '=' || first === 'between' || first === 'in' || first === '>';
  if (!isLower && first !== '<') return undefined;
  return { from: isLower ? (months[0] ?? null) : null };
}

function isText(word: string | undefined): boolean {
  return /^'[^']*'$/.test(word ?? '');
}

function isKeyRange(part: readonly string[], column: string): boolean {
  const rest = comparison(part, column);
  if (rest?.[0] !== 'between') return false;
  return !rest.some((word) => word === '.' || word === 'select') && rest.includes('and');
}
