/** `sluice run|build|test|seed|compile|ls|show|parse`: models, with dbt's names and flags. */
import type { Command } from 'commander';
import { choice, wholeNumber, withProjectOptions } from './common-options.ts';
import type { CommandHandler, CommandResult } from './context.ts';
import type { ModelOptions } from './model-surroundings.ts';
import type { CompileModelsOptions } from './models/compile.ts';
import type { ListOptions } from './models/ls.ts';
import type { RunModelsOptions } from './models/run.ts';
import type { ShowOptions } from './models/show.ts';
import type { ModelSurroundings } from './models/surroundings.ts';
import type { Choose } from './program.ts';

const SELECT_HELP = `
Selecting: a name, tag:nightly, path:models/staging, source:raw; +model with its parents, model+ with its children; a space means or, a comma and.`;

const RUN_COMMANDS = {
  run: 'build models',
  build: 'build seeds and models with their data tests, in the order of the graph',
  test: 'run data tests',
  seed: 'load the CSV files of the seed paths',
} as const;

export function addModelCommands(program: Command, choose: Choose): void {
  for (const command of ['run', 'build', 'test', 'seed'] as const) {
    const line = withSelection(program.command(command).description(RUN_COMMANDS[command]))
      .option('--threads <n>', 'models that are built at once (default: 4)', wholeNumber('--threads', 1))
      .option('--fail-fast', 'start nothing more after the first failure')
      .option('-q, --quiet', 'tell only what failed');
    if (command !== 'test') line.option('-f, --full-refresh', 'build incremental models and seeds from scratch');
    if (command === 'test' || command === 'build')
      line.option('--store-failures', 'keep the rows that fail a test in a table');
    if (command === 'seed') line.option('--show', 'print the first rows of what was loaded');
    if (command === 'run' || command === 'build') {
      line
        .option('--event-time-start <day>', 'first day that models partitioned by day write again')
        .option('--event-time-end <day>', 'last day that models partitioned by day write again')
        .option('--dry-run', 'print what would run, on BigQuery with the bytes that it would read, and write nothing');
    }
    line.action((options: ModelOptions & RunModelsOptions) => {
      choose(
        handler(options, async (around) => (await import('./models/run.ts')).runModels(command, options, around)),
        { models: [], tests: [] },
      );
    });
  }
  addReadingCommands(program, choose);
}

function addReadingCommands(program: Command, choose: Choose): void {
  withSelection(
    program.command('compile').description('write the SQL of models to target/compiled, and print it for a single one'),
  )
    .option('-f, --full-refresh', 'as a full refresh would build them')
    .option('--inline <sql>', "SQL to compile instead of a model; may use {{ ref('…') }} and macros")
    .action((options: ModelOptions & CompileModelsOptions) => {
      choose(handler(options, async (around) => (await import('./models/compile.ts')).compileModels(options, around)));
    });

  withSelection(program.command('ls').alias('list').description('list what a selection means'))
    .option('--resource-type <types...>', 'model, seed, source, test')
    .option('--output <format>', 'selector, name, path or json')
    .action(({ output, ...options }: ModelOptions & ListOptions & { readonly output?: string }) => {
      const wanted = { ...options, ...(output === undefined ? {} : { outputFormat: output }) };
      choose(handler(options, async (around) => (await import('./models/ls.ts')).listNodes(wanted, around)));
    });

  withSelection(program.command('show').description('print the first rows of a model or of a query'))
    .option('--inline <sql>', "SQL to run instead of a model; may use {{ ref('…') }} and macros")
    .option('--limit <n>', 'rows to print (default: 5); -1 prints all', rowLimit)
    .addOption(choice('--output <format>', 'text (default), or the rows as one JSON object', ['text', 'json']))
    .action(({ output, ...options }: ModelOptions & ShowOptions & { readonly output?: 'text' | 'json' }) => {
      const wanted = { ...options, ...(output === undefined ? {} : { outputFormat: output }) };
      choose(handler(options, async (around) => (await import('./models/show.ts')).showModel(wanted, around)));
    });

  withVars(
    withProjectOptions(program.command('parse').description('check the project and write target/manifest.json')),
  ).action((options: ModelOptions) => {
    choose(
      handler(options, async (around) => (await import('./models/compile.ts')).parseProjectCommand(options, around)),
    );
  });
}

function withVars(command: Command): Command {
  return command.option('--vars <map>', `values for var(), as YAML: '{region: eu}'`);
}

function withSelection(command: Command): Command {
  const selecting = command
    .option('-s, --select <selectors...>', 'nodes to take (default: all)')
    .option('-m, --models <selectors...>', 'the same as --select')
    .option('--exclude <selectors...>', 'nodes to leave out')
    .hook('preAction', selectModels);
  return withVars(withProjectOptions(selecting)).addHelpText('after', SELECT_HELP);
}

/** Both spellings may stand in one line. */
function selectModels(command: Command): void {
  const { select = [], models } = command.opts<{ readonly select?: string[]; readonly models?: string[] }>();
  if (models === undefined) return;
  command.setOptionValue('select', [...select, ...models]);
  command.setOptionValue('models', undefined);
}

function handler(options: ModelOptions, work: (around: ModelSurroundings) => Promise<CommandResult>): CommandHandler {
  return async (context) => (await import('./model-surroundings.ts')).withModels(context, options, work);
}

function rowLimit(text: string): number {
  return text === '-1' ? -1 : wholeNumber('--limit', 0)(text);
}
