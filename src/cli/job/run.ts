/** `sluice job run <job>` and `node jobs/<job>.ts`. */
import { loadJob } from '../../config/load-jobs.ts';
import type { JobDefinition } from '../../core/job.ts';
import type { CliContext, CommandResult } from '../context.ts';
import { openProject, type OpenProject } from '../open-project.ts';
import { runRequest, type JobRunOptions } from './options.ts';
import { readParameters } from './parameters.ts';

export interface RunCall {
  readonly options: JobRunOptions;
  /** What commander did not know: the job's own parameters. */
  readonly rest: readonly string[];
}

export async function runJobByName(
  context: CliContext,
  name: string,
  { options, rest }: RunCall,
): Promise<CommandResult> {
  const project = await openProject(context, options);
  const job = await loadJob(project.config, name);
  const parameters = await readParameters(job, rest);
  return runJobOf({ context, project, job }, options, parameters);
}

export interface JobCall {
  readonly context: CliContext;
  readonly project: OpenProject;
  readonly job: JobDefinition;
}

export async function runJobOf(
  { context, project, job }: JobCall,
  options: JobRunOptions,
  parameters: Readonly<Record<string, string | number | boolean>>,
): Promise<CommandResult> {
  const request = runRequest(options, parameters);
  if (options.rollback === true)
    return (await import('./rollback.ts')).rollbackJobOf({ context, project, job }, request);
  const [{ composed }, { jobPorts }, { jobModelRunner }, { runJob }, { printReport }] = await Promise.all([
    import('../compose.ts'),
    import('./ports.ts'),
    import('./model-runner.ts'),
    import('../../pipeline/run-job.ts'),
    import('./report-text.ts'),
  ]);
  return composed(context, project, async (composition) => {
    const ports = await jobPorts(job, { context, project, composition, reading: request.dryRun });
    const runner = await jobModelRunner({ context, project, ports }, request);
    const report = await runJob(ports, runner, request);
    if (!context.output.json) printReport(context.output, report);
    return { exitCode: report.exitCode, json: { ...report } };
  });
}
