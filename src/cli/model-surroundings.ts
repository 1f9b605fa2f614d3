/** What the model commands work in: the project compiled for this invocation, the warehouse, and the leases of the jobs whose models run. */
import { randomUUID } from 'node:crypto';
import { loadJobs } from '../config/load-jobs.ts';
import { parseYaml, type YamlValue } from '../config/yaml-source.ts';
import { SluiceError } from '../core/errors.ts';
import type { JobDefinition } from '../core/job.ts';
import { claimModels, hooksOf, prepareRaw, type ModelClaim } from '../pipeline/claim-models.ts';
import type { OpenWarehouse } from '../pipeline/ports.ts';
import { TransformRunner } from '../pipeline/transform-runner.ts';
import type { Project } from '../transform/index.ts';
import type { ProjectOptions } from './common-options.ts';
import { composed, type Composition } from './compose.ts';
import type { CliContext, CommandResult } from './context.ts';
import { jobPorts } from './job/ports.ts';
import { modelTarget, renderEnvironment } from './model-project.ts';
import type { JobClaim, ModelSurroundings } from './models/surroundings.ts';
import { openProject, rememberJobSecrets, yamlCache, type OpenProject } from './open-project.ts';
import { systemClock } from './system-clock.ts';

export interface ModelOptions extends ProjectOptions {
  /** A YAML or JSON map. */
  readonly vars?: string;
  readonly threads?: number;
  readonly fullRefresh?: boolean;
}

export async function withModels(
  context: CliContext,
  options: ModelOptions,
  work: (around: ModelSurroundings) => Promise<CommandResult>,
): Promise<CommandResult> {
  const project = await openProject(context, options);
  const jobs = (await loadJobs(project.config)).map(({ job }) => job);
  for (const job of jobs) rememberJobSecrets(job, context);
  return composed(context, project, async (composition) => {
    const runId = randomUUID();
    const startedAtMs = systemClock.now();
    const vars = options.vars === undefined ? {} : parseVars(options.vars);
    const gate = composition.warehouseGate({ signal: context.signal, job: 'models', runId });
    let warehouse: OpenWarehouse | undefined;
    let claims: readonly ModelClaim[] = [];
    const guard = async (): Promise<void> => {
      for (const held of claims) await held.guard();
    };
    /** Of a lease that these models run under: what BigQuery is doing for them is cancelled then. */
    const lost = new AbortController();
    return work({
      config: project.config,
      target: modelTarget(project.target.name, project.target.warehouse(), options.threads),
      environment: await renderEnvironment({
        context,
        project,
        jobs,
        vars,
        invocationId: runId,
        startedAtMs,
        fullRefresh: options.fullRefresh === true,
      }),
      cache: yamlCache(context, 'models', project.config.dir),
      clock: systemClock,
      output: context.output,
      signal: context.signal,
      redact: (text) => context.redactor.redact(text),
      openWarehouse: async () =>
        (warehouse = await gate.open({ signal: AbortSignal.any([context.signal, lost.signal]), guard })),
      ...(project.target.has('state') ? {} : { withoutLedger: new Set(jobs.flatMap((job) => job.models)) }),
      claim: async (compiled, models, _warehouse, { fullRefresh }) => {
        if (warehouse === undefined) return null;
        // Without a state store (`ci`) there is no lease and no ledger: the models stand for themselves.
        if (!project.target.has('state')) {
          for (const job of jobs) await warehouse.raw.prepare(job);
          return null;
        }
        const around = { context, project, composition, compiled, warehouse };
        const claimed = jobsOf(jobs, models);
        for (const job of jobs.filter((one) => !claimed.includes(one)))
          await prepareRaw(await jobPorts(job, around), warehouse);
        claims = await claimAll(around, claimed, { models, fullRefresh });
        for (const { signal } of claims) signal.addEventListener('abort', () => lost.abort(signal.reason));
        return claims.length === 0 ? null : jobClaim(claims);
      },
    });
  });
}

function jobsOf(jobs: readonly JobDefinition[], models: readonly string[]): readonly JobDefinition[] {
  return jobs.filter((job) => job.models.some((model) => models.includes(model)));
}

interface ClaimSurroundings {
  readonly context: CliContext;
  readonly project: OpenProject;
  readonly composition: Composition;
  readonly compiled: Project;
  readonly warehouse: OpenWarehouse;
}

/** In order of name, so that two commands that want several leases cannot wait for each other. */
async function claimAll(
  around: ClaimSurroundings,
  jobs: readonly JobDefinition[],
  { models, fullRefresh }: { readonly models: readonly string[]; readonly fullRefresh: boolean },
): Promise<readonly ModelClaim[]> {
  const claims: ModelClaim[] = [];
  try {
    for (const job of jobs) {
      const ports = await jobPorts(job, around);
      const runner = new TransformRunner({ job, clock: systemClock, compile: () => Promise.resolve(around.compiled) });
      const nodes = (await runner.nodes()).filter((node) => node.isPublished && models.includes(node.name));
      claims.push(await claimModels({ ports, warehouse: around.warehouse, nodes, fullRefresh }));
    }
    return claims;
  } catch (error) {
    for (const claim of claims) await claim.release();
    throw error;
  }
}

function jobClaim(claims: readonly ModelClaim[]): JobClaim {
  return {
    hooks: (node) => hooksOf(claims, node),
    onPublished: async ({ name }) => {
      for (const claim of claims) await claim.published(name);
    },
    release: async () => {
      for (const claim of claims) await claim.release();
    },
  };
}

/** `--vars '{region: eu, days: 3}'`. */
export function parseVars(text: string): Readonly<Record<string, YamlValue>> {
  const { value, problems } = parseYaml('--vars', text);
  const [problem] = problems;
  if (problem !== undefined) throw new SluiceError('usage', `--vars: ${problem.message}`);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new SluiceError('usage', `--vars: came "${text}", expected a map such as '{region: eu, days: 3}'`);
  }
  return value as Readonly<Record<string, YamlValue>>;
}
