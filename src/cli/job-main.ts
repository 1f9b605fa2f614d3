/** `node jobs/<name>.ts …`: the job's own command line, built with yargs: the options of every run, and the parameters that the job declares. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import yargs, { type Argv } from 'yargs';
import { isJob, withProjectLimits } from '../config/define-job.ts';
import { closest } from '../config/suggest.ts';
import { SluiceError } from '../core/errors.ts';
import type { JobDefinition } from '../core/job.ts';
import type { CliContext, CommandResult } from './context.ts';
import { EMPTY_REPORT } from './job/empty-report.ts';
import { LOGICAL_TIME_HELP, ONLY_HELP, RUN_FLAGS, STEPS, type JobRunOptions } from './job/options.ts';
import { checked, defaultsOf, type ParameterValues } from './job/parameters.ts';
import { runJobOf } from './job/run.ts';
import { openProject } from './open-project.ts';
import { ignoreClosedPipes, runCommand } from './run-command.ts';

export async function jobMain(url: string): Promise<void> {
  ignoreClosedPipes();
  const argv = process.argv.slice(2);
  const module = (await import(url)) as { readonly default?: unknown };
  const job = module.default;
  if (!isJob(job)) {
    return runCommand({ argv }, () =>
      Promise.reject(new SluiceError('job_invalid', `${fileURLToPath(url)} has no default export made by defineJob`)),
    );
  }
  const line = await readLine(job, argv);
  if (line === 'help') return;
  const failureJson = { job: job.name, ...EMPTY_REPORT };
  const command = { argv: ['job', 'run', job.name, ...argv], failureJson };
  if (line instanceof SluiceError) return runCommand(command, () => Promise.reject(line));
  return runCommand(command, (context) => run(context, job, { ...line, folder: dirname(fileURLToPath(url)) }));
}

interface Line {
  readonly options: JobRunOptions;
  readonly parameters: ParameterValues;
}

async function run(
  context: CliContext,
  job: JobDefinition,
  { options, parameters, folder }: Line & { readonly folder: string },
): Promise<CommandResult> {
  // The project is the one the file lies in, wherever it was called from.
  const project = await openProject({ ...context, cwd: folder }, options);
  return runJobOf({ context, project, job: withProjectLimits(job, project.config.limits) }, options, parameters);
}

async function readLine(job: JobDefinition, argv: readonly string[]): Promise<Line | SluiceError | 'help'> {
  let failure: SluiceError | undefined;
  const parser = commandLine(job).fail((message, error) => {
    failure ??= error instanceof SluiceError ? error : usage(job, message || error.message, argv);
  });
  let help = '';
  const parsed = await parser.parseAsync([...argv], {}, (_error, _argv, output) => {
    help = output;
  });
  failure ??= switchWithText(job, argv);
  if (failure !== undefined) return failure;
  if (help !== '') {
    process.stdout.write(`${help}\n`);
    return 'help';
  }
  const parameters = Object.fromEntries(Object.keys(job.parameters).map((name) => [name, parsed[name]]));
  try {
    return { options: optionsOf(parsed), parameters: { ...defaultsOf(job), ...checked(job, parameters) } };
  } catch (error) {
    if (error instanceof SluiceError) return error;
    throw error;
  }
}

function commandLine(job: JobDefinition): Argv {
  let line = yargs()
    .scriptName(`node jobs/${job.name}.ts`)
    .usage(`$0 [options]\n\n${job.description}`)
    .parserConfiguration({
      'camel-case-expansion': false,
      'duplicate-arguments-array': false,
      'boolean-negation': false,
    })
    .locale('en')
    .wrap(Math.min(120, process.stdout.columns ?? 100))
    .version(false)
    .exitProcess(false)
    .strict();
  for (const [flag, description] of Object.entries(RUN_FLAGS))
    line = line.option(flag, { type: 'boolean', description });
  line = line
    .option('only', { choices: STEPS, description: ONLY_HELP })
    .option('logical-time', { type: 'string', requiresArg: true, description: LOGICAL_TIME_HELP })
    .option('target', {
      alias: 't',
      type: 'string',
      requiresArg: true,
      description: 'environment of project.yml to work in',
    })
    .option('project-dir', {
      type: 'string',
      requiresArg: true,
      description: 'folder with project.yml (default: the one this file lies in)',
    })
    .option('json', { type: 'boolean', description: 'print one JSON object on stdout at the end' })
    .option('help', { alias: 'h', type: 'boolean', description: 'print this help' })
    .help('help');
  const names = Object.keys(job.parameters);
  return names.length === 0 ? line : line.options({ ...job.parameters }).group(names, 'Parameters of this job:');
}

/** yargs reads `--full-refresh=maybe` as false; a switch that is misread is worse than one that is refused. */
function switchWithText(job: JobDefinition, argv: readonly string[]): SluiceError | undefined {
  for (const argument of argv) {
    const [, flag = '', value] = /^--([^=]+)=(.*)$/s.exec(argument) ?? [];
    if (!Object.hasOwn({ ...RUN_FLAGS, json: '' }, flag) || value === 'true' || value === 'false') continue;
    return usage(job, `--${flag} is a switch and takes no value, came "${value}"`, argv);
  }
  return undefined;
}

function usage(job: JobDefinition, message: string, argv: readonly string[]): SluiceError {
  const unknown = /^Unknown arguments?: (.+)$/.exec(message)?.[1]?.split(', ')[0];
  const hint = `node jobs/${job.name}.ts --help lists the options`;
  if (unknown !== undefined && argv.includes(unknown))
    return new SluiceError('usage', `unexpected argument '${unknown}'`, { hint });
  const known = [
    ...Object.keys(RUN_FLAGS),
    'only',
    'logical-time',
    'target',
    'project-dir',
    'json',
    'help',
    ...Object.keys(job.parameters),
  ];
  const match = unknown === undefined ? undefined : closest(unknown, known);
  const text =
    unknown === undefined
      ? message.replaceAll(/\s*\n\s*/g, ' ')
      : `unknown option '--${unknown}'${match === undefined ? '' : `; did you mean --${match}?`}`;
  return new SluiceError('usage', text, { hint });
}

function optionsOf(parsed: Readonly<Record<string, unknown>>): JobRunOptions {
  const entries = [...Object.keys(RUN_FLAGS), 'only', 'logical-time', 'target', 'project-dir', 'json']
    .filter((name) => parsed[name] !== undefined)
    .map((name) => [name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()), parsed[name]]);
  return Object.fromEntries(entries) as JobRunOptions;
}
