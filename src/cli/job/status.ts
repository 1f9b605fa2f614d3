/** `sluice job status`: what the state store and the stream know about a job. Opens no warehouse. */
import { loadJob } from '../../config/load-jobs.ts';
import { jobStatus } from '../../pipeline/job-status.ts';
import type { ProjectOptions } from '../common-options.ts';
import { composed } from '../compose.ts';
import type { CliContext, CommandResult } from '../context.ts';
import { openProject } from '../open-project.ts';
import { jobPorts } from './ports.ts';
import { printStatus } from './status-text.ts';

export async function showStatus(context: CliContext, name: string, options: ProjectOptions): Promise<CommandResult> {
  const project = await openProject(context, options);
  const job = await loadJob(project.config, name);
  return composed(context, project, async (composition) => {
    const status = await jobStatus(await jobPorts(job, { context, project, composition, reading: true }));
    printStatus(context.output, status, project.target.name);
    return { exitCode: 0, json: { ...status, target: project.target.name } };
  });
}
