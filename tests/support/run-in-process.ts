/** Runs a job in this process over the embedded target's own adapters, with a clock that only the scripted API moves. */
import { join } from 'node:path';
import customer from '../../jobs/customer.ts';
import order from '../../jobs/order.ts';
import { openDuckDb } from '../../src/adapters/duckdb/database.ts';
import { DuckDbModelWarehouse } from '../../src/adapters/duckdb/model-warehouse.ts';
import { DuckDbRawWarehouse } from '../../src/adapters/duckdb/raw-warehouse.ts';
import { createKnexStateStore } from '../../src/adapters/knex-state/knex-state-store.ts';
import { createLocalFilesObjectStore } from '../../src/adapters/local-files/object-store.ts';
import { createRestSnapshotSource } from '../../src/adapters/rest/snapshot-source.ts';
import { TopicLogStream } from '../../src/adapters/topic-log/stream.ts';
import { TopicLog } from '../../src/adapters/topic-log/topic-log.ts';
import { systemClock } from '../../src/cli/system-clock.ts';
import type { Clock } from '../../src/core/clock.ts';
import type { JobDefinition } from '../../src/core/job.ts';
import type { ModelRunner } from '../../src/pipeline/model-runner.ts';
import type { JobPorts, WarehouseGate } from '../../src/pipeline/ports.ts';
import { runJob } from '../../src/pipeline/run-job.ts';
import type { JobCall, JobOutcome, RunJob } from './project-run.ts';

const JOBS: Readonly<Record<JobCall['entity'], JobDefinition>> = { customer, order };
let runs = 0;

function warehouse(home: string, locate: (name: string) => string): WarehouseGate {
  return {
    schema: 'analytics',
    rawSchema: 'analytics_raw',
    dialect: 'duckdb',
    fingerprint: () => Promise.resolve(null),
    open: async () => {
      const database = await openDuckDb({ path: join(home, 'warehouse.duckdb'), clock: systemClock, threads: 1 });
      return {
        raw: new DuckDbRawWarehouse(database, { schema: 'analytics_raw', locate }),
        models: new DuckDbModelWarehouse(database),
        close: () => database.close(),
      };
    },
  };
}

async function withPorts<T>(call: JobCall, work: (ports: JobPorts) => Promise<T>): Promise<T> {
  const job = JOBS[call.entity];
  const { maxBatchRows } = call;
  const limits = { ...job.limits, ...(maxBatchRows === null ? {} : { maxBatchRows }) };
  const state = createKnexStateStore(
    { client: 'sqlite', path: join(call.home, 'state.sqlite') },
    { clock: systemClock },
  );
  const store = createLocalFilesObjectStore(join(call.home, 'landing'));
  const clock: Clock = { now: () => Date.parse(call.logicalTime) + call.apiMs(), monotonic: call.apiMs };
  try {
    return await work({
      job: { ...job, limits },
      project: 'kundenservice',
      timezone: 'Europe/Berlin',
      gzip: false,
      clock,
      state,
      store,
      stream: () => Promise.resolve(new TopicLogStream(new TopicLog(join(call.home, 'topics')))),
      snapshot: () => {
        const environment: Record<string, string> = { CUSTOMER_API_URL: call.apiUrl };
        const endpoint = job.snapshot?.endpoint((name, fallback) => environment[name] ?? fallback ?? '');
        return Promise.resolve(
          endpoint === undefined ? null : createRestSnapshotSource(endpoint, { clock: systemClock }),
        );
      },
      warehouse: warehouse(call.home, (name) => store.location(name)),
      observer: { note: () => undefined, warn: () => undefined, progress: () => undefined },
      holder: { host: 'here', pid: process.pid, processStartedAt: null, command: `job run ${call.entity}` },
      isAlive: () => true,
      leaseTtlMs: 600_000,
      runId: `run-${String(++runs)}`,
    });
  } finally {
    await state.close();
    await store.close();
  }
}

/** `modelsOf` gives the model layer of a run. */
export function inProcess(modelsOf: (ports: JobPorts) => ModelRunner): RunJob {
  return async (call): Promise<JobOutcome> =>
    withPorts(call, async (ports) => {
      const { mode, fullLoad, logicalTime } = call;
      const report = await runJob(ports, modelsOf(ports), {
        fullLoad,
        fullRefresh: mode === 'refresh',
        only: mode === 'all' || mode === 'refresh' ? null : mode,
        logicalTime,
        dryRun: false,
        // A rebuild also publishes what was landed meanwhile, and the tables of these histories are small enough to shrink by that.
        accept: { deletes: call.acceptDeletes, gap: false, quarantine: false, shrink: mode === 'refresh' },
        parameters: {},
      });
      return { exitCode: report.exitCode, errors: report.errors };
    });
}
