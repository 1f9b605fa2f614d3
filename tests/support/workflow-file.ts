/** A GitHub workflow as data, as far as ours are used by tests: the steps of its only job. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface WorkflowStep {
  readonly name?: string;
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, string | number | boolean>>;
}

export interface Workflow {
  readonly name: string;
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, WorkflowJob>>;
}

export interface WorkflowJob {
  readonly 'runs-on': string;
  readonly 'timeout-minutes'?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly steps: readonly WorkflowStep[];
}

export function readWorkflow(path: string): Workflow {
  return parse(readFileSync(path, 'utf8')) as Workflow;
}

export function onlyJob({ jobs }: Workflow): WorkflowJob {
  const [job, ...others] = Object.values(jobs);
  if (job === undefined || others.length > 0) throw new Error('expected a workflow of one job');
  return job;
}

export function stepNamed(job: WorkflowJob, start: string): WorkflowStep {
  const step = job.steps.find(({ name }) => name?.startsWith(start) === true);
  if (step === undefined) throw new Error(`no step is named ${start} …`);
  return step;
}
