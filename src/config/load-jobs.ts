/** Job files -> job definitions. A file is imported only when its job is wanted: that runs the user's code. */
import { pathToFileURL } from 'node:url';
import { isSluiceError, messageOf, SluiceError } from '../core/errors.ts';
import type { JobDefinition } from '../core/job.ts';
import { isJob, withProjectLimits } from './define-job.ts';
import { listJobFiles, type JobFile } from './project-files.ts';
import type { ProjectConfig } from './project.ts';
import { didYouMean } from './suggest.ts';

export interface LoadedJob {
  readonly job: JobDefinition;
  /** Relative to the project. */
  readonly file: string;
}

/** One job by its name. The file of the same name is tried first, so that a run imports no other job. */
export async function loadJob(config: ProjectConfig, name: string): Promise<JobDefinition> {
  const files = listJobFiles(config.dir, config.jobPaths);
  const likely = files.find((file) => file.stem === name);
  if (likely !== undefined) {
    const job = await importJob(likely);
    if (job.name === name) return withProjectLimits(job, config.limits);
  }
  const jobs = await loadJobs(config);
  const found = jobs.find(({ job }) => job.name === name);
  if (found !== undefined) return found.job;
  const known = jobs.map(({ job }) => job.name);
  throw new SluiceError(
    'job_unknown',
    `there is no job "${name}" in ${config.jobPaths.join(', ')}${didYouMean(name, known)}`,
    {
      hint:
        known.length === 0
          ? 'Write one: jobs/<name>.ts with export default defineJob({…})'
          : `Known jobs: ${known.join(', ')}`,
    },
  );
}

/** All jobs in order of name; every broken file is reported, not only the first. */
export async function loadJobs(config: ProjectConfig): Promise<readonly LoadedJob[]> {
  const jobs: LoadedJob[] = [];
  const errors: SluiceError[] = [];
  for (const file of listJobFiles(config.dir, config.jobPaths)) {
    try {
      jobs.push({ job: withProjectLimits(await importJob(file), config.limits), file: file.file });
    } catch (error) {
      if (!isSluiceError(error, 'job_invalid')) throw error;
      errors.push(error);
    }
  }
  const [first] = errors;
  if (first !== undefined)
    throw errors.length === 1
      ? first
      : new SluiceError('job_invalid', errors.map((error) => error.message).join('\n'), { cause: first });
  checkUnique(jobs);
  return jobs.sort((a, b) => (a.job.name < b.job.name ? -1 : 1));
}

function checkUnique(jobs: readonly LoadedJob[]): void {
  for (const [what, of] of [
    ['job', (job: JobDefinition) => job.name],
    ['entity', (job: JobDefinition) => job.entity],
  ] as const) {
    const seen = new Map<string, string>();
    for (const { job, file } of jobs) {
      const other = seen.get(of(job));
      if (other !== undefined)
        throw new SluiceError('job_invalid', `${other} and ${file} both define the ${what} "${of(job)}"`, {
          hint: `Give one of them another ${what === 'job' ? 'name' : 'entity'}`,
        });
      seen.set(of(job), file);
    }
  }
}

async function importJob(file: JobFile): Promise<JobDefinition> {
  let module: { readonly default?: unknown };
  try {
    module = (await import(pathToFileURL(file.path).href)) as { readonly default?: unknown };
  } catch (error) {
    throw new SluiceError(
      'job_invalid',
      `${file.file}: ${isSluiceError(error, 'job_invalid') ? error.message : `fails when it is imported: ${describe(error)}`}`,
      {
        cause: error,
        ...hintFor(error),
      },
    );
  }
  if (isJob(module.default)) return module.default;
  const came = module.default === undefined ? 'exports no default' : 'has a default export that defineJob did not make';
  throw new SluiceError('job_invalid', `${file.file} ${came}, expected: export default defineJob({…})`);
}

/** The message with the line of the user's file where the stack tells it. */
function describe(error: unknown): string {
  const line = error instanceof Error ? /jobs\/[^\s()]+:\d+:\d+/.exec(error.stack ?? '')?.[0] : undefined;
  return line === undefined ? messageOf(error) : `${messageOf(error)} (${line})`;
}

function hintFor(error: unknown): { readonly hint?: string } {
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')
    return { hint: 'Use only TypeScript that can be erased: no enum, namespace or parameter properties' };
  if (code === 'ERR_MODULE_NOT_FOUND') return { hint: 'Install what the file imports: npm install' };
  return {};
}
