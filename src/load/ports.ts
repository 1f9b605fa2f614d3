/** The raw side of the warehouse: what load needs. */
import type { Admission, Manifest } from '../core/batch.ts';
import type { JobDefinition } from '../core/job.ts';

/** Runs inside the warehouse's transaction right before it commits; throws `lease_lost` when another run took over. */
export type CommitGuard = () => Promise<void>;

export interface LoadBatch {
  readonly manifest: Manifest;
  readonly admission: Admission | null;
}

export interface LoadedRows {
  readonly stream: number;
  readonly snapshot: number;
  readonly deadLetters: number;
}

/**
 * Loads sealed batches into the raw tables of a job exactly once. Duties: a batch's rows replace any earlier rows of the same batch;
 * the rows and the record that the batch is loaded commit together (or, on BigQuery, by a job whose id was stored before); objects are
 * read by the warehouse itself, and their checksums are verified against the manifest before anything commits (`object_corrupt`,
 * `object_missing` name the object). Row counts must equal the manifest's, else `load_failed`.
 */
export interface RawWarehouse {
  /** Creates schemas and missing raw tables, adds missing columns. */
  prepare(job: JobDefinition): Promise<void>;
  /** Numbers of the batches that this warehouse itself says it holds. */
  loadedBatches(job: JobDefinition): Promise<ReadonlySet<number>>;
  loadBatch(job: JobDefinition, batch: LoadBatch, guard: CommitGuard): Promise<LoadedRows>;
  close(): Promise<void>;
}
