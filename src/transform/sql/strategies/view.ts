/**
 * A view is replaced in one statement. A table of the same name (the materialization changed) is dropped first, in the same
 * transaction where the warehouse has transactional DDL.
 */
import { ddl, plainScript, type BuildInput, type BuildScript } from '../build.ts';
import { dropStatement } from './table.ts';

export function buildView(input: BuildInput): BuildScript {
  const create = ddl(`create or replace view ${input.dialect.relation(input.target)} as\n${input.select}`);
  const dropped = input.existing?.kind === 'table' ? [ddl(dropStatement(input.dialect, input.existing))] : [];
  return plainScript(...dropped, create);
}
