/**
 * The records of an entity as one narrow relation, ranked by the two total orders of CUSTOMER.md §2: `version_rank` (what a key looks
 * like) and `assertion_rank` (whether it is there). Values stay behind in the raw tables; `row_id` finds the few that win.
 *
 * A record is a stream event, a tombstone, a row of an admitted snapshot, or an absence: a key that is not in a complete snapshot,
 * was observed before the download started and has no stream record whose assertion time lies in [S0 - tolerance, S1 + tolerance].
 */
import type { JobDefinition } from '../../../core/job.ts';
import type { RelationName } from '../../../core/relation.ts';
import { GONE_SINCE, type PublishedBase } from '../../plan/changes.ts';
import type { EntityDialect } from './dialect.ts';
import { keyText } from './key-text.ts';

/** The raw tables of an entity; see CUSTOMER.md §3. */
export interface RawRelations {
  readonly stream: RelationName;
  readonly snapshot: RelationName;
  readonly snapshotLoad: RelationName;
  readonly deadLetter: RelationName;
}

export function rawRelations(entity: string, schema: string, suffix = '', database?: string): RawRelations {
  const named = (kind: string): RelationName => ({
    ...(database === undefined ? {} : { database }),
    schema,
    name: `raw_${entity}_${kind}${suffix}`,
  });
  return {
    stream: named('stream'),
    snapshot: named('snapshot'),
    snapshotLoad: named('snapshot_load'),
    deadLetter: named('dead_letter'),
  };
}

/**
 * The model's own published rows, from which (and from the stream records since then) the new rows follow.
 *
 * A published row is the fold of all earlier records, so it stands for them in the order of both questions: every record since `since` is newer
 * than any of them. Its columns are those of the newest version before, `_gone_since` says whether and since when the key was gone. Where a
 * row has taken in records since `since` itself, they are read again, and what the row says of them is not used: a record that says "there"
 * brings columns of its own and ends what was gone before; and where all of them say "gone", the row's columns are still the older ones, and its
 * `_gone_since` is the first of the gone ones. A key without a row was never seen, or is gone by hard delete, which says no more than that.
 */
export interface EntityBase extends PublishedBase {
  readonly relation: RelationName;
}

export interface EntityScope {
  readonly job: JobDefinition;
  readonly raw: RawRelations;
  readonly dialect: EntityDialect;
  readonly timezone: string;
  /** Restricts every record to the keys in this table's `_key`; null: all keys. */
  readonly keys: RelationName | null;
  /** Left out: rows are folded from raw alone. */
  readonly base?: EntityBase;
  /** A snapshot that is loaded but not admitted yet counts too: the guard asks what it would do. */
  readonly candidate?: { readonly snapshotId: string; readonly startedAt: string; readonly finishedAt: string };
}

/** c < u < d after the snapshot's r = 0. */
const OP_RANK = "case _op when 'c' then 1 when 'u' then 2 else 3 end";

/** Topics in ascending order of name, as a number: comparing integers is what makes the sort cheap. */
function topicRank(scope: EntityScope): string {
  const names = scope.job.topics.map((topic) => topic.name).sort((left, right) => (left < right ? -1 : 1));
  const cases = names.map((name, index) => `when ${scope.dialect.text(name)} then ${index}`).join(' ');
  return `case _topic ${cases} else ${names.length} end`;
}

function keyFilter(scope: EntityScope, column: string): string {
  return scope.keys === null ? 'true' : `${column} in (select _key from ${scope.dialect.relation(scope.keys)})`;
}

function snapshotsCte(scope: EntityScope): string {
  const { dialect, raw, candidate } = scope;
  const tolerance = scope.job.snapshot?.toleranceMs ?? 0;
  const admitted = `select
        _snapshot_id, _snapshot_started_at as s0, _snapshot_finished_at as s1, _snapshot_complete as is_complete, _seq as snapshot_seq
    from ${dialect.relation(raw.snapshotLoad)}`;
  const extra =
    candidate === undefined
      ? ''
      : `
    union all
    select ${dialect.text(candidate.snapshotId)}, ${dialect.timestamp(candidate.startedAt)}, ${dialect.timestamp(candidate.finishedAt)}, true, 9007199254740991`;
  return `snapshots as (
    select *, ${dialect.addMillis('s0', -tolerance)} as s0_early, ${dialect.addMillis('s1', tolerance)} as s1_late
    from (
    ${admitted}${extra}
    ) as admitted
),
`;
}

/** A condition that keeps to the partitions which the base leaves to be read. */
export function sinceFilter({ base, dialect }: EntityScope, column: string): string {
  return base === undefined ? '' : `${column} >= ${dialect.timestamp(base.since)} and `;
}

/** A condition that keeps to the one partition of a daily base. */
export function baseDayFilter({ day }: EntityBase, dialect: EntityDialect, column: string): string {
  return day === null ? '' : `${column} = ${dialect.date(day)} and `;
}

/** `remembered`: the published rows of the keys. */
function rememberedCte(scope: EntityScope): string {
  const { base, dialect, keys } = scope;
  if (base === undefined) return '';
  const key = keyText(scope, '_published');
  const wanted = keys === null ? 'true' : `${key} in (select _key from ${dialect.relation(keys)})`;
  return `remembered as ${dialect.inlined}(
    select ${key} as _key, _published.${GONE_SINCE} from ${dialect.relation(base.relation)} as _published
    where ${baseDayFilter(base, dialect, 'day')}${wanted}
),
`;
}

/** The remembered rows among the ranked records: behind them in both orders, effective when they begin. */
function rememberedRecords({ base, dialect }: EntityScope): string {
  if (base === undefined) return '';
  return `
    select
        _key, 2 as source_rank, cast(null as ${dialect.rowIdType}) as row_id, cast(null as ${dialect.timestampType}) as version_at,
        ${GONE_SINCE} as assertion_at, ${dialect.timestamp(base.since)} as effective_at, ${GONE_SINCE} is not null as is_gone,
        0 as version_rank, 0 as assertion_rank
    from remembered
    union all`;
}

/** A fold of all keys reads most of the raw tables' narrow columns again rather than keeping them; of a few keys it keeps what the filter left. */
function inlinedFold({ keys, dialect }: EntityScope): string {
  return keys === null ? dialect.inlined : '';
}

/**
 * `coalesce` of one value is that value. It stands there because the BigQuery emulator, when the first part of a union selects one column under two
 * names, reads the first of them for both in the other parts as well: effective times of snapshots would be their assertion times.
 */
function streamRecords(scope: EntityScope): string {
  const { dialect, raw } = scope;
  return `stream_records as ${inlinedFold(scope)}(
    select
        _key, 0 as source_rank, ${dialect.rowId.stream} as row_id,
        case when _has_value then _event_at end as version_at,
        _event_at as assertion_at, coalesce(_event_at) as effective_at, _timestamp as observed_at,
        ${OP_RANK} as op_rank,
        ${topicRank(scope)} as tie_1, ${dialect.rawPartition} as tie_2, _epoch as tie_3, _offset as tie_4,
        (_op = 'd' or not _has_value) as is_gone
    from ${dialect.relation(raw.stream)}
    where ${sinceFilter(scope, '_event_at')}${keyFilter(scope, '_key')}
)`;
}

/** Snapshot rows, and the absences that complete snapshots imply. */
function snapshotRecords(scope: EntityScope): string {
  const { dialect, raw } = scope;
  return `,
snapshot_records as ${inlinedFold(scope)}(
    select
        r._key, 1 as source_rank, ${dialect.name === 'duckdb' ? 'r.rowid' : dialect.rowId.snapshot.replaceAll(/_(object|page|row)\b/g, 'r._$1')} as row_id,
        coalesce(r._event_at, s.s0_early) as version_at,
        greatest(coalesce(r._event_at, s.s0_early), s.s0_early) as assertion_at,
        greatest(coalesce(r._event_at, s.s0), s.s0) as effective_at,
        s.s0 as observed_at,
        0 as op_rank, s.snapshot_seq as tie_1, r._page as tie_2, 0 as tie_3, r._row as tie_4,
        false as is_gone
    from ${dialect.relation(raw.snapshot)} as r
    inner join snapshots as s on s._snapshot_id = r._snapshot_id
    where ${keyFilter(scope, 'r._key')}
),
observed_keys as (
    select _key, min(observed_at) as first_observed_at
    from (
        select _key, observed_at from stream_records
        union all
        select _key, observed_at from snapshot_records
    ) as observations
    group by _key
),
present_keys as (
    select _snapshot_id, _key from ${dialect.relation(raw.snapshot)} where ${keyFilter(scope, '_key')}
    union distinct
    select _snapshot_id, _key from ${dialect.relation(raw.deadLetter)}
    where _timestamp is null and _snapshot_id is not null and _key is not null and ${keyFilter(scope, '_key')}
),
asserted_keys as (
    select distinct s._snapshot_id, r._key
    from snapshots as s
    inner join stream_records as r on r.assertion_at >= s.s0_early and r.assertion_at <= s.s1_late
    where s.is_complete
),
absence_records as (
    select
        k._key, 1 as source_rank, cast(null as ${dialect.rowIdType}) as row_id,
        cast(null as ${dialect.timestampType}) as version_at,
        s.s0_early as assertion_at, s.s0 as effective_at, s.s0 as observed_at,
        3 as op_rank, s.snapshot_seq as tie_1, 0 as tie_2, 0 as tie_3, 0 as tie_4,
        true as is_gone
    from observed_keys as k
    inner join snapshots as s on s.is_complete and k.first_observed_at < s.s0
    left join present_keys as p on p._snapshot_id = s._snapshot_id and p._key = k._key
    left join asserted_keys as a on a._snapshot_id = s._snapshot_id and a._key = k._key
    where p._key is null and a._key is null
)`;
}

const TIES = 'source_rank, observed_at, op_rank, tie_1, tie_2, tie_3, tie_4';

/**
 * CTEs (without `with`) that end in `ranked`: _key, source_rank, row_id, version_at, assertion_at, effective_at, is_gone,
 * version_rank, assertion_rank. A row is a record at a time: its assertion's, which for an event is its version's as well, so that one sort
 * answers both questions. Only a listed row that is older than its listing stands a second time, at its version's. A rank is null where the
 * row does not speak to the question. Ranks grow with time and start at 1 within a key; 0 is the remembered row's.
 */
export function rankedRecords(scope: EntityScope): string {
  const hasSnapshots = scope.job.snapshot !== null && scope.base === undefined;
  const union = hasSnapshots
    ? `
    union all
    select r.*, case moment.n when 1 then r.assertion_at else r.version_at end
    from snapshot_records as r
    cross join (select 1 as n union all select 2) as moment
    where moment.n = 1 or r.version_at <> r.assertion_at
    union all
    select *, assertion_at from absence_records`
    : '';
  return `${rememberedCte(scope)}${hasSnapshots ? snapshotsCte(scope) : ''}${streamRecords(scope)}${hasSnapshots ? snapshotRecords(scope) : ''},
records as (
    select *, coalesce(assertion_at) as said_at from stream_records${union}
),
ordered as (
    select *, row_number() over (partition by _key order by said_at, ${TIES}) as place
    from records
),
ranked as (${rememberedRecords(scope)}
    select
        _key, source_rank, row_id, version_at, assertion_at, effective_at, is_gone,
        case when version_at = said_at then place end as version_rank,
        case when assertion_at = said_at then place end as assertion_rank
    from ordered
)`;
}
