/** `sluice dlq …`: the dead letters of a job. */
import type { Command } from 'commander';
import { wholeNumber, withProjectOptions, type ProjectOptions } from './common-options.ts';
import { EMPTY_REPORT } from './job/empty-report.ts';
import { LOGICAL_TIME_HELP, RUN_FLAGS } from './job/options.ts';
import type { Choose } from './program.ts';

export interface DeadLetterFilter extends ProjectOptions {
  readonly reason?: string;
  readonly batch?: string;
  readonly limit: number;
}

export interface ReplayOptions extends ProjectOptions {
  readonly logicalTime?: string;
  readonly dryRun?: boolean;
}

export function addDeadLetterCommands(program: Command, choose: Choose): void {
  const dlq = program
    .command('dlq')
    .description('dead letters (records that could not be read, kept whole): list, show, replay');
  const ofJob = (command: Command): Command => command.argument('<job>', 'name of the job');
  const limited = (command: Command): Command =>
    withProjectOptions(
      ofJob(command)
        .option('--reason <code>', 'only those with this reason code')
        .option('--batch <id>', 'only those of this batch')
        .option('--limit <n>', 'at most so many', wholeNumber('--limit', 1), 50),
    );

  limited(dlq.command('list').description('count them by reason, and list the newest')).action(
    (name: string, options: DeadLetterFilter) => {
      choose(async (context) => (await import('./dlq/list.ts')).listDeadLetters(context, name, options), { job: name });
    },
  );
  limited(dlq.command('show').description('print them whole: position, reason, key and value')).action(
    (name: string, options: DeadLetterFilter) => {
      choose(async (context) => (await import('./dlq/show.ts')).showDeadLetters(context, name, options), { job: name });
    },
  );
  withProjectOptions(
    ofJob(
      dlq
        .command('replay')
        .description("judge them again by today's schema; what passes is landed, loaded and published"),
    )
      .option('--logical-time <t>', LOGICAL_TIME_HELP)
      .option('--dry-run', RUN_FLAGS['dry-run']),
  ).action((name: string, options: ReplayOptions) => {
    choose(async (context) => (await import('./dlq/replay.ts')).replayDeadLetters(context, name, options), {
      job: name,
      ...EMPTY_REPORT,
    });
  });
}
