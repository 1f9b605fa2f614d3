/**
 * A view is replaced in one statement. A table of the same name (the materialization changed) is dropped first, in the same
 * transaction where the warehouse has transactional DDL.
 */
import { ddl, plainScript, type BuildInput, type BuildScript } from '../build.ts';
import { dropStatement } from './table.ts';

export function buildView(input: BuildInput): BuildScript {
  const options = Object.entries(input.options.tableOptions).map(([name, value]) => `${name} = ${value}`);
  const clause = options.length === 0 ? '' : `\noptions (${options.join(', ')})`;
  const create = ddl(`create or replace view ${input.dialect.relation(input.target)}${clause} as\n${input.select}`);
  const dropped = input.existing?.kind === 'table' ? [ddl(dropStatement(input.dialect, input.existing))] : [];
  return plainScript(...dropped, create);
}
