/**
 * `sluice dlq replay`: plans a batch of the dead letters that pass by today's schema, then runs the job, whose resume lands, loads and publishes
 * it. If the process dies in between, the batch is planned and any run of the job finishes it.
 */
import { loadJob } from '../../config/load-jobs.ts';
import type { JobDefinition } from '../../core/job.ts';
import { countReplayable, planReplay } from '../../pipeline/replay-dead-letters.ts';
import { runJob, underLease } from '../../pipeline/run-job.ts';
import { composed, type Composition } from '../compose.ts';
import type { CliContext, CommandResult } from '../context.ts';
import type { ReplayOptions } from '../dlq-commands.ts';
import { jobModelRunner } from '../job/model-runner.ts';
import { runRequest } from '../job/options.ts';
import { jobPorts } from '../job/ports.ts';
import { printReport } from '../job/report-text.ts';
import { openProject, type OpenProject } from '../open-project.ts';
import { counted } from '../table.ts';

interface Replay {
  readonly context: CliContext;
  readonly project: OpenProject;
  readonly composition: Composition;
  readonly job: JobDefinition;
}

export async function replayDeadLetters(
  context: CliContext,
  name: string,
  options: ReplayOptions,
): Promise<CommandResult> {
  const project = await openProject(context, options);
  const job = await loadJob(project.config, name);
  return composed(context, project, async (composition) => {
    const replay = { context, project, composition, job };
    return options.dryRun === true ? countOnly(replay) : planAndRun(replay, options);
  });
}

async function countOnly({ context, project, composition, job }: Replay): Promise<CommandResult> {
  const { dead, passing } = await countReplayable(
    await jobPorts(job, { context, project, composition, reading: true }),
  );
  context.output.result(`${counted(passing, 'record', 'records')} of ${dead} would pass by today's schema`);
  return { exitCode: 0, json: { job: job.name, dead, passing } };
}

async function planAndRun(
  { context, project, composition, job }: Replay,
  options: ReplayOptions,
): Promise<CommandResult> {
  const request = runRequest(options.logicalTime === undefined ? {} : { logicalTime: options.logicalTime }, {});
  const counts = { dead: 0, passing: 0 };
  const planning = await underLease(await jobPorts(job, { context, project, composition }), request, async (run) => {
    const { dead, passing } = await planReplay(run);
    Object.assign(counts, { dead, passing });
  });
  context.output.note(`${counted(counts.passing, 'record', 'records')} of ${counts.dead} pass by today's schema`);
  if (counts.passing === 0) return { exitCode: planning.exitCode, json: { ...planning, ...counts } };
  // A run of its own, with its own id in the state store.
  const ports = await jobPorts(job, { context, project, composition });
  const report = await runJob(ports, await jobModelRunner({ context, project, ports }, request), request);
  printReport(context.output, report);
  return { exitCode: report.exitCode, json: { ...report, ...counts } };
}
