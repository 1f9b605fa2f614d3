create or replace table `sluice-test`.`analytics`.`history_customer__sluice_stage`
options (expiration_timestamp = timestamp_add(current_timestamp(), interval 24 hour)) as
-- depends_on: `sluice-test`.`analytics`.`stg_customer_events`, `sluice-test`.`analytics`.`stg_customer_listing`

with daily as (

    -- One row per customer and day of the planned window.
    select * from (
with remembered as (
    select _published.`customer_id` as _key, _published._gone_since from `sluice-test.analytics.history_customer` as _published
    where day = date '2026-03-15' and _published.`customer_id` in (select _key from `sluice-test.analytics_raw._sluice_changed_keys_customer`)
),
stream_records as (
    select
        _key, 0 as source_rank, concat(_object, ':', cast(_offset as string)) as row_id,
        case when _has_value then _event_at end as version_at,
        _event_at as assertion_at, coalesce(_event_at) as effective_at, _timestamp as observed_at,
        case _op when 'c' then 1 when 'u' then 2 else 3 end as op_rank,
        case _topic when 'kundenservice-kunde-create' then 0 when 'kundenservice-kunde-delete' then 1 when 'kundenservice-kunde-update' then 2 else 3 end as tie_1, _topic_partition as tie_2, _epoch as tie_3, _offset as tie_4,
        (_op = 'd' or not _has_value) as is_gone
    from `sluice-test.analytics_raw.raw_customer_stream`
    where _event_at >= timestamp '2026-03-15 09:30:00.000000+00' and _key in (select _key from `sluice-test.analytics_raw._sluice_changed_keys_customer`)
),
records as (
    select *, coalesce(assertion_at) as said_at from stream_records
),
ordered as (
    select *, row_number() over (partition by _key order by said_at, source_rank, observed_at, op_rank, tie_1, tie_2, tie_3, tie_4) as place
    from records
),
ranked as (
    select
        _key, 2 as source_rank, cast(null as string) as row_id, cast(null as timestamp) as version_at,
        _gone_since as assertion_at, timestamp '2026-03-15 09:30:00.000000+00' as effective_at, _gone_since is not null as is_gone,
        0 as version_rank, 0 as assertion_rank
    from remembered
    union all
    select
        _key, source_rank, row_id, version_at, assertion_at, effective_at, is_gone,
        case when version_at = said_at then place end as version_rank,
        case when assertion_at = said_at then place end as assertion_rank
    from ordered
),
dated as (
    select *, greatest(date(least(effective_at, timestamp '9999-12-30 00:00:00+00'), 'Europe/Berlin'), date '2026-03-15') as day
    from ranked
),
key_days as (
    select
        _key, day,
        max(version_rank) as version_rank,
        max(assertion_rank) as assertion_rank,
        max(case when not is_gone then assertion_rank end) as there_rank
    from dated
    where day <= date '2026-03-15'
    group by _key, day
),
periods as (
    select
        _key, day,
        max(version_rank) over (partition by _key order by day rows between unbounded preceding and current row) as newest_version,
        max(assertion_rank) over (partition by _key order by day rows between unbounded preceding and current row) as newest_assertion,
        coalesce(max(there_rank) over (partition by _key order by day rows between unbounded preceding and current row), -1) as newest_there,
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
        coalesce(date_add(p.next_day, interval -1 day), date '2026-03-15') as last_day,
        r.source_rank, r.row_id, r.version_at,
        p.newest_assertion > p.newest_there as is_gone,
        g.gone_since
    from periods as p
    left join ranked as r on r._key = p._key and r.version_rank = p.newest_version
    left join gone as g on g._key = p._key and g.day = p.day
),
winners as (
    select s.first_day, s.last_day, s._key, s.source_rank, s.version_at, s.is_gone, s.gone_since,
        case r._op when 'd' then 'r' else r._op end as _record_op, r._event_at as _value_event_at,
        coalesce(r._json, r.value) as _document, r._json is not null as _is_rewritten, r._batch_id
    from states as s
    inner join `sluice-test.analytics_raw.raw_customer_stream` as r on s.row_id = concat(r._object, ':', cast(r._offset as string))
    where r._event_at >= timestamp '2026-03-15 09:30:00.000000+00' and s.source_rank = 0 and s.row_id is not null
    union all
    select first_day, last_day, _key, 0, version_at, is_gone, gone_since,
        cast(null as string), cast(null as timestamp), cast(null as string),
        false, cast(null as string)
    from states
    where row_id is null and source_rank is null
),
documents as (
    select * from winners
),
typed as (
    select first_day, last_day, is_gone, gone_since, version_at, _record_op, _batch_id,
        _key as `customer_id`,
        _value_event_at as `updated_at`,
        json_value(_document, '$."status"') as `status`,
        json_value(_document, '$."first_name"') as `first_name`,
        json_value(_document, '$."last_name"') as `last_name`,
        cast(json_value(_document, '$."birth_date"') as date) as `birth_date`,
        json_value(_document, '$."email"') as `email`,
        json_value(_document, '$."phone"') as `phone`,
        json_value(_document, '$."street"') as `street`,
        json_value(_document, '$."postal_code"') as `postal_code`,
        json_value(_document, '$."city"') as `city`,
        json_value(_document, '$."country"') as `country`,
        json_value(_document, '$."segment"') as `segment`,
        json_value(_document, '$."advisor_id"') as `advisor_id`,
        cast(json_value(_document, '$."newsletter"') as bool) as `newsletter`,
        cast(json_value(_document, '$."credit_limit"') as numeric) as `credit_limit`,
        cast(cast(json_value(_document, '$."external_ref"') as numeric) as int64) as `external_ref`,
        parse_json(if(_is_rewritten, json_value(_document, '$."attributes"'), json_query(_document, '$."attributes"')), wide_number_mode => 'round') as `attributes`
    from documents
),
judged as (
    select *, (is_gone or coalesce((status = 'deactivated'), false)) as _is_deleted
    from typed
),
entity_rows as (
    select first_day, last_day, 
        `customer_id`, `updated_at`, `status`, `first_name`, `last_name`, `birth_date`, `email`, `phone`, `street`, `postal_code`, `city`, `country`, `segment`, `advisor_id`, `newsletter`, `credit_limit`, `external_ref`, `attributes`,
        case when _is_deleted then 'd' else _record_op end as _op,
        case when is_gone then gone_since else version_at end as _event_at,
        _is_deleted,
        _batch_id,
        case when is_gone then gone_since end as _gone_since
    from judged
    union all
    select s.first_day, s.last_day, m.`customer_id`, m.`updated_at`, m.`status`, m.`first_name`, m.`last_name`, m.`birth_date`, m.`email`, m.`phone`, m.`street`, m.`postal_code`, m.`city`, m.`country`, m.`segment`, m.`advisor_id`, m.`newsletter`, m.`credit_limit`, m.`external_ref`, m.`attributes`,
        case when s.is_gone then 'd' else m._op end,
        case when s.is_gone then s.gone_since else m._event_at end,
        s.is_gone or m._is_deleted,
        m._batch_id,
        case when s.is_gone then s.gone_since end
    from states as s
    inner join `sluice-test.analytics.history_customer` as m on m.`customer_id` = s._key
    where m.day = date '2026-03-15' and s.source_rank = 2
)
select
    day,
    e.`customer_id`, e.`updated_at`, e.`status`, e.`first_name`, e.`last_name`, e.`birth_date`, e.`email`, e.`phone`, e.`street`, e.`postal_code`, e.`city`, e.`country`, e.`segment`, e.`advisor_id`, e.`newsletter`, e.`credit_limit`, e.`external_ref`, e.`attributes`,
    e._op, e._event_at, e._is_deleted, e._batch_id, e._gone_since
from entity_rows as e
cross join unnest(generate_date_array(e.first_day, e.last_day)) as day
) as folded
union all
select carried.day, carried.`customer_id`, carried.`updated_at`, carried.`status`, carried.`first_name`, carried.`last_name`, carried.`birth_date`, carried.`email`, carried.`phone`, carried.`street`, carried.`postal_code`, carried.`city`, carried.`country`, carried.`segment`, carried.`advisor_id`, carried.`newsletter`, carried.`credit_limit`, carried.`external_ref`, carried.`attributes`, carried._op, carried._event_at, carried._is_deleted, carried._batch_id, carried._gone_since
from `sluice-test.analytics.history_customer` as carried
where carried.day between date '2026-03-15' and date '2026-03-15'
    and carried.`customer_id` not in (select _key from `sluice-test.analytics_raw._sluice_changed_keys_customer`)

)

select
    day,
    customer_id,
    updated_at,
    status,
    first_name,
    last_name,
    birth_date,
    email,
    phone,
    street,
    postal_code,
    city,
    country,
    segment,
    advisor_id,
    newsletter,
    credit_limit,
    external_ref,
    attributes,
    _op,
    _event_at,
    _is_deleted,
    _batch_id,
    _gone_since
from daily
