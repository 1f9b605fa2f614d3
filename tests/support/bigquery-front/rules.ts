/**
 * What BigQuery refuses and the emulator takes, decided from the text of a job (pure). Where BigQuery would look at data, `engine.ts`
 * does.
 */
import {
  classify,
  plainRelation,
  splitStatements,
  tokens,
  dmlTarget,
} from '../../../src/adapters/bigquery/sql-text.ts';
import { FrontRefusal, invalid, invalidQuery } from './refusal.ts';

const JOB_ID = /^[A-Za-z0-9_-]{1,1024}$/;
const LABEL_KEY = /^[a-z][a-z0-9_-]{0,62}$/;
const LABEL_VALUE = /^[a-z0-9_-]{0,63}$/;
const MAX_LABELS = 64;
const RESERVED_NAME = /^(?:_PARTITION|_TABLE_|_FILE_|_ROW_TIMESTAMP|__ROOT__|_COLIDENTIFIER)/i;
const FIELD_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,299}$/;

export function assertJobId(jobId: string): void {
  if (!JOB_ID.test(jobId))
    throw invalid(`Invalid job ID "${jobId}". Job IDs must be alphanumeric (plus underscores and dashes)`);
}

export function assertLabels(labels: unknown): void {
  if (typeof labels !== 'object' || labels === null) return;
  const entries = Object.entries(labels);
  if (entries.length > MAX_LABELS) throw invalid(`More than ${String(MAX_LABELS)} labels`);
  for (const [key, value] of entries) {
    if (!LABEL_KEY.test(key)) throw invalid(`Label key "${key}" has invalid characters.`);
    if (typeof value !== 'string' || !LABEL_VALUE.test(value))
      throw invalid(`Label value "${String(value)}" has invalid characters.`);
  }
}

export function assertFieldNames(names: readonly string[]): void {
  for (const name of names) {
    if (RESERVED_NAME.test(name)) {
      throw invalid(
        `Invalid field name "${name}". Field names are not allowed to start with the (case-insensitive) prefixes _PARTITION, _TABLE_, _FILE_, _ROW_TIMESTAMP, __ROOT__ and _COLIDENTIFIER`,
      );
    }
    if (!FIELD_NAME.test(name)) throw invalid(`Invalid field name "${name}".`);
  }
}

/** The statements of a script, checked as BigQuery (and our own promise of atomicity) would. */
export function checkedStatements(sql: string): readonly string[] {
  const statements = splitStatements(sql);
  if (statements.length === 0) throw invalidQuery('Query was empty');
  let inTransaction = false;
  let transactions = 0;
  const changes: boolean[] = [];
  for (const statement of statements) {
    const words = tokens(statement).map((word) => word.toLowerCase());
    assertAliases(statement, words);
    const kind = classify(statement);
    if (kind.kind === 'transaction') {
      if (words[0] === 'begin') {
        if (inTransaction) throw invalidQuery('A transaction is already in progress');
        transactions++;
      } else if (!inTransaction) throw invalidQuery('There is no transaction in progress');
      inTransaction = words[0] === 'begin';
    }
    const permanent =
      kind.kind === 'create' || kind.kind === 'drop' || kind.kind === 'alter' || kind.kind === 'create_schema';
    if (permanent && inTransaction) {
      throw invalidQuery(
        'Transaction control: DDL statements are not supported inside a transaction, other than those of temporary tables',
      );
    }
    if (kind.kind === 'dml') {
      changes.push(inTransaction);
      assertMergeSource(words);
    }
  }
  if (inTransaction) throw invalidQuery('The script ended with a transaction in progress');
  // Not BigQuery's rule but ours: readers never see half of a unit.
  if (transactions > 1 || (changes.length > 1 && changes.includes(false))) {
    throw invalidQuery(`strict front: the ${String(changes.length)} changes of this script are not one transaction`);
  }
  return statements;
}

function assertAliases(statement: string, words: readonly string[]): void {
  if (classify(statement).kind !== 'create') return;
  const aliases = words.filter((_, index) => words[index - 1] === 'as').map((word) => word.replaceAll('`', ''));
  assertFieldNames(aliases.filter((alias) => RESERVED_NAME.test(alias)));
}

/** BigQuery takes a subquery as the source of MERGE; the emulator does not, and neither do our models (`merge.ts`). */
function assertMergeSource(words: readonly string[]): void {
  const using = words.indexOf('using');
  if (words[0] === 'merge' && words[using + 1] === '(') {
    throw invalidQuery(
      'strict front: MERGE reads a subquery; stage the rows in a table, so that they are read once and can be checked',
    );
  }
}

/** A table that wants a partition filter must not be touched by a statement which has no literal condition on the partition column. */
export function assertPartitionFilter(
  statement: string,
  table: { readonly relation: string; readonly column: string },
): void {
  const words = tokens(statement);
  const kind = classify(statement).kind;
  if (kind !== 'dml' && kind !== 'query' && kind !== 'temporary') return;
  const target = dmlTarget(statement);
  const first = words[0]?.toLowerCase();
  if (first === 'insert' || first === 'truncate') return;
  const mentioned = target !== undefined && sameTable(target, table.relation);
  if (!mentioned && kind === 'dml') return;
  if (!mentioned && !words.some((_, index) => sameTable(relationFrom(words, index), table.relation))) return;
  const column = table.column.toLowerCase();
  const filtered = words.some((word, index) => {
    if (word.replaceAll('`', '').toLowerCase() !== column) return false;
    const next = words
      .slice(index + 1, index + 4)
      .join(' ')
      .toLowerCase();
    // Any condition on the partition column alone counts (BigQuery's manual, "Require a partition filter in queries").
    return /^(?:=|>|<|in|between|is|> =|< =)/.test(next);
  });
  if (filtered) return;
  throw invalidQuery(
    `Cannot query over table '${plainRelation(table.relation)}' without a filter over column(s) '${table.column}' that can be used for partition elimination`,
  );
}

function relationFrom(words: readonly string[], start: number): string {
  let end = start + 1;
  while (words[end] === '.') end += 2;
  return words.slice(start, end).join('');
}

/** `p.d.t` and `d.t` are one table here: tests have one project. */
export function sameTable(left: string, right: string): boolean {
  const short = (relation: string): string => plainRelation(relation).split('.').slice(-2).join('.');
  return short(left) === short(right);
}

export function assertNoDecorator(tableId: string): void {
  if (!tableId.includes('$')) return;
  throw new FrontRefusal(
    400,
    'invalid',
    `strict front: partition decorators are not run here ("${tableId}"): the emulator makes a table of that name`,
  );
}
