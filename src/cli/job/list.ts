/** `sluice job list`. */
import { loadJobs } from '../../config/load-jobs.ts';
import type { ProjectOptions } from '../common-options.ts';
import type { CliContext, CommandResult } from '../context.ts';
import { openProject } from '../open-project.ts';
import { tableLines } from '../table.ts';

export async function listJobs(context: CliContext, options: ProjectOptions): Promise<CommandResult> {
  const { config } = await openProject(context, options);
  const loaded = await loadJobs(config);
  const jobs = loaded.map(({ job, file }) => ({
    name: job.name,
    entity: job.entity,
    description: job.description,
    file,
    topics: job.topics.map((topic) => topic.name),
    snapshot: job.snapshot !== null,
    models: job.models,
    schedule: job.schedule,
  }));
  if (jobs.length === 0) context.output.note(`no jobs in ${config.jobPaths.join(', ')}`);
  else {
    const rows = jobs.map((job) => [job.name, job.file, job.schedule ?? '-', job.models.join(', '), job.description]);
    for (const line of tableLines(['job', 'file', 'schedule', 'models', 'description'], rows))
      context.output.result(line);
  }
  return { exitCode: 0, json: { jobs } };
}
