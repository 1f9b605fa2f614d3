import type { RelationName } from '../../../core/relation.ts';
import { assertNoNul, joinRelation, type Dialect, type PartitionType } from '../dialect.ts';

function identifier(name: string): string {
  if (name === '') throw new RangeError('an empty name cannot stand in SQL');
  return `"${assertNoNul(name).replaceAll('"', '""')}"`;
}

function relation(name: RelationName): string {
  return joinRelation(name, identifier);
}

function text(value: string): string {
  return `'${assertNoNul(value).replaceAll("'", "''")}'`;
}

function dayLiteral(day: string, type: PartitionType): string {
  // DuckDB's TIMESTAMP has no zone; ours hold UTC.
  return type === 'date' ? `date ${text(day)}` : `timestamp ${text(`${day} 00:00:00`)}`;
}

/** BigQuery's names, as our columns are declared with, in DuckDB's words. */
const TYPES: Readonly<Record<string, string>> = {
  string: 'varchar',
  text: 'varchar',
  int64: 'bigint',
  integer: 'bigint',
  int: 'bigint',
  float64: 'double',
  float: 'double',
  bool: 'boolean',
  bytes: 'blob',
  datetime: 'timestamp',
  // BigQuery's NUMERIC; DuckDB's own would be DECIMAL(18,3).
  numeric: 'decimal(38,9)',
  bignumeric: 'decimal(38,9)',
};

export const duckdb: Dialect = {
  name: 'duckdb',
  identifier,
  relation,
  text,
  dayLiteral,
  // A cast from text to TIMESTAMP drops the offset; through TIMESTAMPTZ, in a session in UTC, it counts (FACTS.md §7).
  castText: (literal, typeName) =>
    /^(?:timestamp|datetime)$/i.test(typeName)
      ? `cast(cast(${literal} as timestamptz) as timestamp)`
      : `cast(${literal} as ${typeName})`,
  typeName: (neutral) => TYPES[neutral.toLowerCase()] ?? neutral,
  comparable: (expression) => expression,
  stagesInTransaction: true,
  stagingRelation: (target) => ({ database: 'temp', schema: 'main', name: `${target.schema}.${target.name}` }),
  createStaging: (staging, select) => `create or replace temp table ${identifier(staging.name)} as\n${select}`,
  dropStaging: (staging) => `drop table ${relation(staging)}`,
  commentOnRelation: (kind, target, comment) => `comment on ${kind} ${relation(target)} is ${text(comment)}`,
  commentOnColumn: (_kind, target, column, comment) =>
    `comment on column ${relation(target)}.${identifier(column)} is ${text(comment)}`,
  createSchema: ({ schema }) => `create schema if not exists ${identifier(schema)}`,
};
