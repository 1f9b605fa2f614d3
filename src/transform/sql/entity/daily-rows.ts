/**
 * `history`: for every local day D of a window, the row of every key over the records with an effective time before the end of D.
 *
 * Ranks are global per key, so the state at the end of a day is a running maximum of ranks over the days on which a record became
 * effective; between two such days the state is carried forward. Days before the window fold into its first day.
 */
import { GONE_SINCE, type DayWindow } from '../../plan/changes.ts';
import { rankedRecords, type EntityScope } from './records.ts';
import { winnerRows } from './winners.ts';

/** A select of `day`, the business columns, `_op`, `_event_at`, `_is_deleted`, `_batch_id`, `_gone_since`: one row per key and day of the window. */
export function dailyRows(scope: EntityScope, window: DayWindow): string {
  const { dialect } = scope;
  const from = dialect.date(window.from);
  const to = dialect.date(window.to);
  const running = '(partition by _key order by day rows between unbounded preceding and current row)';
  return `with ${rankedRecords(scope)},
dated as ${dialect.inlined}(
    select *, greatest(${dialect.localDay('effective_at', scope.timezone, window)}, ${from}) as day
    from ranked
),
key_days as (
    select
        _key, day,
        max(version_rank) as version_rank,
        max(assertion_rank) as assertion_rank,
        max(case when not is_gone then assertion_rank end) as there_rank
    from dated
    where day <= ${to}
    group by _key, day
),
periods as (
    select
        _key, day,
        max(version_rank) over ${running} as newest_version,
        max(assertion_rank) over ${running} as newest_assertion,
        coalesce(max(there_rank) over ${running}, -1) as newest_there,
        lead(day) over (partition by _key order by day) as next_day
    from key_days
),
gone as (
    select p._key, p.day, min(r.assertion_at) as gone_since
    from periods as p
    inner join dated as r on r._key = p._key and r.assertion_rank > p.newest_there and r.day <= p.day
    where p.newest_assertion > p.newest_there
    group by p._key, p.day
),
states as (
    select
        p._key, p.day as first_day,
        coalesce(${dialect.addDays('p.next_day', -1)}, ${to}) as last_day,
        r.source_rank, r.row_id, r.version_at,
        p.newest_assertion > p.newest_there as is_gone,
        g.gone_since
    from periods as p
    left join ranked as r on r._key = p._key and r.version_rank = p.newest_version
    left join gone as g on g._key = p._key and g.day = p.day
),
${winnerRows(scope, ['first_day', 'last_day'])}
select
    day,
    ${scope.job.columns.map((column) => `e.${dialect.quote(column.name)}`).join(', ')},
    e._op, e._event_at, e._is_deleted, e._batch_id, e.${GONE_SINCE}
from ${dialect.rowPerDay('entity_rows', 'first_day', 'last_day')}${scope.job.deletes === 'hard' ? '\nwhere not e._is_deleted' : ''}`;
}
