/**
 * Deletes every row whose key stands in the model's rows, then inserts them: for keys that own several rows, where a merge cannot
 * tell which of them to update. NULL keys are refused, since no delete would ever find their rows again.
 */
import { check, ddl, type BuildScript, type IncrementalInput } from '../build.ts';
import { nullKeys } from '../checks.ts';
import { planSchemaChange } from '../schema-change.ts';
import { insertStatement } from './insert.ts';
import { DEST, SOURCE } from './source-alias.ts';
import { stagedScript, stagingOf } from './staging.ts';

export function buildDeleteInsert(input: IncrementalInput): BuildScript {
  const { dialect, options, target } = input;
  const staging = stagingOf(input);
  const { alter, columns } = planSchemaChange(input);
  const matches = options.uniqueKey.map((column) => {
    const name = dialect.identifier(column);
    return `${SOURCE}.${name} = ${DEST}.${name}`;
  });
  const predicates = options.incrementalPredicates.map((predicate) => `\nand (${predicate})`).join('');
  const remove = [
    `delete from ${dialect.relation(target)} as ${DEST}`,
    `where exists (select 1 from ${dialect.relation(staging.relation)} as ${SOURCE} where ${matches.join(' and ')})${predicates}`,
  ].join('\n');
  return stagedScript(dialect, staging, [
    check(nullKeys(dialect, staging.relation, options.uniqueKey)),
    ...alter.map(ddl),
    { sql: remove },
    { sql: insertStatement(dialect, target, columns, dialect.relation(staging.relation)), countRows: true },
  ]);
}
