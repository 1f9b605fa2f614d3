/** The keys whose rows can differ after a set of batches. */
import type { RelationName } from '../../../core/relation.ts';
import type { EntityDialect } from './dialect.ts';
import type { RawRelations } from './records.ts';

/** RFC 3339 UTC, both inclusive. */
export interface TimeSpan {
  readonly from: string;
  readonly to: string;
}

/** Batches by number, and where their rows lie by the table's partition column; no span: they have no rows there. */
export interface BatchPlaces {
  readonly seqs: readonly number[];
  readonly span: TimeSpan | null;
}

export interface ChangedPlaces {
  /** Of `_event_at`. */
  readonly stream: BatchPlaces;
  /** Of `_snapshot_started_at`. */
  readonly snapshot: BatchPlaces;
  /**
   * Start (RFC 3339 UTC) of the first day without a partition: a record that becomes effective from then on was known before but did
   * not show yet. null: no new day.
   */
  readonly effectiveFrom: string | null;
  /** S0 of the snapshots that can hold such a record. */
  readonly laterSnapshots: readonly string[];
}

export interface ChangedKeysRequest extends ChangedPlaces {
  readonly raw: RawRelations;
  readonly dialect: EntityDialect;
}

/** A select of distinct `_key`. Every branch has literal bounds of its table's partition column. */
export function changedKeys(request: ChangedKeysRequest): string {
  const { raw, dialect, effectiveFrom, laterSnapshots } = request;
  const branches = [
    ...ofBatches(dialect, raw.stream, '_event_at', request.stream),
    ...ofBatches(dialect, raw.snapshot, '_snapshot_started_at', request.snapshot),
  ];
  if (effectiveFrom !== null) {
    const from = dialect.timestamp(effectiveFrom);
    branches.push(`select _key from ${dialect.relation(raw.stream)} where _event_at >= ${from}`);
    if (laterSnapshots.length > 0) {
      const snapshots = laterSnapshots.map((startedAt) => dialect.timestamp(startedAt)).join(', ');
      branches.push(
        `select _key from ${dialect.relation(raw.snapshot)}
    where _snapshot_started_at in (${snapshots}) and (_event_at >= ${from} or _snapshot_started_at >= ${from})`,
      );
    }
  }
  if (branches.length === 0)
    return `select cast(null as ${dialect.textType}) as _key from (select 1 as n) as nothing where n = 0`;
  return `select distinct _key from (
    ${branches.join('\n    union all\n    ')}
) as changed`;
}

function ofBatches(
  dialect: EntityDialect,
  table: RelationName,
  column: string,
  { seqs, span }: BatchPlaces,
): readonly string[] {
  if (span === null || seqs.length === 0) return [];
  return [
    `select _key from ${dialect.relation(table)}
    where ${column} >= ${dialect.timestamp(span.from)} and ${column} <= ${dialect.timestamp(span.to)} and _seq in (${seqs.join(', ')})`,
  ];
}

/** Where a run keeps them: a plain table, since models run on several connections. */
export function changedKeysRelation(raw: RawRelations, entity: string): RelationName {
  const { database, schema } = raw.stream;
  return { ...(database === undefined ? {} : { database }), schema, name: `_sluice_changed_keys_${entity}` };
}
