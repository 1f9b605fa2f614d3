/** The command line as commander sees it. Building it imports no command's code, so that help stays quick. */
import { Command } from 'commander';
import type { CommandHandler } from './context.ts';
import { addDeadLetterCommands } from './dlq-commands.ts';
import { addJobCommands } from './job-commands.ts';
import { addModelCommands } from './model-commands.ts';
import { addProjectCommands } from './project-commands.ts';
import { addTopicCommands } from './topic-commands.ts';

/** An action says what is to be run; main.ts runs it when the whole line has been read. */
export type Choose = (handler: CommandHandler, failureJson?: Readonly<Record<string, unknown>>) => void;

const INTRODUCTION =
  'Takes change topics hour by hour into tested tables: each batch is backed up unchanged in landing, loaded into raw tables, and published by SQL models.';

const EXAMPLES = `
A first walk:
  sluice init demo                 make a project
  sluice debug                     is everything there and reachable?
  sluice job run customer          one hourly batch
  sluice job status customer       what was done, what is waiting
  sluice show --inline "select * from {{ ref('current_customer') }}"

Every command has its own help: sluice job run --help
Everything else: the folder docs/ of the package (jobs, models, commands, configuration, running, bigquery, errors).
Exit codes: 0 done, 1 failed or refused, 2 a mistake found before anything ran, 75 another run is working, 130 Ctrl-C.`;

export function createProgram(version: string, choose: Choose): Command {
  const program = new Command('sluice')
    .description(INTRODUCTION)
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', EXAMPLES)
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: false, sortSubcommands: false });
  addJobCommands(program, choose);
  addDeadLetterCommands(program, choose);
  addModelCommands(program, choose);
  addTopicCommands(program, choose);
  addProjectCommands(program, choose);
  return program;
}
