/** Policy tags (BigQuery) that a table's columns are to have after a node is built. */
import type { RelationInfo, RelationName } from '../../core/relation.ts';
import type { ModelNode, SeedNode } from '../compile/node.ts';
import { columnKey } from '../sql/schema-change.ts';
import type { PublishUnit } from './ports.ts';

/**
 * undefined: the columns have them, or none is wanted. A table that is made anew loses its tags, so those that somebody set in the warehouse come
 * back as well; the project's own word counts more.
 */
export function wantedTags(
  node: ModelNode | SeedNode,
  {
    target,
    existing,
    recreated,
  }: { readonly target: RelationName; readonly existing: RelationInfo | undefined; readonly recreated: boolean },
): PublishUnit['policyTags'] {
  if (node.kind === 'model' && node.config.materialized === 'view') return undefined;
  const present = new Map(
    (existing?.kind === 'table' ? existing.columns : []).map(({ name, policyTags = [] }) => [
      columnKey(name),
      policyTags,
    ]),
  );
  const wanted = new Map(
    node.columns.flatMap(({ name, policyTags }) =>
      policyTags.length === 0 ? [] : [[columnKey(name), policyTags] as const],
    ),
  );
  if (recreated) for (const [name, tags] of present) if (tags.length > 0 && !wanted.has(name)) wanted.set(name, tags);
  const isSet = ([name, tags]: readonly [string, readonly string[]]): boolean =>
    present.get(name)?.join() === tags.join();
  if (wanted.size === 0 || (!recreated && [...wanted].every(isSet))) return undefined;
  return { relation: target, columns: Object.fromEntries(wanted) };
}
