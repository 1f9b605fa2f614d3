/**
 * Reading: jobs.query, one call for a small result. Nothing has to be remembered, because a query that is sent again (same requestId)
 * is the same query, and one that runs twice changes nothing.
 */
import { randomUUID } from 'node:crypto';
import { SluiceError } from '../../core/errors.ts';
import type { QueryResult } from '../../transform/run/ports.ts';
import { toApiFailure } from './api-failure.ts';
import { isRepeatable, toSluiceError, type FailureContext } from './failures.ts';
import { MAX_JOBS_PER_STEP, type JobRunner } from './job-runner.ts';
import { countOf, type JobUsage } from './job-usage.ts';
import type { QueryRequest, QueryResponse, RowResource } from './rest-types.ts';
import { toQueryResult } from './values.ts';
import { delayAfter, withRetries } from './with-retries.ts';

export interface ReadOptions {
  readonly context: FailureContext;
  readonly labels: Readonly<Record<string, string>>;
  readonly job: string;
  readonly batch: string;
  readonly model?: string | undefined;
  /** Hears what the query cost, besides the runner. */
  readonly heard?: (usage: JobUsage) => void;
}

/** All rows of a query, in memory: for catalogues, counts and the small results of tests and `show`. */
export async function readAll(runner: JobRunner, sql: string, options: ReadOptions): Promise<QueryResult> {
  for (let tries = 1; ; tries++) {
    try {
      return await readOnce(runner, sql, options);
    } catch (error) {
      if (runner.signal?.aborted === true) throw interrupted(runner.signal.reason, error);
      const failure = toApiFailure(error);
      if (error instanceof SluiceError) throw error;
      if (!isRepeatable(failure) || tries === MAX_JOBS_PER_STEP) throw toSluiceError(failure, options.context, failure);
      await runner.timing.sleep(delayAfter(tries, runner.timing), runner.signal);
    }
  }
}

async function readOnce(runner: JobRunner, sql: string, options: ReadOptions): Promise<QueryResult> {
  const { api, maximumBytesBilled } = runner;
  const request: QueryRequest = {
    query: sql,
    useLegacySql: false,
    requestId: randomUUID(),
    location: api.location,
    labels: options.labels,
    timeoutMs: runner.api.longPollMs,
    jobTimeoutMs: String(runner.jobTimeoutMs),
    formatOptions: { useInt64Timestamp: true },
    ...(maximumBytesBilled === undefined ? {} : { maximumBytesBilled: String(maximumBytesBilled) }),
  };
  let page: QueryResponse = await withRetries(() => api.query(request), runner);
  const rows: RowResource[] = [...(page.rows ?? [])];
  const jobId = page.jobReference?.jobId;
  while (page.jobComplete === false || page.pageToken !== undefined) {
    if (jobId === undefined)
      throw new SluiceError('warehouse_failed', 'BigQuery began a query and named no job for it.');
    const { pageToken } = page;
    page = await withRetries(() => api.jobResults(jobId, pageToken === undefined ? {} : { pageToken }), runner);
    rows.push(...(page.rows ?? []));
  }
  report(
    runner,
    { ...page, ...(jobId === undefined ? {} : { jobReference: { projectId: api.project, jobId } }) },
    options,
  );
  return toQueryResult(page.schema, rows);
}

function report(runner: JobRunner, page: QueryResponse, { job, batch, model, heard }: ReadOptions): void {
  const usage: JobUsage = {
    jobId: page.jobReference?.jobId ?? '',
    job,
    batch,
    model,
    kind: 'query',
    statementType: 'SELECT',
    bytesProcessed: countOf(page.totalBytesProcessed),
    bytesBilled: countOf(page.totalBytesBilled),
    slotMs: countOf(page.totalSlotMs),
    seconds: null,
  };
  runner.report(usage);
  heard?.(usage);
}

function interrupted(reason: unknown, cause: unknown): SluiceError {
  if (reason instanceof SluiceError) return reason;
  return new SluiceError('interrupted', 'Interrupted while BigQuery ran a query.', { cause });
}
