/**
 * What one would write by hand for the reference case on DuckDB, knowing that nothing is late across snapshots and nothing is deleted for good:
 * the newest record per key, typed, without generality, without staging, without tests. These statements are the limit that ours are held against.
 */

/** Business columns of the reference case behind key and time, with the cast of each. */
const FIELDS: readonly (readonly [field: string, cast: string])[] = [
  ['status', 'varchar'],
  ['first_name', 'varchar'],
  ['last_name', 'varchar'],
  ['birth_date', 'date'],
  ['email', 'varchar'],
  ['phone', 'varchar'],
  ['street', 'varchar'],
  ['postal_code', 'varchar'],
  ['city', 'varchar'],
  ['country', 'varchar'],
  ['segment', 'varchar'],
  ['advisor_id', 'varchar'],
  ['newsletter', 'boolean'],
  ['credit_limit', 'decimal(18,2)'],
  ['external_ref', 'bigint'],
  ['attributes', 'json'],
];

const NAMES = FIELDS.map(([field]) => field).join(', ');

export const COLUMNS = [
  'customer_id',
  'updated_at',
  ...FIELDS.map(([field]) => field),
  '_op',
  '_event_at',
  '_is_deleted',
  '_batch_id',
];

/** All texts of a value in one parse. */
const FIELD_LIST = `json_extract_string(value, [${FIELDS.map(([field]) => `'$.${field}'`).join(', ')}]) as fields`;
const TYPED = FIELDS.map(([field, cast], index) => `cast(fields[${index + 1}] as ${cast}) as ${field}`).join(', ');

/** Typed rows of `source` (columns _key, said_at, value, op, _batch_id, and `carry`). */
function typedRows(source: string, carry: readonly string[] = []): string {
  const carried = carry.map((name) => `${name}, `).join('');
  return `select ${carried}customer_id, updated_at, ${NAMES},
    case when status = 'deactivated' then 'd' else op end as _op, updated_at as _event_at,
    coalesce(status = 'deactivated', false) as _is_deleted, _batch_id
from (
    select ${carried}_key as customer_id, said_at as updated_at, ${TYPED}, op, _batch_id
    from (select *, ${FIELD_LIST} from (${source}) as records) as parsed
) as typed`;
}

const OP = "case when _op = 'd' then 'r' else _op end";
const NEWEST = 'max_by(struct_pack(said_at := said_at, value := value, op := op, _batch_id := _batch_id), said_at)';

/** Raw tables (or files) as records: what counts from when. */
export function records(stream: string, snapshot: string): string {
  return `select _key, _event_at as said_at, _event_at as effective_at, value, ${OP} as op, _batch_id from ${stream}
    union all
    select _key, _event_at, greatest(_event_at, _snapshot_started_at), value, 'r', _batch_id from ${snapshot}`;
}

/** Local day in Berlin, in winter: all of these benchmarks is. */
const LOCAL_DAY = 'cast(effective_at + to_hours(1) as date)';

/** The row of every key at the end of each day of [from, to]: the newest record of each key and day, carried forward. */
export function historyRows(source: string, from: string, to: string): string {
  const states = `select _key, day, coalesce(lead(day) over (partition by _key order by day), date '${to}' + 1) as next_day,
        w.said_at, w.value, w.op, w._batch_id
    from (
        select _key, greatest(${LOCAL_DAY}, date '${from}') as day, ${NEWEST} as w
        from (${source}) as records
        where ${LOCAL_DAY} <= date '${to}'
        group by all
    ) as newest`;
  return `select cast(unnest(generate_series(day, next_day - 1, interval 1 day)) as date) as day, * exclude (day, next_day)
from (${typedRows(states, ['day', 'next_day'])}) as carried`;
}

export function currentRows(source: string): string {
  return typedRows(`select _key, w.said_at, w.value, w.op, w._batch_id
    from (select _key, ${NEWEST} as w from (${source}) as records group by _key) as newest`);
}

const RAW = 'analytics_raw';
const rawRecords = (where: string): string =>
  records(
    `(select * from ${RAW}.raw_customer_stream where ${where}) as s`,
    `(select * from ${RAW}.raw_customer_snapshot where ${where}) as r`,
  );

/** Overwrites whole days of history from the raw tables. */
export function overwriteDays(from: string, to: string): readonly string[] {
  return [
    'begin',
    `delete from analytics.history_customer where day between date '${from}' and date '${to}'`,
    `insert into analytics.history_customer by name ${historyRows(rawRecords('true'), from, to)}`,
    'commit',
  ];
}

/** The same, but only the keys of one batch are written. */
export function overwriteKeys(seq: number, from: string, to: string): readonly string[] {
  const changed = '(select _key from changed)';
  return [
    'begin',
    `create temp table changed as select distinct _key from ${RAW}.raw_customer_stream where _seq = ${seq}`,
    `delete from analytics.history_customer where day between date '${from}' and date '${to}' and customer_id in ${changed}`,
    `insert into analytics.history_customer by name ${historyRows(rawRecords(`_key in ${changed}`), from, to)}`,
    'commit',
  ];
}

/**
 * One hour by hand: new rows into raw, the newest event per key merged into current, and into today's partition. As in ours, the checkpoint behind it
 * does not write anew what earlier hours left half empty; that is left to every 24th.
 */
export function hourly(rows: string, day: string): readonly string[] {
  const others = COLUMNS.slice(1);
  return [
    'set max_vacuum_tasks = 0',
    'begin',
    `create temp table events as ${rows}`,
    `insert into ${RAW}.raw_customer_stream by name select * from events`,
    `create temp table batch as ${currentRows(`select _key, _event_at as said_at, value, ${OP} as op, _batch_id from events`)}`,
    `merge into analytics.current_customer as t using batch as s on t.customer_id = s.customer_id
     when matched and s.updated_at >= t.updated_at then update set ${others.map((name) => `${name} = s.${name}`).join(', ')}
     when not matched then insert (${COLUMNS.join(', ')}) values (${COLUMNS.map((name) => `s.${name}`).join(', ')})`,
    `delete from analytics.history_customer where day = date '${day}' and customer_id in (select customer_id from batch)`,
    `insert into analytics.history_customer by name select date '${day}' as day, * from batch`,
    'commit',
  ];
}
