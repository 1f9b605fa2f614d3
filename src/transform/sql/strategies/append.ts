/**
 * Appends what the select gives. Nothing keeps a re-run from appending again: that is for the model to do (`where … > (select max(…)
 * from {{ this }})`). An insert may read its own target, so nothing is staged.
 */
import { ddl, plainScript, type BuildScript, type IncrementalInput } from '../build.ts';
import { planSchemaChange } from '../schema-change.ts';
import { insertStatement } from './insert.ts';

export function buildAppend(input: IncrementalInput): BuildScript {
  const { alter, columns } = planSchemaChange(input);
  const from = `(\n${input.select}\n) as model_rows`;
  const insert = insertStatement(input.dialect, input.target, columns, from);
  return plainScript(...alter.map(ddl), { sql: insert, countRows: true });
}
