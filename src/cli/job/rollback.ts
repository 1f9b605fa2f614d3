/** `sluice job rollback`, and `sluice job run --rollback`. */
import { loadJob } from '../../config/load-jobs.ts';
import { rollback } from '../../pipeline/rollback.ts';
import type { RunRequest } from '../../pipeline/request.ts';
import type { ProjectOptions } from '../common-options.ts';
import { composed } from '../compose.ts';
import type { CliContext, CommandResult } from '../context.ts';
import { openProject } from '../open-project.ts';
import { runRequest } from './options.ts';
import { jobPorts } from './ports.ts';
import { printReport } from './report-text.ts';
import type { JobCall } from './run.ts';

export async function rollbackJob(
  context: CliContext,
  name: string,
  options: ProjectOptions & { readonly dryRun?: boolean },
): Promise<CommandResult> {
  const project = await openProject(context, options);
  const job = await loadJob(project.config, name);
  return rollbackJobOf({ context, project, job }, runRequest(options, {}));
}

export async function rollbackJobOf({ context, project, job }: JobCall, request: RunRequest): Promise<CommandResult> {
  return composed(context, project, async (composition) => {
    const ports = await jobPorts(job, { context, project, composition, reading: request.dryRun });
    const report = await rollback(ports, request);
    if (!context.output.json) printReport(context.output, report);
    return { exitCode: report.exitCode, json: { ...report } };
  });
}
