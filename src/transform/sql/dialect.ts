/**
 * What differs between the warehouses, as data. SQL text is made from these pieces and nothing else, so that every name is quoted and
 * every value is a literal of its own type: no text of a user's table or of a record can become SQL (DESIGN.md §2, P7).
 */
import type { RelationName } from '../../core/relation.ts';

export type DialectName = 'duckdb' | 'bigquery';

/** Types that a partition column may have. */
export type PartitionType = 'date' | 'timestamp' | 'datetime';

export interface Dialect {
  readonly name: DialectName;
  /** A quoted identifier. Injective: two names give two texts. */
  identifier(name: string): string;
  /** Database, schema and name, each quoted by itself. */
  relation(relation: RelationName): string;
  text(value: string): string;
  /** A literal of the partition column's type that stands for the start of a day, `date '2026-03-01'`. */
  dayLiteral(day: string, type: PartitionType): string;
  /** A text literal as a value of the type; an offset in a timestamp counts. */
  castText(literal: string, typeName: string): string;
  /** Type names for the neutral types of seeds and column declarations; other names pass through unchanged. */
  typeName(neutral: string): string;
  /** `expression` in a form that `is distinct from` takes: BigQuery compares no JSON, arrays or structs. */
  comparable(expression: string, type: string): string;
  /**
   * true: a temporary table inside the transaction holds a model's rows before they are applied. false: an ordinary table made before
   * it does (BigQuery: no permanent DDL inside a transaction, MERGE wants a named table, literals need its bounds first).
   */
  readonly stagesInTransaction: boolean;
  /** Where the rows of a model wait before they are applied. Deterministic, so that what a killed run left is replaced by the next. */
  stagingRelation(target: RelationName): RelationName;
  createStaging(staging: RelationName, select: string): string;
  dropStaging(staging: RelationName): string;
  /** `comment on …` (DuckDB), `alter … set options(description = …)` (BigQuery). */
  commentOnRelation(kind: 'table' | 'view', relation: RelationName, comment: string): string;
  commentOnColumn(kind: 'table' | 'view', relation: RelationName, column: string, comment: string): string;
  createSchema(schema: { readonly database?: string; readonly schema: string }): string;
}

/** Names and texts with a NUL character are refused: neither warehouse can hold one, and drivers cut the text there. */
export function assertNoNul(text: string): string {
  if (text.includes('\0')) throw new RangeError('a name or text with a NUL character cannot stand in SQL');
  return text;
}

export function joinRelation(relation: RelationName, identifier: (name: string) => string): string {
  const parts = relation.database === undefined ? [] : [relation.database];
  return [...parts, relation.schema, relation.name].map(identifier).join('.');
}
