/** A seed's rows as SQL. Values are text literals cast to the column's type: what cannot be cast fails in the database, with its message. */
import type { RelationInfo, RelationName } from '../../core/relation.ts';
import { ddl, type BuildScript, type Statement } from './build.ts';
import type { Dialect } from './dialect.ts';
import { dropStatement } from './strategies/table.ts';

export interface SeedColumn {
  readonly name: string;
  /** A type name of the warehouse, or a neutral one. */
  readonly type: string;
}

export interface SeedTable {
  readonly columns: readonly SeedColumn[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** BigQuery takes a megabyte of query text; DuckDB's parser is fastest with a few hundred rows at a time. */
const MAX_ROWS_PER_INSERT = 500;
const MAX_CHARS_PER_INSERT = 400_000;

export function buildSeed(
  dialect: Dialect,
  target: RelationName,
  seed: SeedTable,
  existing: RelationInfo | undefined,
): BuildScript {
  const columns = seed.columns
    .map(({ name, type }) => `${dialect.identifier(name)} ${dialect.typeName(type)}`)
    .join(', ');
  const dropped = existing?.kind === 'view' ? [ddl(dropStatement(dialect, existing))] : [];
  const filled = dialect.stagesInTransaction ? target : dialect.stagingRelation(target);
  const create = `create or replace table ${dialect.relation(filled)} (${columns})`;
  const inserts = insertStatements(dialect, filled, seed);
  if (dialect.stagesInTransaction) {
    const counted = inserts.map((sql): Statement => ({ sql, countRows: true }));
    return { stage: [], change: [...dropped, ddl(create), ...counted], cleanup: [] };
  }
  const replace = `create or replace table ${dialect.relation(target)} as\nselect * from ${dialect.relation(filled)}`;
  return {
    stage: [create, ...inserts],
    change: [...dropped, { sql: replace, countRows: true, kind: 'ddl' }],
    cleanup: [dialect.dropStaging(filled)],
  };
}

function insertStatements(dialect: Dialect, target: RelationName, seed: SeedTable): string[] {
  const names = seed.columns.map(({ name }) => dialect.identifier(name)).join(', ');
  const head = `insert into ${dialect.relation(target)} (${names}) values\n`;
  const statements: string[] = [];
  let lines: string[] = [];
  let chars = 0;
  for (const row of seed.rows) {
    const line = `(${seed.columns.map(({ type }, index) => literal(dialect, row[index] ?? null, type)).join(', ')})`;
    if (lines.length === MAX_ROWS_PER_INSERT || (lines.length > 0 && chars + line.length > MAX_CHARS_PER_INSERT)) {
      statements.push(head + lines.join(',\n'));
      lines = [];
      chars = 0;
    }
    lines.push(line);
    chars += line.length;
  }
  if (lines.length > 0) statements.push(head + lines.join(',\n'));
  return statements;
}

function literal(dialect: Dialect, value: string | null, type: string): string {
  const typeName = dialect.typeName(type);
  if (value === null) return `cast(null as ${typeName})`;
  return dialect.castText(dialect.text(value), typeName);
}

/** Which content each seed of a schema holds: a table of sluice's own, since DuckDB has no labels. */
export const SEED_LEDGER = '_sluice_seed';

export function seedLedger(
  dialect: Dialect,
  schema: Omit<RelationName, 'name'>,
): RelationName & { readonly create: string; readonly read: string } {
  const ledger = { ...schema, name: SEED_LEDGER };
  const string = dialect.typeName('string');
  return {
    ...ledger,
    create: `create table if not exists ${dialect.relation(ledger)} (seed ${string}, content_hash ${string})`,
    read: `select seed, content_hash from ${dialect.relation(ledger)}`,
  };
}

export function markSeed(dialect: Dialect, target: RelationName, hash: string): string[] {
  const { name, ...schema } = target;
  const ledger = dialect.relation(seedLedger(dialect, schema));
  return [
    `delete from ${ledger} where seed = ${dialect.text(name)}`,
    `insert into ${ledger} (seed, content_hash) values (${dialect.text(name)}, ${dialect.text(hash)})`,
  ];
}
