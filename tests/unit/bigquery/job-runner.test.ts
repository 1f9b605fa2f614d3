/** One piece of work happens once, whatever gets lost: the runner over real HTTP against the strict front, with a double for the work. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectBigQuery } from '../../../src/adapters/bigquery/client.ts';
import { MemoryJobLedger } from '../../../src/adapters/memory/job-ledger.ts';
import type { JobLedger, NewAttempt } from '../../../src/state/job-ledger.ts';
import { JobRunner, type JobRequest, type JobRunnerOptions } from '../../../src/adapters/bigquery/job-runner.ts';
import type { JobUsage } from '../../../src/adapters/bigquery/job-usage.ts';
import { SluiceError } from '../../../src/core/errors.ts';
import { startBigQueryFront, type BigQueryFront } from '../../support/bigquery-front/front.ts';
import { FrontRefusal } from '../../support/bigquery-front/refusal.ts';
import { testTiming, type TestTiming } from '../../support/bigquery-front/timing.ts';

let front: BigQueryFront;
let ledger: JobLedger;
let timing: TestTiming;
/** What the backend did. */
let done: string[];
let failing: FrontRefusal | undefined;

beforeEach(async () => {
  done = [];
  failing = undefined;
  ledger = new MemoryJobLedger();
  timing = testTiming();
  const work = (what: string): void => {
    done.push(what);
    if (failing !== undefined) throw failing;
  };
  front = await startBigQueryFront({
    backend: {
      script: (sql) => Promise.resolve().then(() => (work(sql), { affectedRows: 0 })),
      load: (load) => Promise.resolve().then(() => (work(load.sourceUris.join()), 3)),
    },
  });
});

afterEach(() => front.stop());

async function runner(options: Partial<JobRunnerOptions> = {}): Promise<JobRunner> {
  const api = await connectBigQuery({ project: front.project, location: 'EU', apiEndpoint: front.endpoint });
  return new JobRunner({ api, ledger, timing, run: 'run-1', ...options });
}

function statement(more: Partial<JobRequest> = {}): JobRequest {
  return {
    key: { job: 'customer', batch: 'customer-00000001', step: 'publish' },
    configuration: { sql: 'select 1' },
    what: 'publish',
    otherwise: 'model_failed',
    ...more,
  };
}

const LOAD: JobRequest = {
  key: { job: 'customer', batch: 'customer-00000001', step: 'load' },
  configuration: {
    load: {
      sourceUris: ['gs://b/o'],
      sourceFormat: 'NEWLINE_DELIMITED_JSON',
      destinationTable: { projectId: 'sluice-test', datasetId: 'd', tableId: 't' },
      schema: { fields: [] },
      createDisposition: 'CREATE_NEVER',
      writeDisposition: 'WRITE_APPEND',
      maxBadRecords: 0,
      ignoreUnknownValues: true,
    },
  },
  what: 'load',
  otherwise: 'load_failed',
};

const refuse = (status: number, reason: string) => ({ type: 'refuse', status, reason }) as const;

describe('one submission', () => {
  test('records the attempt before the guard, and asks the guard before it submits', async () => {
    const order: string[] = [];
    const inner = ledger;
    ledger = {
      record: async (attempt: NewAttempt) => (order.push('record'), inner.record(attempt)),
      settle: async (id, state) => (order.push(`settle ${state}`), inner.settle(id, state)),
      attempts: (key) => inner.attempts(key),
      open: (job) => inner.open(job),
    };
    const guard = (): Promise<void> => {
      order.push(`guard, ${String(front.jobs.length)} jobs`);
      return Promise.resolve();
    };
    const { attached, attempt } = await (await runner()).run(statement({ guard }));
    expect({ attached, attempt, order }).toEqual({
      attached: false,
      attempt: 1,
      order: ['record', 'guard, 0 jobs', 'settle done'],
    });
  });

  test('without the lease records and sends nothing, also where the request brings no guard of its own', async () => {
    const guard = (): Promise<void> => Promise.reject(new SluiceError('lease_lost', 'another run took over'));
    await ledger.record({ jobId: 'theirs', job: 'customer', run: 'run-2', key: 'k', attempt: 1, kind: 'statement' });
    const it = await runner({ guard });
    await expect(it.run(statement())).rejects.toMatchObject({ code: 'lease_lost' });
    await expect(it.run({ ...LOAD, key: { ...LOAD.key, job: 'order' } })).rejects.toMatchObject({ code: 'lease_lost' });
    expect(await ledger.open('customer')).toMatchObject([{ jobId: 'theirs' }]);
    expect(await ledger.open('order')).toEqual([]);
    expect(front.counts()).toEqual({});
  });

  test('carries labels, time limit, priority, byte limit and location, and reports what it cost', async () => {
    const usages: JobUsage[] = [];
    const it = await runner({
      priority: 'BATCH',
      maximumBytesBilled: 10n ** 12n,
      jobTimeoutMs: 60_000,
      labels: { team: 'crm' },
      onJob: (usage) => usages.push(usage),
    });
    await it.run(statement({ model: 'current_customer' }));
    expect(front.jobs[0]?.configuration).toMatchObject({
      labels: {
        team: 'crm',
        sluice_job: 'customer',
        sluice_batch: 'customer-00000001',
        sluice_model: 'current_customer',
      },
      jobTimeoutMs: '60000',
      query: { priority: 'BATCH', maximumBytesBilled: '1000000000000', useLegacySql: false },
    });
    expect(front.jobs[0]?.location).toBe('EU');
    expect(usages).toMatchObject([
      { model: 'current_customer', kind: 'statement', bytesProcessed: 1000, bytesBilled: 10_485_760, slotMs: 42 },
    ]);
  });

  test('costs three requests', async () => {
    await (await runner()).run(statement());
    expect(front.counts()).toEqual({ job_insert: 1, job_results: 1, job_get: 1 });
  });

  test('a guard that refuses keeps it from being submitted', async () => {
    const guard = (): Promise<void> => Promise.reject(new SluiceError('lease_lost', 'taken over'));
    await expect((await runner()).run(statement({ guard }))).rejects.toMatchObject({ code: 'lease_lost' });
    expect(front.jobs).toEqual([]);
  });
});

describe('requests that fail', () => {
  test.each([
    ['the connection breaks before it arrives', { on: 'job_insert', fault: { type: 'disconnect' } }],
    ['the answer is lost after the job was made', { on: 'job_insert', fault: { type: 'lose_response' } }],
    ['BigQuery answers 503', { on: 'job_insert', fault: refuse(503, 'backendError'), times: 3 }],
    ['requests come too fast', { on: 'job_insert', fault: refuse(403, 'rateLimitExceeded'), times: 2 }],
    ['the wait is interrupted', { on: 'job_results', fault: { type: 'disconnect' }, times: 2 }],
    ['the look at the job fails', { on: 'job_get', fault: refuse(500, 'internalError'), times: 2 }],
  ] as const)('the work is done once when %s', async (_, fault) => {
    front.faults.add(fault);
    await (await runner()).run(statement());
    front.faults.add(fault);
    await (await runner()).run(LOAD);
    expect(done).toEqual(['select 1', 'gs://b/o']);
    expect(front.jobs.map((job) => job.jobId).filter((id) => !id.endsWith('_a1'))).toEqual([]);
  });

  test('waits longer after each try', async () => {
    front.faults.add({ on: 'job_insert', fault: refuse(503, 'backendError'), times: 4 });
    await (await runner()).run(statement());
    expect(timing.slept).toEqual([750, 1500, 3000, 6000]);
  });

  test.each([
    ['job_get', LOAD],
    ['job_results', statement()],
  ] as const)('a job that was taken and cannot be read yet (%s: 404) is asked for again', async (kind, request) => {
    front.faults.add({ on: kind, fault: refuse(404, 'notFound'), times: 2 });
    await (await runner()).run(request);
    expect(done).toHaveLength(1);
  });

  test('an answer that never comes is not waited for: the request is sent again, and the job found', async () => {
    const api = await connectBigQuery({
      project: front.project,
      location: 'EU',
      apiEndpoint: front.endpoint,
      requestTimeoutMs: 500,
    });
    for (const on of ['job_insert', 'job_get', 'job_results'] as const)
      front.faults.add({ on, fault: { type: 'hang' } });
    const it = await runner({ api });
    await it.run(statement());
    await it.run(LOAD);
    expect(done).toHaveLength(2);
  });

  test('gives up when the API stays away, and leaves the attempt open for the next run', async () => {
    front.faults.add({ on: 'job_insert', fault: refuse(503, 'backendError'), times: 1000 });
    await expect((await runner()).run(LOAD)).rejects.toMatchObject({ code: 'load_failed' });
    expect((await ledger.open('customer')).map(({ attempt }) => attempt)).toEqual([1]);
    front.faults.clear();
    await (await runner({ run: 'run-2' })).run(LOAD);
    expect(done).toEqual(['gs://b/o']);
  });

  test('does not repeat what no repetition helps', async () => {
    front.faults.add({
      on: 'job_insert',
      fault: {
        ...refuse(403, 'accessDenied'),
        message: 'Access Denied: User does not have bigquery.jobs.create permission in project sluice-test.',
      },
    });
    await expect((await runner()).run(statement())).rejects.toMatchObject({
      code: 'warehouse_denied',
      hint: expect.stringContaining('roles/bigquery.jobUser'),
    });
    expect(front.counts()).toEqual({ job_insert: 1 });
  });

  test('does not spin on a quota that is used up', async () => {
    front.faults.add({
      on: 'job_insert',
      fault: { type: 'fail_job', reason: 'quotaExceeded', message: 'Quota exceeded: imports per table' },
      times: 9,
    });
    await expect((await runner()).run(LOAD)).rejects.toMatchObject({ code: 'warehouse_quota' });
    expect(front.jobs).toHaveLength(1);
    expect(timing.slept.filter((ms) => ms >= 750)).toEqual([]);
  });
});

describe('jobs that fail', () => {
  const broken = {
    type: 'fail_job',
    reason: 'backendError',
    message: 'Error encountered during execution. Retrying may solve the problem.',
  } as const;

  test('a failure inside BigQuery is repeated under a new id', async () => {
    front.faults.add({ on: 'job_insert', fault: broken, times: 2 });
    const { attempt } = await (await runner()).run(statement());
    expect(attempt).toBe(3);
    expect(front.jobs.map((job) => job.jobId.slice(-2))).toEqual(['a1', 'a2', 'a3']);
    expect(done).toEqual(['select 1']);
    // A failed job's error looks like one of the request that asks for its results: asking again and again would take minutes.
    expect(timing.slept.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(5000);
  });

  test('a transaction that lost against another one is repeated', async () => {
    const message = 'Transaction is aborted due to concurrent update against table p.d.t. Transaction ID: 1';
    front.faults.add({ on: 'job_insert', fault: { type: 'fail_job', reason: 'invalidQuery', message } });
    expect((await (await runner()).run(statement())).attempt).toBe(2);
  });

  test('ends after five jobs', async () => {
    front.faults.add({ on: 'job_insert', fault: broken, times: 100 });
    await expect((await runner()).run(statement())).rejects.toMatchObject({ code: 'model_failed' });
    expect(front.jobs).toHaveLength(5);
  });

  test('a mistake in the SQL is not repeated, and is told in the words of the database', async () => {
    failing = new FrontRefusal(400, 'invalidQuery', 'Unrecognized name: nope at [1:8]');
    await expect((await runner()).run(statement())).rejects.toMatchObject({
      code: 'model_failed',
      message: 'Unrecognized name: nope at [1:8]',
    });
    expect(done).toHaveLength(1);
  });

  test('a later run takes a new id, for the failed one is burnt', async () => {
    failing = new FrontRefusal(400, 'invalid', 'Error while reading data');
    await expect((await runner()).run(LOAD)).rejects.toMatchObject({ code: 'load_failed' });
    failing = undefined;
    expect(await (await runner({ run: 'run-2' })).run(LOAD)).toMatchObject({ attempt: 2, attached: false });
  });

  test('an admin who cancels the job is named as what happened', async () => {
    front.faults.add({ on: 'job_insert', fault: { type: 'cancel_job' } });
    await expect((await runner()).run(LOAD)).rejects.toMatchObject({ code: 'warehouse_cancelled' });
  });
});

describe('coming back', () => {
  test('a load that an earlier run began is attached to, not repeated', async () => {
    await (await runner()).run(LOAD);
    expect(await (await runner({ run: 'run-2' })).run(LOAD)).toMatchObject({ attached: true, attempt: 1 });
    expect(done).toEqual(['gs://b/o']);
  });

  test('a load is found without the ledger too, behind the ids that failures burnt', async () => {
    failing = new FrontRefusal(400, 'invalid', 'Error while reading data');
    for (let run = 1; run <= 2; run++)
      await expect((await runner()).run(LOAD)).rejects.toThrow('Error while reading data');
    failing = undefined;
    await (await runner()).run(LOAD);
    ledger = new MemoryJobLedger();
    expect(await (await runner()).run(LOAD)).toMatchObject({ attached: true, attempt: 3 });
    expect(done).toHaveLength(3);
  });

  test('a load that BigQuery has forgotten after months is not repeated', async () => {
    await (await runner()).run(LOAD);
    front.faults.add({ on: 'job_get', fault: refuse(404, 'notFound') });
    expect(await (await runner()).run(LOAD)).toMatchObject({ attached: true });
    expect(done).toHaveLength(1);
  });

  test('an attempt that was recorded and never sent is sent under its id', async () => {
    front.faults.add({ on: 'job_insert', fault: refuse(503, 'backendError'), times: 1000 });
    await expect((await runner()).run(LOAD)).rejects.toThrow();
    front.faults.clear();
    expect(await (await runner({ run: 'run-2' })).run(LOAD)).toMatchObject({ attempt: 1, attached: false });
  });

  test('a statement that never arrived can never run: its id is occupied, and the paused process that wakes up stops', async () => {
    let wake = (): void => {};
    const paused = new Promise<void>((resolve) => (wake = resolve));
    let recorded = (): void => {};
    const sleeping = new Promise<void>((resolve) => (recorded = resolve));
    const guard = async (): Promise<void> => {
      recorded();
      await paused;
    };
    const zombie = (await runner()).run(statement({ guard }));
    zombie.catch(() => undefined);
    await sleeping;
    await (await runner({ run: 'run-2' })).settleLeftovers('customer');
    wake();
    await expect(zombie).rejects.toMatchObject({ code: 'lease_lost' });
    await Promise.all(front.jobs.map((job) => job.done));
    expect(done).toEqual(['select 1 as burnt']);
    expect((await ledger.open('customer')).length).toBe(0);
  });

  test('a statement that is still running is cancelled and its end awaited before anything new begins', async () => {
    front.faults.add({ on: 'job_insert', fault: { type: 'slow_job', ms: 60_000 } });
    const abandoned = (await runner()).run(statement());
    abandoned.catch(() => undefined);
    while (front.jobs.length === 0) await timing.sleep(1);
    await (await runner({ run: 'run-2' })).run(statement());
    expect(front.jobs.map((job) => job.failure?.reason)).toEqual(['stopped', undefined]);
    await expect(abandoned).rejects.toMatchObject({ code: 'warehouse_cancelled' });
    expect(done).toEqual(['select 1']);
  });

  test('statements of the run itself are left alone', async () => {
    front.faults.add({ on: 'job_insert', fault: { type: 'slow_job', ms: 50 } });
    const first = (await runner()).run(statement());
    while (front.jobs.length === 0) await timing.sleep(1);
    await (await runner()).run(statement({ key: { job: 'customer', batch: 'b', step: 'other' } }));
    await first;
    expect(front.jobs.map((job) => job.failure)).toEqual([undefined, undefined]);
  });
});

describe('being stopped', () => {
  test('cancels the running job and says so', async () => {
    front.faults.add({ on: 'job_insert', fault: { type: 'slow_job', ms: 60_000 } });
    const controller = new AbortController();
    const running = (await runner({ signal: controller.signal })).run(LOAD);
    running.catch(() => undefined);
    while (front.jobs[0]?.state !== 'RUNNING') await timing.sleep(1);
    controller.abort();
    await expect(running).rejects.toMatchObject({
      code: 'interrupted',
      message: expect.stringContaining('it has ended'),
    });
    expect(front.jobs[0]?.failure?.reason).toBe('stopped');
  });

  test('passes on why it was stopped', async () => {
    const controller = new AbortController();
    controller.abort(new SluiceError('lease_lost', 'another run took over'));
    await expect((await runner({ signal: controller.signal })).run(LOAD)).rejects.toMatchObject({ code: 'lease_lost' });
    expect(front.jobs).toEqual([]);
  });
});

describe('a place that is not there', () => {
  test('a wrong endpoint is given up after three tries', async () => {
    const api = await connectBigQuery({ project: 'p', location: 'EU', apiEndpoint: 'http://127.0.0.1:9' });
    await expect(new JobRunner({ api, ledger, timing, run: 'run-1' }).run(LOAD)).rejects.toMatchObject({
      code: 'warehouse_failed',
    });
    expect(timing.slept).toHaveLength(2);
  });

  test('a wrong project is named', async () => {
    const api = await connectBigQuery({ project: 'elsewhere', location: 'EU', apiEndpoint: front.endpoint });
    await expect(new JobRunner({ api, ledger, timing, run: 'run-1' }).run(LOAD)).rejects.toMatchObject({
      code: 'warehouse_missing',
      hint: expect.stringContaining('BIGQUERY_PROJECT (elsewhere)'),
    });
  });
});
