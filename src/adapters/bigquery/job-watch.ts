/** Follows one BigQuery job to its end. */
import { isSluiceError, SluiceError } from '../../core/errors.ts';
import { toApiFailure, type ApiFailure } from './api-failure.ts';
import type { BigQueryApi } from './client.ts';
import type { Refusal } from './failures.ts';
import type { ErrorProto, JobResource, QueryResponse } from './rest-types.ts';
import type { Timing } from './timing.ts';
import { delayAfter, withRetries } from './with-retries.ts';

/** Between two looks at a load job; a small load takes 2 to 10 s. Query jobs are long-polled instead. */
const FIRST_POLL_MS = 250;
const LONGEST_POLL_MS = 5000;
/** After its own time limit a job gets this long to end by itself before we stop watching. */
const GRACE_MS = 300_000;
/** Looks at a job that was accepted and cannot be read everywhere yet. */
const LOOK_UP_TRIES = 5;
/** How long an interrupted run waits for its cancelled job: long enough for most, short enough for Ctrl-C. */
const CANCEL_WAIT_MS = 10_000;

export interface WatchOptions {
  readonly api: BigQueryApi;
  readonly timing: Timing;
  readonly signal: AbortSignal | undefined;
  readonly jobTimeoutMs: number;
}

interface FailedJob {
  readonly ok: false;
  readonly resource: JobResource | undefined;
  readonly refusal: Refusal;
}

export type JobEnd =
  /** `results`: the first page of a query job that was waited for. */
  { readonly ok: true; readonly resource: JobResource; readonly results?: QueryResponse } | FailedJob;

/** The end of a job that has been submitted; cancels it and throws `interrupted` when the signal is aborted meanwhile. */
export async function watchJob(jobId: string, kind: 'load' | 'statement', options: WatchOptions): Promise<JobEnd> {
  try {
    return kind === 'load' ? await pollJob(jobId, options) : await awaitResults(jobId, options);
  } catch (error) {
    if (options.signal?.aborted !== true) throw error;
    throw await cancelled(jobId, options, error);
  }
}

/** What a job's resource says; undefined while it runs. */
export function endOf(resource: JobResource): JobEnd | undefined {
  if (resource.status?.state !== 'DONE') return undefined;
  const error = resource.status.errorResult;
  return error === undefined
    ? { ok: true, resource }
    : { ok: false, resource, refusal: refusalOf(error, resource.status.errors) };
}

/** A load's errorResult often says only "giving up"; the lines behind it name the object and the field. */
function refusalOf(error: ErrorProto, all: readonly ErrorProto[] = []): Refusal {
  const more = all.filter((one) => one.message !== undefined && one.message !== error.message).slice(0, 3);
  const message = [error.message ?? 'no message', ...more.map((one) => one.message)].join(' | ');
  return { reason: error.reason ?? null, message };
}

async function pollJob(jobId: string, options: WatchOptions): Promise<JobEnd> {
  const deadline = deadlineOf(options);
  for (let delayMs = FIRST_POLL_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_POLL_MS)) {
    const end = endOf(await accepted(() => options.api.getJob(jobId), options));
    if (end !== undefined) return end;
    assertInTime(jobId, deadline, options);
    await options.timing.sleep(delayMs, options.signal);
  }
}

/**
 * Long-polls the results of a query job, then reads the job for its statistics. A failed job answers the poll with its error, which may look like
 * one that passes: so the job itself is asked before the poll is repeated. (The emulator forgets a job's error: then the poll's counts.)
 */
async function awaitResults(jobId: string, options: WatchOptions): Promise<JobEnd> {
  const deadline = deadlineOf(options);
  let polled: ApiFailure | undefined;
  let results: QueryResponse = {};
  for (;;) {
    try {
      const answer = await accepted(() => resultsOrFailure(jobId, options), options);
      if ('ok' in answer) return answer;
      results = answer;
      if (results.jobComplete !== false) break;
    } catch (error) {
      options.signal?.throwIfAborted();
      polled = toApiFailure(error);
      break;
    }
    assertInTime(jobId, deadline, options);
  }
  const resource = await accepted(() => options.api.getJob(jobId), options);
  const end = endOf(resource);
  if (polled === undefined) return end?.ok === false ? end : { ok: true, resource, results };
  if (end?.ok === false) return end;
  if (end === undefined) throw polled;
  return { ok: false, resource, refusal: { reason: polled.reason, message: polled.message } };
}

async function resultsOrFailure(jobId: string, { api }: WatchOptions): Promise<QueryResponse | FailedJob> {
  try {
    return await api.jobResults(jobId);
  } catch (error) {
    const end = await api.getJob(jobId).then(endOf, () => undefined);
    if (end?.ok === false) return end;
    throw error;
  }
}

/** Asks about a job that BigQuery has taken: "not found" then means "not yet". */
async function accepted<T>(ask: () => Promise<T>, options: WatchOptions): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await withRetries(ask, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (toApiFailure(error).status !== 404 || tries === LOOK_UP_TRIES) throw error;
      await options.timing.sleep(delayAfter(tries, options.timing), options.signal);
    }
  }
}

function deadlineOf(options: WatchOptions): number {
  return options.timing.monotonic() + options.jobTimeoutMs + GRACE_MS;
}

function assertInTime(jobId: string, deadline: number, options: WatchOptions): void {
  if (options.timing.monotonic() <= deadline) return;
  throw new SluiceError(
    'warehouse_timeout',
    `The BigQuery job ${jobId} has not ended ${String(Math.round((options.jobTimeoutMs + GRACE_MS) / 1000))} s after it was submitted.`,
    {
      hint: 'Look at the job in the console; the next run looks it up before it does anything else.',
      details: { jobId },
    },
  );
}

/** Best effort: the cancelled job may still end well, so it stays open in the ledger and the next run looks at it. */
async function cancelled(jobId: string, options: WatchOptions, cause: unknown): Promise<SluiceError> {
  const { api, timing } = options;
  let ended = false;
  try {
    await api.cancelJob(jobId);
    const deadline = timing.monotonic() + CANCEL_WAIT_MS;
    while (!ended && timing.monotonic() < deadline) {
      ended = endOf(await api.getJob(jobId)) !== undefined;
      if (!ended) await timing.sleep(FIRST_POLL_MS);
    }
  } catch {
    // It is only a courtesy: the next run looks the job up by its id.
  }
  if (isSluiceError(options.signal?.reason)) return options.signal.reason;
  const fate = ended ? 'it has ended' : 'its end was not waited for; the next run looks it up first';
  return new SluiceError('interrupted', `Interrupted; cancelled the BigQuery job ${jobId}: ${fate}.`, {
    cause,
    details: { jobId },
  });
}
