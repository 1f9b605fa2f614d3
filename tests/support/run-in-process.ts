/**
 * Runs a job in this process, composed as the command line does it (embedded target), but with a clock that only the scripted API moves:
 * S0 is exactly the logical time, S1 is later by what the API took.
 */
import { resolve } from 'node:path';
import customer from '../../jobs/customer.ts';
import order from '../../jobs/order.ts';
import { composed } from '../../src/cli/compose.ts';
import type { CliContext } from '../../src/cli/context.ts';
import { jobModelRunner } from '../../src/cli/job/model-runner.ts';
import { jobPorts } from '../../src/cli/job/ports.ts';
import type { OpenProject } from '../../src/cli/open-project.ts';
import { Output } from '../../src/cli/output.ts';
import { loadProject, type ProjectConfig } from '../../src/config/project.ts';
import { Redactor } from '../../src/config/secret.ts';
import { resolveTarget } from '../../src/config/target.ts';
import type { TargetConfig } from '../../src/config/target.ts';
import type { JobDefinition } from '../../src/core/job.ts';
import type { ModelRunner } from '../../src/pipeline/model-runner.ts';
import type { JobPorts } from '../../src/pipeline/ports.ts';
import type { RunRequest } from '../../src/pipeline/request.ts';
import { backfill } from '../../src/pipeline/backfill.ts';
import { runJob } from '../../src/pipeline/run-job.ts';
import type { JobCall, JobOutcome, RunJob } from './project-run.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const JOBS: Readonly<Record<JobCall['entity'], JobDefinition>> = { customer, order };

let loaded: ReturnType<typeof loadProject> | undefined;

export function environmentOf(call: JobCall): Readonly<Record<string, string>> {
  return { SLUICE_HOME: call.home, CUSTOMER_API_URL: call.apiUrl };
}

function contextOf(call: JobCall, told: string[]): CliContext {
  const env = environmentOf(call);
  const redactor = new Redactor();
  const stream = { write: (text: string): number => told.push(text) };
  return {
    env,
    cwd: ROOT,
    output: new Output({ stdout: stream, stderr: stream, json: false, redactor, env }),
    signal: new AbortController().signal,
    redactor,
    command: `job run ${call.entity}`,
  };
}

/** DuckDB on one thread: a few dozen rows are not worth more. */
function oneThread(target: TargetConfig): TargetConfig {
  return {
    ...target,
    warehouse: () => {
      const config = target.warehouse();
      return config.type === 'duckdb' ? { ...config, threads: 1 } : config;
    },
  };
}

function requestOf(call: JobCall): RunRequest {
  const { mode, fullLoad, logicalTime, acceptDeletes } = call;
  return {
    fullLoad,
    fullRefresh: mode === 'refresh',
    only: mode === 'all' || mode === 'refresh' ? null : mode,
    logicalTime,
    dryRun: false,
    // A rebuild also publishes what was landed meanwhile, and the tables of these histories are small enough to shrink by that.
    accept: { deletes: acceptDeletes, gap: false, quarantine: false, shrink: mode === 'refresh' },
    parameters: {},
  };
}

/** The model layer of a run; the project's own unless a test brings another. */
export type ModelsOf = (
  call: { context: CliContext; project: OpenProject; ports: JobPorts },
  request: RunRequest,
) => Promise<ModelRunner>;

/** Where the run works; the embedded target unless a test brings another. */
export type TargetOf = (config: ProjectConfig, call: JobCall) => TargetConfig;

const embedded: TargetOf = (config, call) => oneThread(resolveTarget(config, 'dev', environmentOf(call)));

export function inProcess(modelsOf: ModelsOf = jobModelRunner, targetOf: TargetOf = embedded): RunJob {
  return async (call): Promise<JobOutcome> => {
    loaded ??= loadProject(ROOT);
    const config = await loaded;
    const told: string[] = [];
    const context = contextOf(call, told);
    const project = { config, target: targetOf(config, call) };
    const job = JOBS[call.entity];
    const { maxBatchRows, apiMs } = call;
    const limited = maxBatchRows === null ? job : { ...job, limits: { ...job.limits, maxBatchRows } };
    return composed(context, project, async (composition) => {
      const clock = { now: (): number => Date.parse(call.logicalTime) + apiMs(), monotonic: apiMs };
      const ports: JobPorts = { ...(await jobPorts(limited, { context, project, composition })), clock };
      const request = requestOf(call);
      const runner = await modelsOf({ context, project, ports }, request);
      const report =
        call.backfill === undefined
          ? await runJob(ports, runner, request)
          : await backfill(ports, runner, request, call.backfill);
      return { exitCode: report.exitCode, errors: report.errors };
    });
  };
}
