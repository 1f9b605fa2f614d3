/** Jobs as BigQuery has them: an id that is used once, PENDING -> RUNNING -> DONE over time, cancel, statistics. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobConfiguration, JobResource, LoadConfiguration } from '../../../src/adapters/bigquery/rest-types.ts';
import {
  classify,
  plainRelation,
  splitStatements,
  tokens,
  dmlTarget,
} from '../../../src/adapters/bigquery/sql-text.ts';
import type { ScriptResult } from './engine.ts';
import type { Fault } from './faults.ts';
import { FrontRefusal } from './refusal.ts';

/** What does the work of jobs: the emulator behind `engine.ts`, or a double in tests that are about jobs alone. */
export interface Backend {
  script(sql: string): Promise<ScriptResult>;
  load(load: LoadConfiguration): Promise<number>;
}

export interface JobTimes {
  /** How long a job stays in each state before it goes on. */
  readonly pendingMs: number;
  readonly runningMs: number;
}

/** BigQuery's own (FACTS.md §5); tests make them small to meet them. */
export interface JobLimits {
  readonly loadsPerTableAndDay: number;
  readonly outstandingDmlPerTable: number;
}

export const BIGQUERY_LIMITS: JobLimits = { loadsPerTableAndDay: 1500, outstandingDmlPerTable: 22 };

export class FrontJob {
  readonly jobId: string;
  readonly location: string;
  readonly configuration: JobConfiguration;
  state: 'PENDING' | 'RUNNING' | 'DONE' = 'PENDING';
  failure: FrontRefusal | undefined;
  result: ScriptResult | undefined;
  outputRows: number | undefined;
  /** The work was begun on the backend. */
  executed = false;
  cancelRequested = false;
  readonly created = Date.now();
  ended: number | undefined;
  done: Promise<void> = Promise.resolve();

  constructor(jobId: string, location: string, configuration: JobConfiguration) {
    this.jobId = jobId;
    this.location = location;
    this.configuration = configuration;
  }

  resource(projectId: string): JobResource {
    const { failure, state } = this;
    const error = failure === undefined ? undefined : { reason: failure.reason, message: failure.message };
    return {
      jobReference: { projectId, jobId: this.jobId, location: this.location },
      configuration: this.configuration,
      status: { state, ...(error === undefined || state !== 'DONE' ? {} : { errorResult: error, errors: [error] }) },
      statistics: {
        creationTime: String(this.created),
        startTime: String(this.created),
        ...(this.ended === undefined ? {} : { endTime: String(this.ended) }),
        ...(this.configuration.load === undefined || this.outputRows === undefined
          ? {}
          : { load: { outputRows: String(this.outputRows) } }),
        ...(this.configuration.query === undefined
          ? {}
          : {
              query: {
                totalBytesProcessed: '1000',
                totalBytesBilled: '10485760',
                totalSlotMs: '42',
                statementType: 'SCRIPT',
              },
            }),
      },
    };
  }
}

export class FrontJobs {
  readonly #backend: Backend;
  readonly #times: JobTimes;
  readonly #limits: JobLimits;
  readonly #jobs = new Map<string, FrontJob>();
  readonly #loads = new Map<string, number>();

  constructor(backend: Backend, times: JobTimes, limits: JobLimits) {
    this.#backend = backend;
    this.#times = times;
    this.#limits = limits;
  }

  get all(): readonly FrontJob[] {
    return [...this.#jobs.values()];
  }

  find(jobId: string): FrontJob | undefined {
    return this.#jobs.get(jobId);
  }

  /** 409 for an id that was used, whatever became of that job. */
  insert(projectId: string, job: FrontJob, faults: readonly Fault[]): void {
    if (this.#jobs.has(job.jobId)) {
      throw new FrontRefusal(409, 'duplicate', `Already Exists: Job ${projectId}:${job.location}.${job.jobId}`);
    }
    this.#jobs.set(job.jobId, job);
    job.done = this.#follow(job, faults);
  }

  cancel(job: FrontJob): void {
    job.cancelRequested = true;
  }

  async #follow(job: FrontJob, faults: readonly Fault[]): Promise<void> {
    await sleep(this.#times.pendingMs);
    try {
      for (const fault of faults) if (fault.type === 'pending_job') await this.#waitUnlessCancelled(job, fault.ms);
      job.state = 'RUNNING';
      for (const fault of faults) {
        if (fault.type === 'fail_job') throw new FrontRefusal(400, fault.reason, fault.message);
        if (fault.type === 'cancel_job') throw stopped();
        if (fault.type === 'slow_job') await this.#waitUnlessCancelled(job, fault.ms);
      }
      if (job.cancelRequested) throw stopped();
      this.#assertLimits(job);
      await sleep(this.#times.runningMs);
      job.executed = true;
      await this.#execute(job);
    } catch (error) {
      job.failure = error instanceof FrontRefusal ? error : new FrontRefusal(500, 'internalError', String(error));
    }
    job.ended = Date.now();
    job.state = 'DONE';
  }

  async #waitUnlessCancelled(job: FrontJob, ms: number): Promise<void> {
    const limitMs = Number(job.configuration.jobTimeoutMs ?? Number.POSITIVE_INFINITY);
    const deadline = Date.now() + Math.min(ms, limitMs);
    while (Date.now() < deadline && !job.cancelRequested) await sleep(5);
    if (limitMs < ms && !job.cancelRequested)
      throw new FrontRefusal(
        499,
        'stopped',
        `Job execution was cancelled: Job timed out after ${String(limitMs / 1000)}s`,
      );
  }

  async #execute(job: FrontJob): Promise<void> {
    const { query, load } = job.configuration;
    if (query !== undefined) job.result = await this.#backend.script(query.query);
    if (load !== undefined) job.outputRows = await this.#backend.load(load);
  }

  #assertLimits(job: FrontJob): void {
    const { load, query } = job.configuration;
    if (load !== undefined) {
      const { projectId, datasetId, tableId } = load.destinationTable;
      const table = `${projectId}.${datasetId}.${tableId}`;
      const count = (this.#loads.get(table) ?? 0) + 1;
      this.#loads.set(table, count);
      if (count > this.#limits.loadsPerTableAndDay) {
        throw new FrontRefusal(
          403,
          'quotaExceeded',
          `Quota exceeded: Your table exceeded quota for imports or query appends per table. Table: ${table}`,
        );
      }
    }
    if (query === undefined) return;
    for (const target of changedTables(query.query)) this.#assertConcurrency(job, target);
  }

  /** The second of two transactions that change one table is aborted; plain DML queues, up to a number. */
  #assertConcurrency(job: FrontJob, target: string): void {
    const others = this.all
      .slice(0, this.all.indexOf(job))
      .filter((other) => other.state === 'RUNNING' && other.failure === undefined);
    const same = others.filter((other) => changedTables(other.configuration.query?.query ?? '').includes(target));
    if (same.length >= this.#limits.outstandingDmlPerTable) {
      throw new FrontRefusal(
        400,
        'resourcesExceeded',
        `Resources exceeded during query execution: Too many DML statements outstanding against table ${target}, limit is ${String(this.#limits.outstandingDmlPerTable)}.`,
      );
    }
    const isTransaction = (one: FrontJob): boolean => /begin\s+transaction/i.test(one.configuration.query?.query ?? '');
    if (isTransaction(job) && same.some(isTransaction)) {
      throw new FrontRefusal(
        400,
        'invalidQuery',
        `Transaction is aborted due to concurrent update against table ${target}. Transaction ID: ${job.jobId}`,
      );
    }
  }
}

/** Tables whose rows a script updates, deletes or merges; plain inserts do not conflict. */
export function changedTables(sql: string): readonly string[] {
  const targets = splitStatements(sql).flatMap((statement) => {
    if (classify(statement).kind !== 'dml' || tokens(statement)[0]?.toLowerCase() === 'insert') return [];
    const target = dmlTarget(statement);
    return target === undefined ? [] : [plainRelation(target)];
  });
  return [...new Set(targets)];
}

function stopped(): FrontRefusal {
  return new FrontRefusal(499, 'stopped', 'Job execution was cancelled: User requested cancellation');
}
