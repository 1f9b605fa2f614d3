/**
 * The state store: batches, offset ranges, the models' ledger, leases, runs. It is a cache with authority over ordering: everything
 * about batches can be rebuilt from landing (`restore`).
 *
 * Rules for every adapter (contract suite `tests/contract/state-store.ts`):
 * - every method that takes a `Lease` checks inside its own transaction that the stored fencing token is still the lease's and throws
 *   `lease_lost` otherwise, changing nothing;
 * - every transition checks the state it comes from and throws `state_conflict` when no row changed;
 * - a repeated identical call (same arguments, already done) is a success.
 */
import type {
  Admission,
  BatchId,
  BatchIntent,
  BatchKind,
  BatchState,
  GapJson,
  Manifest,
  RangeJson,
} from '../core/batch.ts';

export interface LeaseHolder {
  readonly host: string;
  readonly pid: number;
  /** Start time of the process as the system tells it, against reused pids; null where it cannot be had. */
  readonly processStartedAt: string | null;
  /** What the process runs, for messages: `job run customer`. */
  readonly command: string;
}

export interface Lease {
  readonly job: string;
  /** Fencing token: grows with every acquisition of this job's lease, never reused. */
  readonly token: number;
}

export type LeaseOutcome =
  | { readonly status: 'acquired'; readonly lease: Lease; readonly tookOverFrom: LeaseHolder | null }
  | { readonly status: 'held'; readonly holder: LeaseHolder; readonly remainingMs: number };

export interface BatchRecord {
  readonly job: string;
  readonly seq: number;
  readonly id: BatchId;
  readonly kind: BatchKind;
  readonly state: BatchState;
  /** RFC 3339 UTC. */
  readonly logicalTime: string;
  readonly intent: BatchIntent;
  /** A snapshot's resumable progress (landed pages, S0, …); owned by ingest, opaque here. */
  readonly progress: unknown;
  readonly manifest: Manifest | null;
  readonly admission: Admission | null;
}

export interface Position {
  readonly topic: string;
  readonly epoch: number;
  readonly partition: number;
  /** The end of the last planned range: the next offset to plan. */
  readonly next: string;
  /** The last record landed before `next` in this epoch, if any (from sealed manifests). */
  readonly last: { readonly offset: string; readonly checksum: string } | null;
  /** The topic was recreated and the loss accepted (a gap with `to: null`): this epoch takes no further range. */
  readonly closed: boolean;
}

/** Which batches to read; every condition that is given must hold. */
export interface BatchFilter {
  readonly states?: readonly BatchState[];
  readonly kinds?: readonly BatchKind[];
  /** Only this many of those that fit, the newest ones. */
  readonly newest?: number;
}

/** What stands in a batch's row without its documents: cheap for thousands of batches. */
export type BatchHead = Pick<BatchRecord, 'job' | 'seq' | 'id' | 'kind' | 'state' | 'logicalTime'>;

export interface PartitionState {
  /** Partition value, a local day `YYYY-MM-DD`. */
  readonly partition: string;
  readonly state: 'done' | 'stale';
  /** The batch that wrote or staled it last. */
  readonly batchId: BatchId | null;
}

export interface RunRecord {
  readonly runId: string;
  readonly job: string;
  readonly command: string;
  readonly logicalTime: string;
  readonly startedAt: string;
  readonly finishedAt: string | null;
  readonly exitCode: number | null;
  /** First error message, null when none. */
  readonly error: string | null;
}

export interface StateStore {
  /** Creates or migrates the schema; `state_newer` when a newer version wrote it; safe from many processes at once. */
  migrate(): Promise<void>;

  // --- lease ---
  /**
   * Takes the job's lease when it is free, expired, or its holder was a process of this host that is dead (`isAlive` tells, asked
   * only for holders on `holder.host`).
   */
  acquireLease(request: {
    readonly job: string;
    readonly holder: LeaseHolder;
    readonly ttlMs: number;
    readonly isAlive: (holder: LeaseHolder) => boolean;
  }): Promise<LeaseOutcome>;
  /** Extends it by `ttlMs` from now; `lease_lost` when the token is not the stored one. */
  renewLease(lease: Lease, ttlMs: number): Promise<void>;
  /** Frees it; a lost lease is left alone. */
  releaseLease(lease: Lease): Promise<void>;
  /** Throws `lease_lost` unless the token is the stored one and the lease has not expired. */
  assertLease(lease: Lease): Promise<void>;
  /** null when it is free; an expired lease that nobody took is still its holder's, with `remainingMs` 0. */
  leaseOf(job: string): Promise<{ readonly holder: LeaseHolder; readonly remainingMs: number } | null>;

  // --- batches ---
  /**
   * Stores an intent under the next number. Stream ranges must chain: for each (topic, epoch, partition), `from` equals the end of
   * the last planned range or gap of it (or is the first), enforced in the transaction and by unique constraints. Gap rows join
   * the chain too. An intent given as a value that is the newest, still planned batch under the same lease gives that batch
   again; an intent given as a function always plans a new one.
   */
  planBatch(
    lease: Lease,
    logicalTime: string,
    intent: BatchIntent | ((seq: number) => BatchIntent),
  ): Promise<BatchRecord>;
  saveProgress(lease: Lease, seq: number, progress: unknown): Promise<void>;
  /**
   * planned -> landed (or void when the manifest says so). The manifest must fit the intent: same logical time and, for a stream,
   * its ranges and gaps (a stream batch cannot be void: its offsets would be lost). Where planned records were deleted before they were
   * read, further gaps stand in for them: ranges and gaps together still cover exactly what was planned, and replace it in the chain.
   */
  sealBatch(lease: Lease, manifest: Manifest): Promise<void>;
  /** On a sealed snapshot batch; a later accepted admission replaces a refused one. */
  saveAdmission(lease: Lease, seq: number, admission: Admission): Promise<void>;
  /** landed -> loaded. */
  markLoaded(lease: Lease, seqs: readonly number[]): Promise<void>;
  /** loaded -> landed for every listed batch (the warehouse lost them). Also forgets them in the models' ledgers. */
  markUnloaded(lease: Lease, seqs: readonly number[]): Promise<void>;
  /** All batches of the job in order of number. */
  batches(job: string, filter?: BatchFilter): Promise<readonly BatchRecord[]>;
  /** The same without intents, progress and manifests. */
  batchHeads(job: string, filter?: BatchFilter): Promise<readonly BatchHead[]>;
  /** The batches of these numbers in order; `state_conflict` when one is unknown. */
  batchesBySeq(job: string, seqs: readonly number[]): Promise<readonly BatchRecord[]>;
  /** Sorted by topic, epoch and partition; closed epochs stay listed. */
  positions(job: string): Promise<readonly Position[]>;
  gaps(job: string): Promise<readonly GapJson[]>;
  ranges(job: string): Promise<readonly (RangeJson & { readonly seq: number })[]>;
  lastLogicalTime(job: string): Promise<string | null>;

  // --- the models' ledger ---
  /** Batches that the model has published. */
  publishedBatches(job: string, model: string): Promise<ReadonlySet<number>>;
  /** Loaded batches that the model has not published, ascending; needs no manifest and no walk through old batches. */
  unpublishedBatches(job: string, model: string): Promise<readonly number[]>;
  /**
   * The model published these batches (loaded ones only) and partitions, as one transaction. `replaceAll` forgets what stood there before (full
   * refresh). `fact` is set in the same transaction: what it says of the model's table and what the ledger says never disagree.
   */
  markPublished(
    lease: Lease,
    model: string,
    result: {
      readonly seqs: readonly number[];
      readonly partitions: readonly PartitionState[];
      readonly logicalTime: string;
      readonly replaceAll?: boolean;
      readonly fact?: { readonly name: string; readonly value: unknown };
    },
  ): Promise<void>;
  partitions(
    job: string,
    model: string,
    filter?: { readonly state?: 'done' | 'stale' },
  ): Promise<readonly PartitionState[]>;
  models(job: string): Promise<readonly { readonly model: string; readonly logicalTime: string }[]>;

  // --- runs and small facts ---
  /** With a lease both are fenced: a run that lost it leaves no word on how it went. */
  startRun(run: Omit<RunRecord, 'finishedAt' | 'exitCode' | 'error'>, lease?: Lease): Promise<void>;
  finishRun(
    runId: string,
    result: { readonly finishedAt: string; readonly exitCode: number; readonly error: string | null },
    lease?: Lease,
  ): Promise<void>;
  recentRuns(job: string, limit: number): Promise<readonly RunRecord[]>;
  /** Small facts per job (e.g. the warehouse's fingerprint). Values are JSON. */
  getFact(job: string, name: string): Promise<unknown>;
  setFact(lease: Lease, name: string, value: unknown): Promise<void>;

  // --- recovery ---
  /**
   * Replaces everything known about the job's batches by what landing says: sealed manifests and admissions as landed, `open` intents as
   * planned. The models' ledgers are emptied, runs and facts stay. Numbers may have holes; offsets that overlap or leave a hole are a
   * `state_conflict`.
   */
  restore(
    lease: Lease,
    batches: readonly { readonly manifest: Manifest; readonly admission: Admission | null }[],
    open?: readonly Pick<BatchRecord, 'seq' | 'logicalTime' | 'intent'>[],
  ): Promise<void>;
  close(): Promise<void>;
}
