/**
 * The guard's question (CUSTOMER.md §2): of the keys that are there without the snapshot, how many would its absences turn into gone
 * ones? Both sides are the same fold, once without and once with the candidate.
 */
import { currentRows } from './current-rows.ts';
import type { EntityScope } from './records.ts';
import { keyText } from './key-text.ts';

/** One row: keys_there, keys_gone. */
export function snapshotGuard(
  scope: EntityScope & { readonly candidate: NonNullable<EntityScope['candidate']> },
): string {
  const { dialect, raw, job, candidate } = scope;
  const key = dialect.quote(job.key.column);
  const { candidate: _, ...before } = scope;
  return `select
    count(*) as keys_there,
    count(case when w._is_deleted and p._key is null then 1 end) as keys_gone
from (
${currentRows(before)}
) as b
inner join (
${currentRows(scope)}
) as w on w.${key} = b.${key}
left join (
    select _key from ${dialect.relation(raw.snapshot)} where _snapshot_started_at = ${dialect.timestamp(candidate.startedAt)} and _snapshot_id = ${dialect.text(candidate.snapshotId)}
    union distinct
    select _key from ${dialect.relation(raw.deadLetter)}
    where _timestamp is null and _snapshot_id = ${dialect.text(candidate.snapshotId)} and _key is not null
) as p on p._key = ${keyText(scope, 'b')}
where not b._is_deleted`;
}
