/** `current`: the row of every key over all records (CUSTOMER.md §2). */
import { rankedRecords, type EntityScope } from './records.ts';
import { winnerRows } from './winners.ts';

/**
 * A select of one row per key: business columns, `_op`, `_event_at`, `_is_deleted`, `_batch_id`, `_gone_since`. Gone keys are rows too, marked; with hard
 * deletes the model drops them (`delete_when`).
 */
export function currentRows(scope: EntityScope): string {
  return `with ${rankedRecords(scope)},
newest as (
    select
        _key,
        max(version_rank) as newest_version,
        max(assertion_rank) as newest_assertion,
        coalesce(max(case when not is_gone then assertion_rank end), -1) as newest_there
    from ranked
    group by _key
),
states as (
    select
        n._key,
        max(case when r.version_rank = n.newest_version then r.source_rank end) as source_rank,
        max(case when r.version_rank = n.newest_version then r.row_id end) as row_id,
        max(case when r.version_rank = n.newest_version then r.version_at end) as version_at,
        n.newest_assertion > n.newest_there as is_gone,
        min(case when r.assertion_rank > n.newest_there then r.assertion_at end) as gone_since
    from newest as n
    inner join ranked as r on r._key = n._key and (r.version_rank = n.newest_version or r.assertion_rank > n.newest_there)
    group by n._key, n.newest_assertion, n.newest_there
),
${winnerRows(scope, [])}
select * from entity_rows`;
}
