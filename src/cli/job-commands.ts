/** `sluice job …`: definitions only; each action imports its own code when it runs. */
import type { Command } from 'commander';
import { choice, withProjectOptions, type ProjectOptions } from './common-options.ts';
import { EMPTY_REPORT } from './job/empty-report.ts';
import { LOGICAL_TIME_HELP, ONLY_HELP, RUN_FLAGS, STEPS, type JobRunOptions } from './job/options.ts';
import type { Choose } from './program.ts';

const RUN_EXAMPLES = `
Examples:
  sluice job run customer                    one hourly batch: what is unfinished first, then what is new
  sluice job run customer --full-load        download the complete listing first
  sluice job run customer --full-refresh     rebuild everything from the backup in landing
  sluice job run customer --dry-run          show the plan

A job's own parameters may follow as options; node jobs/<name>.ts --help lists them.
Whatever is interrupted or fails is finished by the next run; readers keep the old tables until a model's tests have passed.
Exit codes: 0 done, 1 failed or refused, 2 a mistake found before anything ran, 75 another run is working, 130 Ctrl-C.`;

export function addJobCommands(program: Command, choose: Choose): void {
  const job = program
    .command('job')
    .description('run jobs and look after them: run, list, status, backfill, rollback, recover');
  addRun(job, choose);

  withProjectOptions(job.command('list').description('list the jobs of the project')).action(
    (options: ProjectOptions) => {
      choose(async (context) => (await import('./job/list.ts')).listJobs(context, options));
    },
  );

  withProjectOptions(
    job
      .command('status')
      .description('batches, lag, dead letters and what is unfinished of a job; needs no warehouse')
      .argument('<job>', 'name of the job'),
  ).action((name: string, options: ProjectOptions) => {
    choose(async (context) => (await import('./job/status.ts')).showStatus(context, name, options), { job: name });
  });

  withProjectOptions(
    job
      .command('backfill')
      .description('write days of the history again from what the raw tables hold')
      .argument('<job>', 'name of the job')
      .requiredOption('--from <day>', 'first day, YYYY-MM-DD')
      .requiredOption('--to <day>', 'last day, YYYY-MM-DD')
      .option('--logical-time <t>', LOGICAL_TIME_HELP)
      .option('--dry-run', RUN_FLAGS['dry-run']),
  ).action(
    (
      name: string,
      options: ProjectOptions & {
        readonly from: string;
        readonly to: string;
        readonly logicalTime?: string;
        readonly dryRun?: boolean;
      },
    ) => {
      choose(async (context) => (await import('./job/backfill.ts')).backfillJob(context, name, options), {
        job: name,
        ...EMPTY_REPORT,
      });
    },
  );

  withProjectOptions(
    job
      .command('rollback')
      .description('put the published tables back as they were before the last full refresh (BigQuery)')
      .argument('<job>', 'name of the job')
      .option('--dry-run', 'print what would be put back, and write nothing'),
  ).action((name: string, options: ProjectOptions & { readonly dryRun?: boolean }) => {
    choose(async (context) => (await import('./job/rollback.ts')).rollbackJob(context, name, options), {
      job: name,
      ...EMPTY_REPORT,
    });
  });

  withProjectOptions(
    job
      .command('recover')
      .description('rebuild the state store of a job from landing (a run does so by itself when it finds it lost)')
      .argument('<job>', 'name of the job'),
  ).action((name: string, options: ProjectOptions) => {
    choose(async (context) => (await import('./job/recover.ts')).recoverJob(context, name, options), { job: name });
  });
}

function addRun(job: Command, choose: Choose): void {
  const run = job
    .command('run')
    .description('run a job: plan, land, load, transform, test, publish')
    .argument('<job>', 'name of the job');
  for (const [flag, help] of Object.entries(RUN_FLAGS)) run.option(`--${flag}`, help);
  run.addOption(choice('--only <step>', ONLY_HELP, STEPS)).option('--logical-time <t>', LOGICAL_TIME_HELP);
  withProjectOptions(run)
    // The job's own parameters are known once the job is loaded; run.ts reads them from what is left over.
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', RUN_EXAMPLES)
    .action((name: string, options: JobRunOptions, command: Command) => {
      const rest = command.args.slice(1);
      choose(async (context) => (await import('./job/run.ts')).runJobByName(context, name, { options, rest }), {
        job: name,
        ...EMPTY_REPORT,
      });
    });
}
