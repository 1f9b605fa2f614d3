/**
 * Closes the statements that an earlier run of the same sluice job left open. Its caller holds the lease, so nobody else works on the
 * job but a process that was paused and does not know it yet. For each open statement one of three things is true:
 *
 *   it never arrived      its id is occupied by an empty query (label `sluice_burnt`): should the paused process wake up and send it,
 *                         BigQuery answers 409 and that process stops;
 *   it runs or waits      it is cancelled and its end awaited: a script is one transaction, so nothing of it stays;
 *   it has ended          the run that is starting repeats the work anyway, from what is there now.
 *
 * Loads stay open: whoever loads their batch again attaches to them.
 */
import { SluiceError } from '../../core/errors.ts';
import { toApiFailure, type ApiFailure } from './api-failure.ts';
import type { BigQueryApi } from './client.ts';
import { toSluiceError } from './failures.ts';
import type { JobAttempt, JobLedger } from '../../state/job-ledger.ts';
import { endOf } from './job-watch.ts';
import type { JobResource } from './rest-types.ts';
import type { Timing } from './timing.ts';
import { withRetries } from './with-retries.ts';

export const BURNT_LABEL = 'sluice_burnt';
/** A cancelled script ends within seconds; BigQuery promises nothing. */
const CANCEL_WAIT_MS = 120_000;
const POLL_MS = 1000;

export interface LeftoverOptions {
  readonly api: BigQueryApi;
  readonly ledger: JobLedger;
  readonly timing: Timing;
  readonly signal: AbortSignal | undefined;
  /** This run: its own open statements are at work. */
  readonly run: string;
  /** Throws `lease_lost`: the statements may be those of the run that took over. */
  readonly guard: () => Promise<void>;
}

export async function closeLeftovers(job: string, options: LeftoverOptions): Promise<void> {
  for (const attempt of await options.ledger.open(job)) {
    if (attempt.kind !== 'statement' || attempt.run === options.run) continue;
    try {
      await options.guard();
      await closeOne(attempt, options);
    } catch (error) {
      if (error instanceof SluiceError || options.signal?.aborted === true) throw error;
      const { project, location } = options.api;
      const what = `look up the unfinished job ${attempt.jobId}`;
      const context = { what, otherwise: 'warehouse_failed', project, location, jobId: attempt.jobId } as const;
      throw toSluiceError(toApiFailure(error), context, error);
    }
  }
}

async function closeOne(attempt: JobAttempt, options: LeftoverOptions): Promise<void> {
  const { api, ledger } = options;
  const found = (await getIfThere(attempt.jobId, options)) ?? (await occupy(attempt.jobId, options));
  if (found === 'occupied') {
    await ledger.settle(attempt.jobId, 'burnt');
    return;
  }
  const end = endOf(found) ?? (await cancelAndWait(attempt.jobId, options));
  if (end === undefined) throw stillRunning(attempt.jobId, api.project);
  await ledger.settle(attempt.jobId, end.ok ? 'done' : 'failed');
}

async function getIfThere(jobId: string, options: LeftoverOptions): Promise<JobResource | undefined> {
  try {
    return await withRetries(() => options.api.getJob(jobId), options);
  } catch (error) {
    if (toApiFailure(error).status === 404) return undefined;
    throw error;
  }
}

/** 'occupied', or the job that arrived in this very moment. */
async function occupy(jobId: string, options: LeftoverOptions): Promise<JobResource | 'occupied'> {
  const query = { query: 'select 1 as burnt', useLegacySql: false } as const;
  try {
    await withRetries(() => options.api.insertJob(jobId, { query, labels: { [BURNT_LABEL]: 'true' } }), options);
    return 'occupied';
  } catch (error) {
    const failure: ApiFailure = toApiFailure(error);
    if (failure.status !== 409) throw failure;
    const found = await options.api.getJob(jobId);
    return found.configuration?.labels?.[BURNT_LABEL] === undefined ? found : 'occupied';
  }
}

async function cancelAndWait(jobId: string, options: LeftoverOptions): Promise<ReturnType<typeof endOf>> {
  const { api, timing, signal } = options;
  await withRetries(() => api.cancelJob(jobId), options);
  const deadline = timing.monotonic() + CANCEL_WAIT_MS;
  for (;;) {
    const end = endOf(await withRetries(() => api.getJob(jobId), options));
    if (end !== undefined || timing.monotonic() > deadline) return end;
    await timing.sleep(POLL_MS, signal);
  }
}

function stillRunning(jobId: string, project: string): SluiceError {
  return new SluiceError(
    'warehouse_failed',
    `The BigQuery job ${jobId} of an interrupted run is still running and did not stop within ${String(CANCEL_WAIT_MS / 1000)} s of being cancelled.`,
    {
      hint: `Wait for it, or stop it with \`bq --project_id=${project} cancel ${jobId}\`, then run again.`,
      details: { jobId },
    },
  );
}
