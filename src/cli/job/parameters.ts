/** A job's own parameters on the command line, read by yargs: what commander left over, strictly. */
import { SluiceError } from '../../core/errors.ts';
import type { JobDefinition } from '../../core/job.ts';
import { closest } from '../../config/suggest.ts';
import { RESERVED_PARAMETERS } from '../../config/job-parameters.ts';

export type ParameterValues = Readonly<Record<string, string | number | boolean>>;

export async function readParameters(job: JobDefinition, rest: readonly string[]): Promise<ParameterValues> {
  const defaults = defaultsOf(job);
  // The common case costs no yargs (FACTS.md §12: 91 ms).
  if (rest.length === 0) return defaults;
  const { default: yargs } = await import('yargs');
  const parsed = await yargs([...rest])
    .options(job.parameters)
    .parserConfiguration({ 'camel-case-expansion': false, 'duplicate-arguments-array': false })
    .help(false)
    .version(false)
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new SluiceError('usage', message);
    })
    .parseAsync();
  return { ...defaults, ...checked(job, parsed) };
}

export function defaultsOf(job: JobDefinition): ParameterValues {
  return Object.fromEntries(
    Object.entries(job.parameters).flatMap(([name, parameter]) =>
      parameter.default === undefined ? [] : [[name, parameter.default]],
    ),
  );
}

/** The values that the job declares, each of its type; anything else on the line is a mistake. */
export function checked(job: JobDefinition, parsed: Readonly<Record<string, unknown>>): ParameterValues {
  const values: Record<string, string | number | boolean> = {};
  const extra = parsed['_'];
  if (Array.isArray(extra) && extra.length > 0)
    throw new SluiceError('usage', `unexpected argument '${String(extra[0])}'`);
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '_' || name === '$0' || value === undefined) continue;
    const parameter = job.parameters[name];
    if (parameter === undefined) throw unknownOption(job, name);
    if (typeof value !== parameter.type || (typeof value === 'number' && Number.isNaN(value))) {
      throw new SluiceError('usage', `--${name}: expected a ${parameter.type}`);
    }
    values[name] = value as string | number | boolean;
  }
  return values;
}

function unknownOption(job: JobDefinition, name: string): SluiceError {
  const own = Object.keys(job.parameters);
  const match = closest(name, [...RESERVED_PARAMETERS, ...own]);
  const suggestion = match === undefined ? '' : `; did you mean --${match}?`;
  return new SluiceError('usage', `unknown option '--${name}'${suggestion}`, {
    hint:
      own.length === 0
        ? `Job ${job.name} has no parameters of its own; sluice job run --help lists the options of every job`
        : `Parameters of job ${job.name}: ${own.map((parameter) => `--${parameter}`).join(', ')}`,
  });
}
