/** Descriptions as comments in the warehouse (`persist_docs`), written only where they differ from what stands there. */
import type { RelationInfo, RelationName } from '../../core/relation.ts';
import type { Dialect } from './dialect.ts';
import { columnKey } from './schema-change.ts';

export interface WantedComments {
  readonly relation: string | null;
  readonly columns: readonly { readonly name: string; readonly comment: string }[];
}

export interface CommentTarget {
  readonly kind: 'table' | 'view';
  readonly relation: RelationName;
  /** Columns that the relation has afterwards; those described but not there are left out. */
  readonly columns: readonly string[];
}

/**
 * `before` is what stood under the name. `recreated`: the relation is new, so comments that were there are gone and come back,
 * also those that the project does not describe (somebody may have written them by hand).
 */
export function commentStatements(
  dialect: Dialect,
  target: CommentTarget,
  wanted: WantedComments,
  before: { readonly info: RelationInfo | undefined; readonly recreated: boolean },
): string[] {
  const old = before.info?.comment ?? null;
  const statements: string[] = [];
  const text = wanted.relation ?? old;
  if (text !== null && (before.recreated || text !== old)) {
    statements.push(dialect.commentOnRelation(target.kind, target.relation, text));
  }
  for (const [name, comment, oldComment] of columnComments(target, wanted, before.info)) {
    if (before.recreated || comment !== oldComment) {
      statements.push(dialect.commentOnColumn(target.kind, target.relation, name, comment));
    }
  }
  return statements;
}

type ColumnComment = readonly [name: string, comment: string, before: string | undefined];

function columnComments(
  target: CommentTarget,
  wanted: WantedComments,
  info: RelationInfo | undefined,
): ColumnComment[] {
  const present = new Map(target.columns.map((name) => [columnKey(name), name]));
  const old = new Map((info?.columns ?? []).map((column) => [columnKey(column.name), column]));
  const described = new Map(wanted.columns.map(({ name, comment }) => [columnKey(name), comment]));
  for (const [key, column] of old) {
    if (column.comment !== undefined && !described.has(key)) described.set(key, column.comment);
  }
  return [...described].flatMap(([key, comment]): ColumnComment[] => {
    const name = present.get(key);
    return name === undefined ? [] : [[name, comment, old.get(key)?.comment]];
  });
}
