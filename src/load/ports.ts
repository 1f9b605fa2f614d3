/** The raw side of the warehouse: what load needs. */
import type { Admission, Manifest } from '../core/batch.ts';
import type { JobDefinition } from '../core/job.ts';

/** Runs inside the warehouse's transaction right before it commits; throws `lease_lost` when another run took over. */
export type CommitGuard = () => Promise<void>;

export interface LoadBatch {
  readonly manifest: Manifest;
  readonly admission: Admission | null;
}

/**
 * Decides whether a complete snapshot counts, asked once its rows are in place and before anything commits: `ask` runs the guard's query
 * on that state. The answer is durable (landing, state store) when the promise resolves.
 */
export type SnapshotJudge = (
  ask: (sql: string) => Promise<{ readonly keysThere: number; readonly keysGone: number }>,
) => Promise<Admission>;

export interface LoadHooks {
  readonly guard: CommitGuard;
  /** Needed for a complete snapshot whose admission is not decided yet. */
  readonly judge?: SnapshotJudge;
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
  /**
   * Creates schemas and missing raw tables, adds missing columns. Where some of the tables are there, a missing one was lost: then no batch
   * counts as held any more, which is durable before the table is there again. `table_changed` when somebody changed a table by hand, unless it
   * is about to be `replaced` as a whole: a full refresh is what mends it.
   */
  prepare(job: JobDefinition, options?: { readonly replaced: boolean }): Promise<void>;
  /** Numbers of the batches that this warehouse itself says it holds. */
  loadedBatches(job: JobDefinition): Promise<ReadonlySet<number>>;
  loadBatch(job: JobDefinition, batch: LoadBatch, hooks: LoadHooks): Promise<LoadedRows>;
  /**
   * The same for several batches of kind `stream`, all of them or none; gives the rows of each. Which of them cannot be loaded is not said:
   * whoever needs to know loads one by one. Absent where a transaction for each costs no more.
   */
  loadTogether?(job: JobDefinition, manifests: readonly Manifest[], guard: CommitGuard): Promise<readonly LoadedRows[]>;
  /**
   * Fills new raw tables, named with `suffix`, from all these batches; the tables in use stay as they are. Leftovers of an earlier attempt
   * are replaced.
   */
  loadAside(
    job: JobDefinition,
    batches: readonly LoadBatch[],
    suffix: string,
    guard?: CommitGuard,
  ): Promise<LoadedRows>;
  /** Statements that put the aside tables in place of the ones in use; they run inside the transaction that swaps the models. */
  swapStatements(job: JobDefinition, batches: readonly LoadBatch[], suffix: string): readonly string[];
  close(): Promise<void>;
}
