/**
 * MERGE by `unique_key`: one row per key, changed rows only.
 *
 * The rows are staged first: MERGE takes a named table as its source (BigQuery's emulator takes nothing else), the select may read the
 * target, and keys are checked before anything changes. Where dbt has "matched: update" and "not matched: insert" alone, this one
 *
 * - leaves a row untouched when no column differs (`is distinct from`), so that its cost and its row count follow the change;
 * - never lets an older row overwrite a newer one (`sequence_by`, compared in order, NULL first; equal counts as newer, so that a
 *   corrected row of the same version comes through);
 * - deletes the rows for which `delete_when` holds, and does not insert them;
 * - refuses NULL and repeated keys instead of doing something else silently.
 *
 * DuckDB runs all of it in one transaction, and where whole rows are written it does the same without MERGE (`replaceStatements`). BigQuery stages into an ordinary table before the script, and takes literal bounds of
 * the staged keys on the clustered target (`keyRange`): a join on a clustered column alone prunes nothing (FACTS.md §5).
 */
import type { ColumnInfo } from '../../../core/relation.ts';
import { check, ddl, type BuildScript, type Statement } from '../build.ts';
import { duplicateKeys, nullKeys } from '../checks.ts';
import { planSchemaChange } from '../schema-change.ts';
import { distinctions, mergeParts, mergeStaging, onConditions, type MergeInput } from './merge-parts.ts';
import { replaceStatements, writesWholeRows } from './replace-rows.ts';
import { DEST, SOURCE } from './source-alias.ts';
import { stagedScript } from './staging.ts';

export function buildMerge(input: MergeInput): BuildScript {
  const { dialect, options } = input;
  const staging = mergeStaging(input);
  const { alter, columns } = planSchemaChange(input);
  const writes: readonly Statement[] = writesWholeRows(input, columns)
    ? replaceStatements(input, columns)
    : [{ sql: mergeStatement(input, columns), countRows: true }];
  return stagedScript(dialect, staging, [
    check(nullKeys(dialect, staging.relation, options.uniqueKey)),
    check(duplicateKeys(dialect, staging.relation, options.uniqueKey)),
    ...alter.map(ddl),
    ...writes,
  ]);
}

function mergeStatement(input: MergeInput, columns: readonly ColumnInfo[]): string {
  const { dialect } = input;
  const { source, dest, deletes, newer, updated } = mergeParts(input, columns);
  const differs = distinctions(dialect, updated, source, dest);
  const insertable = deletes === null ? '' : ` and not ${deletes}`;
  const names = columns.map(({ name }) => dialect.identifier(name)).join(', ');
  const lines = [
    `merge into ${dialect.relation(input.target)} as ${DEST}`,
    `using ${dialect.relation(dialect.stagingRelation(input.target))} as ${SOURCE}`,
    `on ${onConditions(input, source, dest).join('\n  and ')}`,
  ];
  if (deletes !== null) lines.push(`when matched${and(newer)} and ${deletes} then delete`);
  if (updated.length > 0) {
    const sets = updated.map(({ name }) => `  ${dialect.identifier(name)} = ${source(name)}`);
    lines.push(
      `when matched${and(newer)}${insertable} and (\n  ${differs.join('\n  or ')}\n) then update set\n${sets.join(',\n')}`,
    );
  }
  const values = columns.map(({ name }) => source(name)).join(', ');
  lines.push(`when not matched${insertable} then insert (${names})\nvalues (${values})`);
  return lines.join('\n');
}

function and(condition: string | null): string {
  return condition === null ? '' : ` and ${condition}`;
}
