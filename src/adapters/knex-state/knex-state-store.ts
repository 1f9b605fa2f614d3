/** The state store on SQLite or PostgreSQL. Nothing is opened, and knex is not loaded, before the first call. */
import type { Clock } from '../../core/clock.ts';
import type { LeaseInstant } from '../../state/lease-rules.ts';
import type { JobLedger } from '../../state/job-ledger.ts';
import type { Lease, StateStore } from '../../state/ports.ts';
import { expandRuns } from '../../state/seq-runs.ts';
import { readBatches, readBatchesBySeq, readBatchHeads, readLastLogicalTime } from './batch-rows.ts';
import { readGaps, readPositions, readRanges } from './chain-rows.ts';
import { readFact, setFact } from './fact-rows.ts';
import { fenced } from './fence.ts';
import { hostInstant } from './host-instant.ts';
import { jobLedgerOn } from './job-attempt-rows.ts';
import { acquireLease, assertLease, leaseOf, releaseLease, renewLease } from './lease-transitions.ts';
import { readLedger, readPartitions, readPublished, readUnpublished } from './ledger-rows.ts';
import { markPublished } from './mark-published.ts';
import { markLoaded, markUnloaded } from './move-batches.ts';
import { planBatch } from './plan-batch.ts';
import { postgresDatabase } from './postgres-database.ts';
import { restore } from './restore.ts';
import { finishRun, recentRuns, startRun } from './run-rows.ts';
import { saveAdmission } from './save-admission.ts';
import { saveProgress } from './save-progress.ts';
import { sealBatch } from './seal-batch.ts';
import type { Session, StateDatabase } from './session.ts';
import { sqliteDatabase } from './sqlite-database.ts';

export type StateLocation =
  { readonly client: 'sqlite'; readonly path: string } | { readonly client: 'postgres'; readonly url: string };

export interface KnexStateOptions {
  /** The machine's clock, never a logical one: leases on SQLite fall back to it. */
  readonly clock: Pick<Clock, 'now'>;
  /** Longest wait for another process's lock (SQLite 15 s, PostgreSQL 30 s) or for a silent server; then `state_unavailable`. */
  readonly maxWaitMs?: number;
  /** For tests: how SQLite's leases tell the time. */
  readonly instant?: () => LeaseInstant;
}

/** The warehouse's job ledger lives in the same database. */
export type KnexStateStore = StateStore & { readonly jobs: JobLedger };

export function createKnexStateStore(location: StateLocation, options: KnexStateOptions): KnexStateStore {
  const { clock, instant = hostInstant(clock), maxWaitMs } = options;
  return storeOn(
    location.client === 'sqlite'
      ? sqliteDatabase({ path: location.path, instant, maxWaitMs })
      : postgresDatabase(location.url, maxWaitMs),
  );
}

function storeOn(db: StateDatabase): KnexStateStore {
  return {
    migrate: () => db.migrate(),
    acquireLease: (request) => acquireLease(db, request),
    renewLease: (lease, ttlMs) => renewLease(db, lease, ttlMs),
    releaseLease: (lease) => releaseLease(db, lease),
    assertLease: (lease) => assertLease(db, lease),
    leaseOf: (job) => leaseOf(db, job),
    planBatch: (lease, logicalTime, intent) => planBatch(db, lease, logicalTime, intent),
    saveProgress: (lease, seq, progress) => saveProgress(db, lease, seq, progress),
    sealBatch: (lease, manifest) => sealBatch(db, lease, manifest),
    saveAdmission: (lease, seq, admission) => saveAdmission(db, lease, seq, admission),
    markLoaded: (lease, seqs) => markLoaded(db, lease, seqs),
    markUnloaded: (lease, seqs) => markUnloaded(db, lease, seqs),
    batches: (job, filter) => db.read((session) => readBatches(session, job, filter)),
    batchHeads: (job, filter) => db.read((session) => readBatchHeads(session, job, filter)),
    batchesBySeq: (job, seqs) => db.read((session) => readBatchesBySeq(session, job, seqs)),
    positions: (job) => db.read((session) => readPositions(session, job)),
    gaps: (job) => db.read((session) => readGaps(session, job)),
    ranges: (job) => db.read((session) => readRanges(session, job)),
    lastLogicalTime: (job) => db.read((session) => readLastLogicalTime(session, job)),
    publishedBatches: (job, model) => db.read(async (session) => expandRuns(await readPublished(session, job, model))),
    unpublishedBatches: (job, model) => db.read((session) => readUnpublished(session, job, model)),
    markPublished: (lease, model, result) => markPublished(db, lease, model, result),
    partitions: (job, model, filter) => db.read((session) => readPartitions(session, job, model, filter)),
    models: (job) =>
      db.read(async (session) =>
        (await readLedger(session, job)).map(({ model, logicalTime }) => ({ model, logicalTime })),
      ),
    startRun: (run, lease) => maybeFenced(db, lease, (session) => startRun(session, run)),
    finishRun: (runId, result, lease) => maybeFenced(db, lease, (session) => finishRun(session, runId, result)),
    recentRuns: (job, limit) => db.read((session) => recentRuns(session, job, limit)),
    getFact: (job, name) => db.read((session) => readFact(session, job, name)),
    setFact: (lease, name, value) => setFact(db, lease, name, value),
    restore: (lease, batches, open) => restore(db, lease, batches, open),
    jobs: jobLedgerOn(db),
    close: () => db.close(),
  };
}

/** Runs are also written by who never had a lease (it was refused, say). */
function maybeFenced(
  db: StateDatabase,
  lease: Lease | undefined,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  return lease === undefined ? db.write(work) : fenced(db, lease, work);
}
