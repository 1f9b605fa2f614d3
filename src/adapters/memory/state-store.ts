/**
 * The state store in memory: a fake for tests that keeps to every rule of the real ones, because the rules are the same functions.
 * Two stores on one `MemoryState` behave like two processes on one database. Documents are copied on the way in and out.
 */
import type { BatchIntent, BatchState } from '../../core/batch.ts';
import { batchId } from '../../core/batch.ts';
import type { Clock } from '../../core/clock.ts';
import {
  admissionTransition,
  chainOf,
  hasLoss,
  isRepeatedPlan,
  progressTransition,
  sealedChain,
  sealedState,
  sealTransition,
  unknownBatch,
  wrongState,
} from '../../state/batch-rules.ts';
import { checkNotExpired, checkToken, decideLease, remainingMs } from '../../state/lease-rules.ts';
import type { LeaseInstant, StoredLease } from '../../state/lease-rules.ts';
import type { ChainLink } from '../../state/offset-chain.ts';
import {
  chainLinks,
  comparePositions,
  extendChain,
  laterLast,
  positionKey,
  sealedLasts,
} from '../../state/offset-chain.ts';
import type {
  BatchFilter,
  BatchRecord,
  Lease,
  PartitionState,
  Position,
  RunRecord,
  StateStore,
} from '../../state/ports.ts';
import { rebuild } from '../../state/rebuild.ts';
import { checkSameResult, checkSameStart, storableResult, unknownRun } from '../../state/run-rules.ts';
import type { RunResult, RunStart } from '../../state/run-rules.ts';

interface StoredBatch extends BatchRecord {
  readonly planToken: number;
}

interface MemoryModel {
  logicalTime: string;
  readonly published: Set<number>;
  readonly partitions: Map<string, PartitionState>;
}

interface MemoryJob {
  lease: StoredLease | null;
  batches: Map<number, StoredBatch>;
  links: readonly (ChainLink & { readonly seq: number })[];
  positions: Map<string, Position>;
  models: Map<string, MemoryModel>;
  readonly facts: Map<string, unknown>;
}

export interface MemoryState {
  readonly jobs: Map<string, MemoryJob>;
  readonly runs: Map<string, RunRecord>;
}

export function createMemoryState(): MemoryState {
  return { jobs: new Map(), runs: new Map() };
}

export function createMemoryStateStore(
  clock: Pick<Clock, 'now'>,
  state: MemoryState = createMemoryState(),
): StateStore {
  return new MemoryStateStore(clock, state);
}

class MemoryStateStore implements StateStore {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #state: MemoryState;

  constructor(clock: Pick<Clock, 'now'>, state: MemoryState) {
    this.#clock = clock;
    this.#state = state;
  }

  async migrate(): Promise<void> {}
  async close(): Promise<void> {}

  // --- lease ---

  async acquireLease(request: Parameters<StateStore['acquireLease']>[0]): ReturnType<StateStore['acquireLease']> {
    const job = this.#job(request.job);
    const decision = decideLease(job.lease, this.#now(), request);
    if (decision.action === 'take') {
      const token = (job.lease?.token ?? 0) + 1;
      job.lease = { token, holder: request.holder, ttlMs: request.ttlMs, renewedAt: this.#now() };
      return { status: 'acquired', lease: { job: request.job, token }, tookOverFrom: decision.tookOverFrom };
    }
    if (decision.action === 'rebase' && job.lease !== null) job.lease = { ...job.lease, renewedAt: this.#now() };
    return { status: 'held', holder: decision.holder, remainingMs: decision.remainingMs };
  }

  async renewLease(lease: Lease, ttlMs: number): Promise<void> {
    const job = this.#fenced(lease);
    job.lease = { ...checkToken(lease, job.lease), ttlMs, renewedAt: this.#now() };
  }

  async releaseLease(lease: Lease): Promise<void> {
    const job = this.#job(lease.job);
    if (job.lease?.token === lease.token) job.lease = { ...job.lease, holder: null };
  }

  async assertLease(lease: Lease): Promise<void> {
    checkNotExpired(lease, checkToken(lease, this.#job(lease.job).lease), this.#now());
  }

  async leaseOf(job: string): ReturnType<StateStore['leaseOf']> {
    const { lease } = this.#job(job);
    return lease?.holder == null ? null : { holder: lease.holder, remainingMs: remainingMs(lease, this.#now()) };
  }

  // --- batches ---

  async planBatch(
    lease: Lease,
    logicalTime: string,
    intent: BatchIntent | ((seq: number) => BatchIntent),
  ): Promise<BatchRecord> {
    const job = this.#fenced(lease);
    const newest = job.batches.get(Math.max(0, ...job.batches.keys())) ?? null;
    if (
      typeof intent !== 'function' &&
      newest?.planToken === lease.token &&
      isRepeatedPlan(newest, logicalTime, intent)
    ) {
      return record(newest);
    }
    const seq = (newest?.seq ?? 0) + 1;
    const planned = typeof intent === 'function' ? intent(seq) : intent;
    const { ranges, gaps } = chainOf(planned);
    const links = chainLinks(lease.job, ranges, gaps);
    for (const position of extendChain(lease.job, [...job.positions.values()], links)) {
      job.positions.set(positionKey(position), position);
    }
    job.links = [...job.links, ...links.map((link) => ({ ...link, seq }))];
    const batch: StoredBatch = {
      job: lease.job,
      seq,
      id: batchId(lease.job, seq),
      kind: planned.kind,
      state: 'planned',
      logicalTime,
      intent: copy(planned),
      progress: null,
      manifest: null,
      admission: null,
      planToken: lease.token,
    };
    job.batches.set(seq, batch);
    return record(batch);
  }

  async saveProgress(lease: Lease, seq: number, progress: unknown): Promise<void> {
    const job = this.#fenced(lease);
    const batch = batchOf(lease.job, job, seq);
    if (progressTransition(batch, progress) === 'apply')
      job.batches.set(seq, { ...batch, progress: copy(progress ?? null) });
  }

  async sealBatch(lease: Lease, manifest: Parameters<StateStore['sealBatch']>[1]): Promise<void> {
    const job = this.#fenced(lease);
    const batch = batchOf(lease.job, job, manifest.seq);
    if (sealTransition(batch, manifest) === 'done') return;
    job.batches.set(batch.seq, { ...batch, state: sealedState(manifest), manifest: copy(manifest) });
    if (hasLoss(batch, manifest)) {
      const { ranges, gaps } = sealedChain(manifest);
      const links = chainLinks(lease.job, ranges, gaps).map((link) => ({ ...link, seq: batch.seq }));
      job.links = [...job.links.filter(({ seq }) => seq !== batch.seq), ...links].toSorted((a, b) => a.seq - b.seq);
    }
    for (const sealed of sealedLasts(manifest)) {
      const position = job.positions.get(positionKey(sealed));
      if (position !== undefined) {
        job.positions.set(positionKey(sealed), { ...position, last: laterLast(position.last, sealed.last) });
      }
    }
  }

  async saveAdmission(lease: Lease, seq: number, admission: Parameters<StateStore['saveAdmission']>[2]): Promise<void> {
    const job = this.#fenced(lease);
    const batch = batchOf(lease.job, job, seq);
    if (admissionTransition(batch, admission) === 'apply')
      job.batches.set(seq, { ...batch, admission: copy(admission) });
  }

  async markLoaded(lease: Lease, seqs: readonly number[]): Promise<void> {
    move(lease.job, this.#fenced(lease), seqs, 'landed', 'loaded');
  }

  async markUnloaded(lease: Lease, seqs: readonly number[]): Promise<void> {
    const job = this.#fenced(lease);
    move(lease.job, job, seqs, 'loaded', 'landed');
    for (const model of job.models.values()) for (const seq of seqs) model.published.delete(seq);
  }

  async batches(job: string, filter: BatchFilter = {}): ReturnType<StateStore['batches']> {
    const fitting = ordered(this.#job(job)).filter(
      ({ state, kind }) => (filter.states?.includes(state) ?? true) && (filter.kinds?.includes(kind) ?? true),
    );
    return fitting.slice(Math.max(0, fitting.length - (filter.newest ?? fitting.length))).map(record);
  }

  async batchHeads(job: string, filter?: BatchFilter): ReturnType<StateStore['batchHeads']> {
    const batches = await this.batches(job, filter);
    return batches.map(({ seq, id, kind, state, logicalTime }) => ({ job, seq, id, kind, state, logicalTime }));
  }

  async batchesBySeq(job: string, seqs: readonly number[]): ReturnType<StateStore['batchesBySeq']> {
    const stored = this.#job(job);
    const wanted = [...new Set(seqs)].toSorted((a, b) => a - b);
    return wanted.map((seq) => record(batchOf(job, stored, seq)));
  }

  async positions(job: string): ReturnType<StateStore['positions']> {
    return [...this.#job(job).positions.values()].toSorted(comparePositions).map(copy);
  }

  async gaps(job: string): ReturnType<StateStore['gaps']> {
    return this.#job(job).links.flatMap(({ kind, topic, epoch, partition, from, to, reason }) =>
      kind === 'gap' && reason !== null ? [{ topic, epoch, partition, from, to, reason }] : [],
    );
  }

  async ranges(job: string): ReturnType<StateStore['ranges']> {
    return this.#job(job).links.flatMap(({ kind, topic, epoch, partition, from, to, seq }) =>
      kind === 'range' && to !== null ? [{ topic, epoch, partition, from, to, seq }] : [],
    );
  }

  async lastLogicalTime(job: string): Promise<string | null> {
    return ordered(this.#job(job)).at(-1)?.logicalTime ?? null;
  }

  // --- the models' ledger ---

  async publishedBatches(job: string, model: string): Promise<ReadonlySet<number>> {
    return new Set(this.#job(job).models.get(model)?.published);
  }

  async unpublishedBatches(job: string, model: string): Promise<readonly number[]> {
    const published = await this.publishedBatches(job, model);
    return ordered(this.#job(job)).flatMap(({ seq, state }) =>
      state === 'loaded' && !published.has(seq) ? [seq] : [],
    );
  }

  async markPublished(lease: Lease, model: string, result: Parameters<StateStore['markPublished']>[2]): Promise<void> {
    const job = this.#fenced(lease);
    expectStates(lease.job, job, result.seqs, `be published by ${model}`, ['loaded']);
    const known = result.replaceAll === true ? undefined : job.models.get(model);
    const entry: MemoryModel = known ?? { logicalTime: '', published: new Set(), partitions: new Map() };
    entry.logicalTime = result.logicalTime;
    for (const seq of result.seqs) entry.published.add(seq);
    for (const partition of result.partitions) entry.partitions.set(partition.partition, copy(partition));
    job.models.set(model, entry);
    if (result.fact !== undefined) job.facts.set(result.fact.name, copy(result.fact.value ?? null));
  }

  async partitions(
    job: string,
    model: string,
    filter: Parameters<StateStore['partitions']>[2] = {},
  ): Promise<readonly PartitionState[]> {
    return [...(this.#job(job).models.get(model)?.partitions.values() ?? [])]
      .filter(({ state }) => filter.state === undefined || state === filter.state)
      .toSorted((a, b) => (a.partition < b.partition ? -1 : 1))
      .map(copy);
  }

  async models(job: string): ReturnType<StateStore['models']> {
    return [...this.#job(job).models]
      .map(([model, { logicalTime }]) => ({ model, logicalTime }))
      .toSorted((a, b) => (a.model < b.model ? -1 : 1));
  }

  // --- runs and small facts ---

  async startRun(run: RunStart, lease?: Lease): Promise<void> {
    if (lease !== undefined) this.#fenced(lease);
    const known = this.#state.runs.get(run.runId);
    if (known !== undefined) checkSameStart(known, run);
    else this.#state.runs.set(run.runId, { ...run, finishedAt: null, exitCode: null, error: null });
  }

  async finishRun(runId: string, result: RunResult, lease?: Lease): Promise<void> {
    if (lease !== undefined) this.#fenced(lease);
    const known = this.#state.runs.get(runId);
    if (known === undefined) throw unknownRun(runId);
    if (known.finishedAt === null) this.#state.runs.set(runId, { ...known, ...storableResult(result) });
    else checkSameResult(known, storableResult(result));
  }

  async recentRuns(job: string, limit: number): Promise<readonly RunRecord[]> {
    const key = (run: RunRecord): string => `${run.startedAt} ${run.runId}`;
    return [...this.#state.runs.values()]
      .filter((run) => run.job === job)
      .toSorted((a, b) => (key(a) < key(b) ? 1 : -1))
      .slice(0, limit)
      .map(copy);
  }

  async getFact(job: string, name: string): Promise<unknown> {
    return copy(this.#job(job).facts.get(name));
  }

  async setFact(lease: Lease, name: string, value: unknown): Promise<void> {
    this.#fenced(lease).facts.set(name, copy(value ?? null));
  }

  // --- recovery ---

  async restore(...[lease, batches, open]: Parameters<StateStore['restore']>): Promise<void> {
    const job = this.#fenced(lease);
    const rebuilt = rebuild(lease.job, batches, open);
    job.batches = new Map(rebuilt.batches.map((batch) => [batch.seq, { ...copy(batch), planToken: lease.token }]));
    job.links = rebuilt.links;
    job.positions = new Map(rebuilt.positions.map((position) => [positionKey(position), position]));
    job.models = new Map();
  }

  #now(): LeaseInstant {
    return { wallMs: this.#clock.now(), bootId: null, uptimeMs: 0 };
  }

  #job(name: string): MemoryJob {
    let job = this.#state.jobs.get(name);
    if (job === undefined) {
      job = { lease: null, batches: new Map(), links: [], positions: new Map(), models: new Map(), facts: new Map() };
      this.#state.jobs.set(name, job);
    }
    return job;
  }

  #fenced(lease: Lease): MemoryJob {
    const job = this.#job(lease.job);
    checkToken(lease, job.lease);
    return job;
  }
}

function ordered(job: MemoryJob): readonly StoredBatch[] {
  return [...job.batches.values()].toSorted((a, b) => a.seq - b.seq);
}

function batchOf(name: string, job: MemoryJob, seq: number): StoredBatch {
  const batch = job.batches.get(seq);
  if (batch === undefined) throw unknownBatch(name, seq);
  return batch;
}

function expectStates(
  name: string,
  job: MemoryJob,
  seqs: readonly number[],
  what: string,
  states: readonly BatchState[],
): void {
  for (const seq of seqs) {
    const batch = batchOf(name, job, seq);
    if (!states.includes(batch.state)) throw wrongState(batch, what, states);
  }
}

function move(name: string, job: MemoryJob, seqs: readonly number[], from: BatchState, to: BatchState): void {
  expectStates(name, job, seqs, `be ${to}`, [from, to]);
  for (const seq of seqs) job.batches.set(seq, { ...batchOf(name, job, seq), state: to });
}

function record({ planToken: _planToken, ...batch }: StoredBatch): BatchRecord {
  return copy(batch);
}

/** As JSON, like the real stores: what does not survive JSON must not survive here. */
function copy<T>(value: T): T {
  return value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T);
}
