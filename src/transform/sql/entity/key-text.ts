import type { EntityScope } from './records.ts';

/** The key column of a row with this alias as the text that `_key` is: a number's canonical digits (ingest/record-id.ts). */
export function keyText({ job, dialect }: Pick<EntityScope, 'job' | 'dialect'>, alias: string): string {
  const column = `${alias}.${dialect.quote(job.key.column)}`;
  const isNumber = job.columns.some(({ field, type }) => field === job.key.field && type === 'INT64');
  return isNumber ? `cast(${column} as ${dialect.textType})` : column;
}
