/** `sluice …`: reads the command line, then runs the one command that it names. */
import { CommanderError, type Command } from 'commander';
import { SluiceError } from '../core/errors.ts';
import type { CommandHandler } from './context.ts';
import { EMPTY_REPORT } from './job/empty-report.ts';
import { packageVersion } from './package-version.ts';
import { createProgram } from './program.ts';
import { ignoreClosedPipes, runCommand } from './run-command.ts';

export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  ignoreClosedPipes();
  let chosen: { readonly handler: CommandHandler; readonly failureJson: Readonly<Record<string, unknown>> } | undefined;
  const program = createProgram(packageVersion(), (handler, failureJson = {}) => {
    chosen = { handler, failureJson };
  });
  const usageError = parse(program, argv);
  if (usageError !== undefined)
    return runCommand({ argv, failureJson: failureJsonOf(argv) }, () => Promise.reject(usageError));
  if (chosen === undefined) return; // help or version was printed
  return runCommand({ argv, failureJson: chosen.failureJson }, chosen.handler);
}

/** commander's own messages become a usage error of ours; help goes to stdout and is no error. */
function parse(program: Command, argv: readonly string[]): SluiceError | undefined {
  let helpForMistake = '';
  for (const command of everyCommand(program)) {
    command.exitOverride();
    command.configureOutput({ writeErr: (text) => (helpForMistake += text), outputError: () => {} });
  }
  if (argv.length === 0) {
    program.outputHelp();
    return undefined;
  }
  try {
    program.parse(argv, { from: 'user' });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    return usageError(error, helpForMistake);
  }
}

/** A line that commander refuses names no command yet; the JSON of a run's report has its shape all the same. */
function failureJsonOf([group, command, job]: readonly string[]): Readonly<Record<string, unknown>> {
  if (group !== 'job' || (command !== 'run' && command !== 'backfill')) return {};
  return { job: job === undefined || job.startsWith('-') ? null : job, ...EMPTY_REPORT };
}

function everyCommand(program: Command): readonly Command[] {
  return [program, ...program.commands.flatMap((command) => everyCommand(command))];
}

function usageError(error: CommanderError, help: string): SluiceError {
  // `sluice job` alone: commander prints the group's help as the error.
  if (error.code === 'commander.help') return new SluiceError('usage', `a command is missing\n\n${help.trimEnd()}`);
  const message = error.message.replace(/^error: /, '').replace(/\n\(Did you mean (.*)\?\)$/s, '; did you mean $1?');
  return new SluiceError('usage', message, {
    hint: 'sluice --help lists the commands, sluice <command> --help their options',
  });
}
