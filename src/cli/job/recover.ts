/** `sluice job recover`. */
import { loadJob } from '../../config/load-jobs.ts';
import { recover } from '../../pipeline/recover.ts';
import type { RunContext } from '../../pipeline/run-context.ts';
import { underLease } from '../../pipeline/run-job.ts';
import type { ProjectOptions } from '../common-options.ts';
import { composed } from '../compose.ts';
import type { CliContext, CommandResult } from '../context.ts';
import { openProject } from '../open-project.ts';
import { runRequest } from './options.ts';
import { jobPorts } from './ports.ts';
import { printReport } from './report-text.ts';

export async function recoverJob(context: CliContext, name: string, options: ProjectOptions): Promise<CommandResult> {
  const project = await openProject(context, options);
  const job = await loadJob(project.config, name);
  return composed(context, project, async (composition) => {
    const ports = await jobPorts(job, { context, project, composition });
    let recovered = 0;
    const rebuild = async (run: RunContext): Promise<void> => {
      recovered = await recover(run);
    };
    const report = await underLease(ports, runRequest({}, {}), rebuild, { isRecovery: true });
    printReport(context.output, report);
    return { exitCode: report.exitCode, json: { ...report, recovered } };
  });
}
