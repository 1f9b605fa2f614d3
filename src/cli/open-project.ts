/** The project a command works in: its configuration and the chosen target. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { missingVariable } from '../config/expression.ts';
import { endpointSecrets } from '../config/job-snapshot.ts';
import { secretsIn } from '../config/known-secrets.ts';
import { findProjectDir } from '../config/project-files.ts';
import { loadProject, type ProjectConfig } from '../config/project.ts';
import { createYamlCache, type YamlCache } from '../config/yaml-cache.ts';
import { resolveTarget, type TargetConfig } from '../config/target.ts';
import type { JobDefinition } from '../core/job.ts';
import type { ProjectOptions } from './common-options.ts';
import type { CliContext } from './context.ts';

export interface OpenProject {
  readonly config: ProjectConfig;
  readonly target: TargetConfig;
}

export async function openProject(context: CliContext, options: ProjectOptions): Promise<OpenProject> {
  const start = resolve(context.cwd, options.projectDir ?? '.');
  // A folder that was named is taken as it is; the working folder may lie inside the project.
  const dir = options.projectDir === undefined ? (findProjectDir(start) ?? start) : start;
  const config = await loadProject(dir, yamlCache(context, 'project', dir));
  for (const secret of secretsIn(config.targets, context.env)) {
    context.redactor.add(secret);
    context.redactor.addUrl(secret);
  }
  const target = resolveTarget(config, options.target, context.env);
  return { config, target };
}

/** In the user's cache folder, so that a dry run writes nothing where the project works. */
export function yamlCache({ env }: CliContext, kind: string, projectDir: string): YamlCache {
  const base = env['XDG_CACHE_HOME'];
  const folder = join(base !== undefined && base !== '' ? base : join(homedir(), '.cache'), 'sluice');
  return createYamlCache(folder, kind, projectDir);
}

/** How a job's snapshot endpoint reads the environment (core/job.ts). An empty variable counts as not set. */
export function environmentLookup(context: CliContext, what: string): (name: string, fallback?: string) => string {
  return (name, fallback) => {
    const value = context.env[name];
    if (value !== undefined && value !== '') return value;
    if (fallback !== undefined) return fallback;
    throw missingVariable(name, what);
  };
}

/** The secrets of a job's REST listing, as far as the environment has them. */
export function rememberJobSecrets(job: JobDefinition, { env, redactor }: CliContext): void {
  if (job.snapshot === null) return;
  const lookup = (name: string, fallback?: string): string => env[name] ?? fallback ?? '';
  for (const secret of endpointSecrets(job.snapshot, lookup)) redactor.add(secret);
  redactor.addUrl(job.snapshot.endpoint(lookup).baseUrl);
}
