/**
 * What a job's run hands to its models: which batches are not in them yet, and so which days and keys can differ. Templates see it as
 * `changes` (snake_case); a model outside of any job, or `sluice compile` without a warehouse, sees `full: true`.
 */
import type { RelationName } from '../../core/relation.ts';

export interface DayWindow {
  /** Local days `YYYY-MM-DD`, both inclusive. */
  readonly from: string;
  readonly to: string;
}

export interface ModelChanges {
  /** true: nothing published yet, or a full refresh: the model builds everything. */
  readonly full: boolean;
  /** Local day of the run's logical time. */
  readonly today: string;
  /** The partitions that insert_overwrite replaces; null when the model has none to do (history not started). */
  readonly window: DayWindow | null;
  /** Days of the window from here on have no partition yet (all keys must be written); null: all days of the window exist. */
  readonly newDaysFrom: string | null;
  /**
   * Table with one column `_key`: the keys whose rows can differ in the existing days of the window (and in current). null: all keys.
   */
  readonly keys: RelationName | null;
  readonly batchIds: readonly string[];
  /**
   * RFC 3339 UTC. The rows that the model has published, together with the stream records from here on, give the new rows of `keys`; no snapshot
   * reaches this far, so no older raw row need be read. Left out or null: all of raw is. What proves it: `pipeline/plan-since.ts`.
   */
  readonly since?: string | null;
  /** The published table has no `_gone_since` (it was built before there was one, or the model leaves it out). */
  readonly lacksMemory?: boolean;
}

/** The column in which a published row remembers what its other columns do not say: since when the key is gone by assertion; null: it is there. */
export const GONE_SINCE = '_gone_since';
