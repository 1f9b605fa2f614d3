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

/**
 * The rows that a model has published, as far as new ones follow from them together with the stream records from `since` on; no snapshot reaches
 * this far, so no older raw row need be read. What proves it: `pipeline/plan-base.ts`.
 */
export interface PublishedBase {
  /** RFC 3339 UTC. */
  readonly since: string;
  /** Of a model with a partition per day the one that counts, local `YYYY-MM-DD`; null: the model has one row per key. */
  readonly day: string | null;
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
  /** Left out or null: the new rows of `keys` are made from all of raw. */
  readonly base?: PublishedBase | null;
  /** The published table has no `_gone_since` (it was built before there was one, or the model leaves it out). */
  readonly lacksMemory?: boolean;
}

/** The column in which a published row remembers what its other columns do not say: since when the key is gone by assertion; null: it is there. */
export const GONE_SINCE = '_gone_since';
