/** What the model commands get from the composition root. */
import type { Clock } from '../../core/clock.ts';
import {
  compileProject,
  type ModelProjectConfig,
  type ModelTarget,
  type ModelWarehouse,
  type NodeHooks,
  type NodeResult,
  type PlannedNode,
  type Project,
  type RenderEnvironment,
  type Usage,
  type YamlCache,
} from '../../transform/index.ts';
import type { CommandResult } from '../context.ts';
import type { Output } from '../output.ts';

export interface OpenModels {
  readonly models: ModelWarehouse;
  /** What everything cost so far; absent where nothing is paid by use. */
  usage?(): Usage;
  close(): Promise<void>;
}

/** Models that jobs publish run under the jobs' leases, with their ledgers. */
export interface JobClaim {
  readonly hooks: (node: PlannedNode) => NodeHooks;
  readonly onPublished: (node: PlannedNode, result: NodeResult) => Promise<void>;
  release(): Promise<void>;
}

export interface ModelSurroundings {
  readonly config: ModelProjectConfig;
  readonly target: ModelTarget;
  readonly environment: RenderEnvironment;
  /** Remembers checked YAML between runs. */
  readonly cache?: YamlCache;
  readonly clock: Clock;
  readonly output: Pick<Output, 'result' | 'note' | 'messageLines' | 'progress' | 'json' | 'colours'>;
  readonly signal: AbortSignal;
  /** Takes secrets out of what is written to target/. */
  readonly redact?: (text: string) => string;
  openWarehouse(): Promise<OpenModels>;
  /**
   * Models that jobs publish, on a target without a state store (`ci`): nobody knows what they hold, so they are built anew each time unless days
   * are given by hand.
   */
  readonly withoutLedger?: ReadonlySet<string>;
  /** Takes the leases of the jobs that publish any of these models; null: no job does. Throws `lease_held`. */
  claim?(
    project: Project,
    models: readonly string[],
    warehouse: ModelWarehouse,
    options: { readonly fullRefresh: boolean },
  ): Promise<JobClaim | null>;
}

export type ModelCommand<Options> = (options: Options, around: ModelSurroundings) => Promise<CommandResult>;

export interface SelectionOptions {
  readonly select?: readonly string[];
  readonly exclude?: readonly string[];
  readonly resourceType?: readonly string[];
}

export function compileAround(around: ModelSurroundings, fullRefresh = false): Promise<Project> {
  const { config, target, environment, cache } = around;
  return compileProject({
    config,
    target,
    environment: { ...environment, fullRefresh },
    ...(cache === undefined ? {} : { cache }),
  });
}

/** Opens the warehouse, runs `work`, closes it whatever happens. */
export async function withWarehouse<T>(
  around: ModelSurroundings,
  work: (warehouse: ModelWarehouse, usage: () => Usage | undefined) => Promise<T>,
): Promise<T> {
  const opened = await around.openWarehouse();
  try {
    return await work(opened.models, () => opened.usage?.());
  } finally {
    await opened.close();
  }
}
