/**
 * Runs BigQuery jobs so that each piece of work happens once, whatever dies or gets lost on the way (DESIGN.md §2, P2 and P6).
 *
 *   record attempt n ──> guard (lease) ──> insert job id(n) ──> wait ──> settle
 *
 * The id is made from what is done and from n, and stands in the ledger before it is sent. So
 * - no answer to the insert: the same insert again; BigQuery answers 409 when the first one arrived, and the job is looked at;
 * - the process dies anywhere: the next run finds the attempt in the ledger and looks at that job before it does anything. A load is
 *   attached to (same key, same id). A statement of a dead run is cancelled; one that never arrived has its id occupied by an empty query,
 *   so that a paused process which wakes up and sends it gets 409 and stops (`lease_lost`): BigQuery's uniqueness of ids is the fence;
 * - a job that failed has burnt its id: the next attempt takes n + 1, and only when the failure is on the allow-list of
 *   `failures.ts`, with its own delays. A quota that is used up is not on it.
 * - the ledger is lost: attempt 1 is inserted, 409 leads to the job, and if that one failed, to 2, 3, …
 */
import { isSluiceError, SluiceError, type ErrorCode } from '../../core/errors.ts';
import { ApiFailure, toApiFailure } from './api-failure.ts';
import type { BigQueryApi } from './client.ts';
import { isConflict, isRepeatable, toSluiceError, type FailureContext } from './failures.ts';
import { jobId, keyText, labelValue, type StepKey } from './job-id.ts';
import type { JobAttempt, JobLedger } from '../../state/job-ledger.ts';
import { usageOf, type JobUsage } from './job-usage.ts';
import { endOf, watchJob, type JobEnd } from './job-watch.ts';
import { BURNT_LABEL, closeLeftovers } from './leftovers.ts';
import type { JobConfiguration, JobResource, QueryResponse } from './rest-types.ts';
import { systemTiming, type Timing } from './timing.ts';
import { delayAfter, withRetries } from './with-retries.ts';

/** Jobs of one step that one run starts: transient failures of BigQuery rarely come twice. */
export const MAX_JOBS_PER_STEP = 5;
/** A transaction that lost against another one waits until that has ended: with the longest delays, about eight minutes. */
export const MAX_JOBS_IN_CONFLICT = 20;
/** Burnt ids that are stepped over when the ledger is lost; more means that something else is wrong. */
const MAX_BURNT_IDS = 100;
/** Looks at a job that exists and cannot be read yet. */
const LOOK_UP_TRIES = 5;
/** An hourly run whose one statement takes longer than this does not fit into its hour; BigQuery itself would allow 6 h. */
export const DEFAULT_JOB_TIMEOUT_MS = 2 * 3_600_000;

export interface JobRunnerOptions {
  readonly api: BigQueryApi;
  readonly ledger: JobLedger;
  /** Names this process; never used twice. */
  readonly run: string;
  readonly timing?: Timing;
  /**
   * Throws `lease_lost`; asked before anything is recorded or sent, also where a request brings no guard of its own: a run that was paused past
   * its lease must not write into staging tables that another run is reading.
   */
  readonly guard?: () => Promise<void>;
  /** Aborted on Ctrl-C and on a lost lease: running jobs are cancelled. */
  readonly signal?: AbortSignal;
  readonly jobTimeoutMs?: number;
  readonly priority?: 'INTERACTIVE' | 'BATCH';
  /** BigQuery refuses a query that would bill more. */
  readonly maximumBytesBilled?: bigint;
  /** On every job, besides sluice_job, sluice_batch and sluice_model. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Hears every job that ended well. */
  readonly onJob?: (usage: JobUsage) => void;
}

export interface JobRequest {
  readonly key: StepKey;
  readonly configuration: Pick<JobConfiguration, 'load'> | { readonly sql: string };
  readonly model?: string;
  /** For messages: what the job does, as an infinitive without "to". */
  readonly what: string;
  /** The code of failures that say nothing more precise. */
  readonly otherwise: ErrorCode;
  /** Runs between recording and submission; when it throws (lease lost) nothing is submitted. */
  readonly guard?: (() => Promise<void>) | undefined;
}

export interface FinishedJob {
  readonly jobId: string;
  readonly attempt: number;
  /** An earlier submission did the work; this call only found it. */
  readonly attached: boolean;
  readonly resource: JobResource;
  /** First page of a statement's rows, where the wait for its end brought them along. */
  readonly results: QueryResponse | undefined;
  readonly usage: JobUsage;
}

export class JobRunner {
  readonly api: BigQueryApi;
  readonly timing: Timing;
  readonly signal: AbortSignal | undefined;
  readonly maximumBytesBilled: bigint | undefined;
  readonly #options: JobRunnerOptions;
  readonly #leftovers = new Map<string, Promise<void>>();

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    this.api = options.api;
    this.timing = options.timing ?? systemTiming;
    this.signal = options.signal;
    this.maximumBytesBilled = options.maximumBytesBilled;
  }

  /** Throws `lease_lost` when another run may have taken over. */
  async assertLease(): Promise<void> {
    await this.#options.guard?.();
  }

  get jobTimeoutMs(): number {
    return this.#options.jobTimeoutMs ?? DEFAULT_JOB_TIMEOUT_MS;
  }

  /** Labels of a job or query. */
  labels(job: string, batch: string, model?: string): Readonly<Record<string, string>> {
    return {
      ...this.#options.labels,
      sluice_job: labelValue(job),
      sluice_batch: labelValue(batch),
      ...(model === undefined ? {} : { sluice_model: labelValue(model) }),
    };
  }

  report(usage: JobUsage): void {
    this.#options.onJob?.(usage);
  }

  /** Does the step once, or finds that it was done. Throws what `failures.ts` makes of the last failure; `interrupted`; what the guard throws. */
  async run(request: JobRequest): Promise<FinishedJob> {
    try {
      await this.settleLeftovers(request.key.job);
      return await this.#runStep(request);
    } catch (error) {
      if (this.signal?.aborted !== true || isSluiceError(error)) throw error;
      const reason: unknown = this.signal.reason;
      throw isSluiceError(reason)
        ? reason
        : new SluiceError('interrupted', `Interrupted before BigQuery could ${request.what}.`, { cause: error });
    }
  }

  async #runStep(request: JobRequest): Promise<FinishedJob> {
    const last = (await this.#options.ledger.attempts(this.#keyText(request))).at(-1);
    if (last?.state === 'done') {
      const known = await this.#knownGood(request, last);
      if (known !== undefined) return known;
    }
    let attempt = last === undefined ? 1 : last.state === 'open' ? last.attempt : last.attempt + 1;
    let started = 0;
    for (let burnt = 0; ; attempt++) {
      const { end, attached } = await this.#attempt(request, attempt);
      if (end.ok) return this.#finished(request, attempt, { ...end, attached });
      const repeatable = attached
        ? burnt++ < MAX_BURNT_IDS
        : isRepeatable(end.refusal) && ++started < (isConflict(end.refusal) ? MAX_JOBS_IN_CONFLICT : MAX_JOBS_PER_STEP);
      if (!repeatable) throw toSluiceError(end.refusal, this.#context(request, this.#jobId(request, attempt)));
      if (!attached) await this.timing.sleep(delayAfter(started, this.timing), this.signal);
    }
  }

  /** The ledger says that the job ended well. BigQuery forgets jobs after six months; the work is there all the same. */
  async #knownGood(request: JobRequest, last: JobAttempt): Promise<FinishedJob | undefined> {
    try {
      const resource = await withRetries(() => this.api.getJob(last.jobId), this);
      return this.#finished(request, last.attempt, { resource, attached: true });
    } catch (error) {
      const failure = toApiFailure(error);
      if (failure.status !== 404) throw toSluiceError(failure, this.#context(request, last.jobId), failure);
      const { project, location } = this.api;
      const resource = { jobReference: { projectId: project, jobId: last.jobId, location } };
      return this.#finished(request, last.attempt, { resource, attached: true });
    }
  }

  /** Once per sluice job: closes statements that an earlier run left open. `run` calls it by itself. */
  settleLeftovers(job: string): Promise<void> {
    let settled = this.#leftovers.get(job);
    if (settled === undefined) {
      const { api, timing, signal } = this;
      const { ledger, run } = this.#options;
      const guard = (): Promise<void> => this.assertLease();
      settled = closeLeftovers(job, { api, ledger, timing, signal, run, guard });
      this.#leftovers.set(job, settled);
      // A failure is tried again by the next caller.
      settled.catch(() => this.#leftovers.delete(job));
    }
    return settled;
  }

  async #attempt(request: JobRequest, attempt: number): Promise<{ readonly end: JobEnd; readonly attached: boolean }> {
    const { ledger } = this.#options;
    const { key } = request;
    const id = this.#jobId(request, attempt);
    const kind = kindOf(request);
    this.signal?.throwIfAborted();
    await this.assertLease();
    await ledger.record({
      jobId: id,
      job: key.job,
      run: this.#options.run,
      key: this.#keyText(request),
      attempt,
      kind,
    });
    await (request.guard ?? this.#options.guard)?.();
    const submitted = await this.#submit(request, id);
    if (submitted.resource.configuration?.labels?.[BURNT_LABEL] !== undefined) throw fenced(id);
    // What an insert answers is final when it says DONE; a job that was found is asked in full (the emulator's jobs.get hides failures).
    const end = (submitted.found ? undefined : endOf(submitted.resource)) ?? (await this.#watched(request, id));
    await ledger.settle(id, end.ok ? 'done' : 'failed');
    return { end, attached: submitted.attached };
  }

  async #watched(request: JobRequest, id: string): Promise<JobEnd> {
    const { api, timing, signal, jobTimeoutMs } = this;
    try {
      return await watchJob(id, kindOf(request), { api, timing, signal, jobTimeoutMs });
    } catch (error) {
      if (error instanceof ApiFailure) throw toSluiceError(error, this.#context(request, id), error);
      throw error;
    }
  }

  async #submit(request: JobRequest, id: string): Promise<Submitted> {
    let unanswered = false;
    const insert = async (): Promise<JobResource> => {
      try {
        return await this.api.insertJob(id, this.#configuration(request));
      } catch (error) {
        const { status } = toApiFailure(error);
        unanswered ||= status === null || status >= 500;
        throw error;
      }
    };
    try {
      return { resource: await withRetries(insert, this), found: false, attached: false };
    } catch (error) {
      this.signal?.throwIfAborted();
      const failure = toApiFailure(error);
      if (isDuplicate(failure))
        return { resource: await this.#lookUp(request, id), found: true, attached: !unanswered };
      // Refused: there is no such job, or it has failed already. Unanswered: nobody knows, so it stays open.
      if (failure.status !== null && failure.status < 500) await this.#options.ledger.settle(id, 'failed');
      throw toSluiceError(failure, this.#context(request, id), failure);
    }
  }

  /** A job whose id was just refused as used; it may take a moment until it can be read everywhere. */
  async #lookUp(request: JobRequest, id: string): Promise<JobResource> {
    for (let tries = 1; ; tries++) {
      try {
        return await withRetries(() => this.api.getJob(id), this);
      } catch (error) {
        this.signal?.throwIfAborted();
        const failure = toApiFailure(error);
        if (failure.status !== 404 || tries === LOOK_UP_TRIES)
          throw toSluiceError(failure, this.#context(request, id), failure);
        await this.timing.sleep(delayAfter(tries, this.timing), this.signal);
      }
    }
  }

  #configuration(request: JobRequest): JobConfiguration {
    const { key, configuration, model } = request;
    const { maximumBytesBilled, priority } = this.#options;
    const common = { labels: this.labels(key.job, key.batch, model), jobTimeoutMs: String(this.jobTimeoutMs) };
    if (!('sql' in configuration)) return { ...configuration, ...common };
    const query = {
      query: configuration.sql,
      useLegacySql: false as const,
      priority: priority ?? 'INTERACTIVE',
      ...(maximumBytesBilled === undefined ? {} : { maximumBytesBilled: String(maximumBytesBilled) }),
    };
    return { query, ...common };
  }

  #finished(
    request: JobRequest,
    attempt: number,
    result: { readonly resource: JobResource; readonly results?: QueryResponse; readonly attached: boolean },
  ): FinishedJob {
    const { key, model } = request;
    const id = this.#jobId(request, attempt);
    const usage = usageOf(result.resource, { jobId: id, job: key.job, batch: key.batch, model });
    this.report(usage);
    const { attached, resource, results } = result;
    return { jobId: id, attempt, attached, resource, results, usage };
  }

  /** A load is the same work in every run; a statement belongs to the run. */
  #key(request: JobRequest): StepKey {
    if (kindOf(request) === 'load') return request.key;
    return { ...request.key, step: `${this.#options.run}/${request.key.step}` };
  }

  #keyText(request: JobRequest): string {
    return keyText(this.api.project, this.#key(request));
  }

  #jobId(request: JobRequest, attempt: number): string {
    return jobId(this.api.project, this.#key(request), attempt);
  }

  #context(request: JobRequest, id: string): FailureContext {
    const { project, location } = this.api;
    return { what: request.what, otherwise: request.otherwise, project, location, jobId: id };
  }
}

interface Submitted {
  readonly resource: JobResource;
  /** There was a job of this id: `resource` comes from a look-up. */
  readonly found: boolean;
  /** There was one before our first insert. */
  readonly attached: boolean;
}

function kindOf(request: JobRequest): 'load' | 'statement' {
  return 'sql' in request.configuration ? 'statement' : 'load';
}

/** 409; the emulator says 400 (and a 409 of its own when CREATE OR REPLACE met a table: the job has run then as well). */
function isDuplicate(failure: ApiFailure): boolean {
  return failure.status === 409 || (failure.status === 400 && /job \S+ is already created/.test(failure.message));
}

function fenced(id: string): SluiceError {
  return new SluiceError(
    'lease_lost',
    `The BigQuery job ${id} was not started: another run took over and occupied its id. Nothing was written.`,
    { hint: 'Nothing to do: the other run does the work.', details: { jobId: id } },
  );
}
