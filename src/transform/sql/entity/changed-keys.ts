/** The keys whose rows can differ after a set of batches. */
import type { RelationName } from '../../../core/relation.ts';
import type { EntityDialect } from './dialect.ts';
import type { RawRelations } from './records.ts';

export interface ChangedKeysRequest {
  readonly raw: RawRelations;
  readonly dialect: EntityDialect;
  readonly hasSnapshots: boolean;
  /** Numbers of the batches that a model has not published. */
  readonly seqs: readonly number[];
  /**
   * Start (RFC 3339 UTC) of the first day without a partition: a record that becomes effective from then on was known before but did
   * not show yet. null: no new day.
   */
  readonly effectiveFrom: string | null;
}

/** A select of distinct `_key`. */
export function changedKeys(request: ChangedKeysRequest): string {
  const { raw, dialect, seqs, effectiveFrom } = request;
  const inBatches = seqs.length === 0 ? 'false' : `_seq in (${seqs.join(', ')})`;
  const later = effectiveFrom === null ? '' : ` or _event_at >= ${dialect.timestamp(effectiveFrom)}`;
  const stream = `select _key from ${dialect.relation(raw.stream)} where ${inBatches}${later}`;
  if (!request.hasSnapshots) return `select distinct _key from (${stream}) as changed`;
  const rowsLater =
    effectiveFrom === null
      ? ''
      : ` or _event_at >= ${dialect.timestamp(effectiveFrom)} or _snapshot_started_at >= ${dialect.timestamp(effectiveFrom)}`;
  return `select distinct _key from (
    ${stream}
    union all
    select _key from ${dialect.relation(raw.snapshot)} where ${inBatches}${rowsLater}
) as changed`;
}

/** Where a run keeps them: a plain table, since models run on several connections. */
export function changedKeysRelation(raw: RawRelations, entity: string): RelationName {
  const { database, schema } = raw.stream;
  return { ...(database === undefined ? {} : { database }), schema, name: `_sluice_changed_keys_${entity}` };
}
