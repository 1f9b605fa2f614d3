/** From a project, a job and a request to the ports that the pipeline works with. */
import { randomUUID } from 'node:crypto';
import type { JobDefinition } from '../../core/job.ts';
import { DEFAULT_LEASE_TTL_MS } from '../../pipeline/lease.ts';
import type { JobPorts, RunObserver } from '../../pipeline/ports.ts';
import type { Composition } from '../compose.ts';
import type { CliContext } from '../context.ts';
import { rememberJobSecrets, type OpenProject } from '../open-project.ts';
import { isAlive, thisProcess } from '../process-identity.ts';
import { systemClock } from '../system-clock.ts';

export interface JobSurroundings {
  readonly context: CliContext;
  readonly project: OpenProject;
  readonly composition: Composition;
  /** The command writes nothing: it makes no state database either. */
  readonly reading?: boolean;
}

export async function jobPorts(job: JobDefinition, surroundings: JobSurroundings): Promise<JobPorts> {
  const { context, project, composition, reading = false } = surroundings;
  rememberJobSecrets(job, context);
  const runId = randomUUID();
  const [state, store] = await Promise.all([
    reading ? composition.stateForReading() : composition.state(),
    composition.landing(),
  ]);
  return {
    job,
    project: project.config.name,
    timezone: project.config.timezone,
    gzip: project.target.landing().compression === 'gzip',
    clock: systemClock,
    state,
    store,
    stream: () => composition.stream(),
    snapshot: (required) => composition.snapshot(job, required),
    // Its settings (and environment variables) are read by who uses it: looking at dead letters needs no warehouse.
    get warehouse() {
      return composition.warehouseGate({ signal: context.signal, job: job.name, runId });
    },
    observer: observerOf(context),
    signal: context.signal,
    holder: thisProcess(context.command),
    isAlive,
    leaseTtlMs: leaseTtlMs(context),
    runId,
  };
}

export function observerOf({ output }: CliContext): RunObserver {
  return {
    note: (message) => output.note(message),
    warn: (message) => output.note(`${output.colours.yellow('warning')}: ${message}`),
    progress: (message) => output.progress(message),
  };
}

/** Tests shorten the lease, so that a run which is paused past it need not be waited for. */
function leaseTtlMs(context: CliContext): number {
  const seconds = Number(context.env['SLUICE_LEASE_SECONDS']);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : DEFAULT_LEASE_TTL_MS;
}
