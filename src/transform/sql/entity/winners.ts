/** From winning records to typed rows: the values are read here, once per row, and nowhere before. */
import type { EntityColumn } from '../../../core/job.ts';
import { GONE_SINCE } from '../../plan/changes.ts';
import { keyText } from './key-text.ts';
import { baseDayFilter, sinceFilter, type EntityScope } from './records.ts';

/** Business columns in the order of the schema; the key column is the record's key, not the value's field. */
export function businessColumns(scope: EntityScope): readonly EntityColumn[] {
  return scope.job.columns;
}

function isKey(scope: EntityScope, column: EntityColumn): boolean {
  return column.field === scope.job.key.field;
}

function isEventTime(scope: EntityScope, column: EntityColumn): boolean {
  return column.field === scope.job.eventTime.field;
}

/**
 * CTEs that read `states` (columns: _key, source_rank, row_id, version_at, is_gone, gone_since, and any of `carry`) and end in `entity_rows`:
 * `carry`, the business columns, `_op`, `_event_at`, `_is_deleted`, `_batch_id`, `_gone_since`.
 */
export function winnerRows(scope: EntityScope, carry: readonly string[]): string {
  const { dialect, raw, job } = scope;
  const columns = businessColumns(scope);
  const readable = columns.filter((column) => !isKey(scope, column) && !isEventTime(scope, column));
  const json = dialect.fromJson(readable, '_document', '_is_rewritten');
  const carried = carry.map((name) => `${name}, `).join('');
  const typed = columns.map((column) => {
    const name = dialect.quote(column.name);
    if (isKey(scope, column))
      return column.type === 'INT64' ? `cast(_key as ${dialect.bigint}) as ${name}` : `_key as ${name}`;
    if (isEventTime(scope, column)) return `_value_event_at as ${name}`;
    return `${json.column(readable.indexOf(column))} as ${name}`;
  });
  const snapshotJoin =
    job.snapshot === null || scope.base !== undefined
      ? ''
      : `
    union all
    select ${carry.map((name) => `s.${name}, `).join('')}s._key, s.source_rank, s.version_at, s.is_gone, s.gone_since,
        'r' as _record_op, r._event_at as _value_event_at, coalesce(r._json, r.value) as _document, r._json is not null as _is_rewritten, r._batch_id
    from states as s
    inner join ${dialect.relation(raw.snapshot)} as r on s.row_id = ${idOf(scope, 'snapshot')}
    where s.source_rank = 1 and s.row_id is not null`;
  const prepared = json.prepare === null ? '' : `, ${json.prepare} as _fields`;
  return `winners as (
    select ${carry.map((name) => `s.${name}, `).join('')}s._key, s.source_rank, s.version_at, s.is_gone, s.gone_since,
        case r._op when 'd' then 'r' else r._op end as _record_op, r._event_at as _value_event_at,
        coalesce(r._json, r.value) as _document, r._json is not null as _is_rewritten, r._batch_id
    from states as s
    inner join ${dialect.relation(raw.stream)} as r on s.row_id = ${idOf(scope, 'stream')}
    where ${sinceFilter(scope, 'r._event_at')}s.source_rank = 0 and s.row_id is not null${snapshotJoin}
    union all
    select ${carried}_key, 0, version_at, is_gone, gone_since,
        cast(null as ${dialect.textType}), cast(null as ${dialect.timestampType}), cast(null as ${dialect.textType}),
        false, cast(null as ${dialect.textType})
    from states
    where row_id is null${scope.base === undefined ? '' : ' and source_rank is null'}
),
documents as (
    select *${prepared} from winners
),
typed as (
    select ${carried}is_gone, gone_since, version_at, _record_op, _batch_id,
        ${typed.join(',\n        ')}
    from documents
),
judged as (
    select *, (is_gone or coalesce((${job.deletedWhen ?? 'false'}), false)) as _is_deleted
    from typed
),
entity_rows as (
    select ${carried}
        ${columns.map((column) => dialect.quote(column.name)).join(', ')},
        case when _is_deleted then 'd' else _record_op end as _op,
        case when is_gone then gone_since else version_at end as _event_at,
        _is_deleted,
        _batch_id,
        case when is_gone then gone_since end as ${GONE_SINCE}
    from judged${rememberedRows(scope, carry)}
)`;
}

/**
 * Keys whose columns are still the published ones: nothing newer has a value. They are few, often none, and their states name them: so the
 * table is asked for these alone, not for all of `remembered` once more.
 */
function rememberedRows(scope: EntityScope, carry: readonly string[]): string {
  const { base, dialect, job } = scope;
  if (base === undefined) return '';
  return `
    union all
    select ${carry.map((name) => `s.${name}, `).join('')}${job.columns.map(({ name }) => `m.${dialect.quote(name)}`).join(', ')},
        case when s.is_gone then 'd' else m._op end,
        case when s.is_gone then s.gone_since else m._event_at end,
        s.is_gone or m._is_deleted,
        m._batch_id,
        case when s.is_gone then s.gone_since end
    from states as s
    inner join ${dialect.relation(base.relation)} as m on ${keyText(scope, 'm')} = s._key
    where ${baseDayFilter(base, dialect, 'm.day')}s.source_rank = 2`;
}

function idOf(scope: EntityScope, table: 'stream' | 'snapshot'): string {
  const id = scope.dialect.rowId[table];
  return scope.dialect.name === 'duckdb' ? 'r.rowid' : id.replaceAll(/_(object|offset|page|row)\b/g, 'r._$1');
}
