/**
 * Descriptions of tables and columns go by one tables.patch per table instead of one `alter … set options` each: BigQuery takes five changes of
 * a table's metadata in ten seconds (FACTS.md §5), and a described table has more columns than that.
 */
import type { PublishUnit } from '../../transform/run/ports.ts';
import type { FieldSchema, TableResource } from './rest-types.ts';
import { splitStatements, unquoted } from './sql-text.ts';

export interface TableDescription {
  /** As it is written in the statements. */
  readonly relation: string;
  readonly description: string | undefined;
  /** By the column's name in lower case. */
  readonly columns: ReadonlyMap<string, string>;
}

/** What `Dialect.commentOnRelation` and `commentOnColumn` write, and nothing else: options that a hook sets are statements of their own. */
const DESCRIBING =
  /^alter (?:table|view) ((?:`[^`]+`\.)*`[^`]+`) (?:alter column `((?:[^`\\]|\\.)+)` )?set options \(description = ('(?:[^'\\]|\\.)*')\)$/;

/** So many stay in the script, where they cost no request of their own: a view with a description, for instance. */
const MAX_IN_SCRIPT = 2;

/** The unit without the descriptions that are too many for its script, and these. */
export function withoutDescriptions(unit: PublishUnit): {
  readonly unit: PublishUnit;
  readonly descriptions: readonly TableDescription[];
} {
  const matches = unit.statements.map(({ sql }) => {
    const match = DESCRIBING.exec(sql.trim());
    return match === null || splitStatements(sql).length !== 1 ? null : match;
  });
  const counts = new Map<string, number>();
  for (const match of matches) if (match !== null) counts.set(match[1] ?? '', (counts.get(match[1] ?? '') ?? 0) + 1);
  const found = new Map<string, { description: string | undefined; columns: Map<string, string> }>();
  const statements = unit.statements.filter((_, index) => {
    const [, relation = '', column, literal = ''] = matches[index] ?? [];
    if ((counts.get(relation) ?? 0) <= MAX_IN_SCRIPT) return true;
    const entry = found.get(relation) ?? { description: undefined, columns: new Map<string, string>() };
    if (column === undefined) entry.description = unquoted(literal);
    else entry.columns.set(unquoted(`'${column}'`).toLowerCase(), unquoted(literal));
    found.set(relation, entry);
    return false;
  });
  return {
    unit: { ...unit, statements },
    descriptions: [...found].map(([relation, entry]) => ({ relation, ...entry })),
  };
}

/** What has to change so that the table is described so; undefined: nothing. */
export function describingPatch(
  table: TableResource,
  { description, columns }: Pick<TableDescription, 'description' | 'columns'>,
): Partial<TableResource> | undefined {
  const fields = (table.schema?.fields ?? []).map((field): FieldSchema => {
    const text = columns.get(field.name.toLowerCase());
    return text === undefined || text === field.description ? field : { ...field, description: text };
  });
  const isSchemaChanged = fields.some((field, index) => field !== table.schema?.fields?.[index]);
  const isRelationChanged = description !== undefined && description !== table.description;
  if (!isSchemaChanged && !isRelationChanged) return undefined;
  return {
    ...(isRelationChanged ? { description } : {}),
    ...(isSchemaChanged ? { schema: { fields } } : {}),
  };
}
