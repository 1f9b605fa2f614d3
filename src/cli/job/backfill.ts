/** `sluice job backfill`. */
import { loadJob } from '../../config/load-jobs.ts';
import { SluiceError } from '../../core/errors.ts';
import { backfill } from '../../pipeline/backfill.ts';
import type { ProjectOptions } from '../common-options.ts';
import { composed } from '../compose.ts';
import type { CliContext, CommandResult } from '../context.ts';
import { openProject } from '../open-project.ts';
import { jobModelRunner } from './model-runner.ts';
import { runRequest } from './options.ts';
import { jobPorts } from './ports.ts';
import { printReport } from './report-text.ts';

export interface BackfillOptions extends ProjectOptions {
  readonly from: string;
  readonly to: string;
  readonly logicalTime?: string;
  readonly dryRun?: boolean;
}

export async function backfillJob(context: CliContext, name: string, options: BackfillOptions): Promise<CommandResult> {
  if (options.dryRun === true)
    throw new SluiceError('unsupported', 'job backfill has no --dry-run: its days stand in --from and --to');
  const project = await openProject(context, options);
  const job = await loadJob(project.config, name);
  const request = runRequest(options.logicalTime === undefined ? {} : { logicalTime: options.logicalTime }, {});
  return composed(context, project, async (composition) => {
    const ports = await jobPorts(job, { context, project, composition });
    const runner = await jobModelRunner({ context, project, ports }, request);
    const report = await backfill(ports, runner, request, { from: options.from, to: options.to });
    if (!context.output.json) printReport(context.output, report);
    return { exitCode: report.exitCode, json: { ...report } };
  });
}
