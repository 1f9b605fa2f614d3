import type { RelationName } from '../../../core/relation.ts';
import { assertNoNul, joinRelation, type Dialect, type PartitionType } from '../dialect.ts';

/** Quoted identifiers and texts take the same escapes in GoogleSQL. */
function escaped(value: string, quote: '`' | "'"): string {
  return assertNoNul(value)
    .replaceAll('\\', '\\\\')
    .replaceAll(quote, `\\${quote}`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\r', String.raw`\r`);
}

function identifier(name: string): string {
  if (name === '') throw new RangeError('an empty name cannot stand in SQL');
  return `\`${escaped(name, '`')}\``;
}

function relation(name: RelationName): string {
  return joinRelation(name, identifier);
}

function text(value: string): string {
  return `'${escaped(value, "'")}'`;
}

function dayLiteral(day: string, type: PartitionType): string {
  if (type === 'date') return `date ${text(day)}`;
  return type === 'timestamp' ? `timestamp ${text(`${day} 00:00:00+00`)}` : `datetime ${text(`${day} 00:00:00`)}`;
}

const TYPES: Readonly<Record<string, string>> = {
  text: 'string',
  varchar: 'string',
  integer: 'int64',
  int: 'int64',
  bigint: 'int64',
  double: 'float64',
  float: 'float64',
  boolean: 'bool',
};

const INCOMPARABLE = /^(?:JSON|STRUCT|RECORD|ARRAY)\b/i;

/** A leftover of a killed run costs storage until then; the next run of the model replaces it anyway. */
const STAGING_HOURS = 24;

export const bigquery: Dialect = {
  name: 'bigquery',
  identifier,
  relation,
  text,
  dayLiteral,
  castText: (literal, typeName) =>
    /^json$/i.test(typeName) ? `parse_json(${literal})` : `cast(${literal} as ${typeName})`,
  typeName: (neutral) => TYPES[neutral.toLowerCase()] ?? neutral,
  comparable: (expression, type) => {
    if (INCOMPARABLE.test(type)) return `to_json_string(${expression})`;
    return /^GEOGRAPHY\b/i.test(type) ? `st_astext(${expression})` : expression;
  },
  stagesInTransaction: false,
  stagingRelation: (target) => ({ ...target, name: `${target.name}__sluice_stage` }),
  createStaging: (staging, select) =>
    `create or replace table ${relation(staging)}\noptions (expiration_timestamp = timestamp_add(current_timestamp(), interval ${String(STAGING_HOURS)} hour)) as\n${select}`,
  dropStaging: (staging) => `drop table if exists ${relation(staging)}`,
  commentOnRelation: (kind, target, comment) =>
    `alter ${kind} ${relation(target)} set options (description = ${text(comment)})`,
  commentOnColumn: (kind, target, column, comment) =>
    `alter ${kind} ${relation(target)} alter column ${identifier(column)} set options (description = ${text(comment)})`,
  createSchema: ({ database, schema }) =>
    `create schema if not exists ${database === undefined ? '' : `${identifier(database)}.`}${identifier(schema)}`,
};
