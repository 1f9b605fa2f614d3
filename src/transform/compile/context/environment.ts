/** What templates see of the run, the same for every node of one invocation. */
import type { Env } from '../../../config/expression.ts';
import type { YamlValue } from '../../../config/yaml-source.ts';
import type { RelationName } from '../../../core/relation.ts';
import type { ModelChanges } from '../../plan/changes.ts';
import type { Dialect } from '../../sql/dialect.ts';
import type { Value } from '../jinja/index.ts';
import type { ModelTarget } from '../project-config.ts';

/** What a caller's own functions get to know about the rendering that they are called in. */
export interface ExtensionScope {
  /** Id and name of the node that renders; null for text of YAML files. */
  readonly node: { readonly id: string; readonly name: string } | null;
  readonly dialect: Dialect;
  readonly target: ModelTarget;
  readonly changes: ModelChanges;
  /** The relation that stands for this one in the rendering: itself, or its copy while everything is built aside. */
  readonly map: (relation: RelationName) => RelationName;
  /** false while the project is read: nothing may be asked of the warehouse. */
  readonly execute: boolean;
}

/** Names that a caller adds: `{ sluice: hostObject({…}) }`. Called once per rendering. */
export type ContextExtensions = (scope: ExtensionScope) => Readonly<Record<string, Value>>;

export interface RenderEnvironment {
  /** The project's vars with `--vars` laid over them. */
  readonly vars: Readonly<Record<string, YamlValue>>;
  /** For `env_var()`. */
  readonly env: Env;
  /** The run's logical time, milliseconds. */
  readonly runStartedAt: number;
  /** Local day of the logical time, for models that no job runs. */
  readonly today: string;
  readonly invocationId: string;
  /** Of sluice itself, `sluice_version`. */
  readonly version: string;
  /** What `job('customer')` gives, plain data by name of the job. */
  readonly jobs: Readonly<Record<string, unknown>>;
  readonly extensions: ContextExtensions;
  readonly fullRefresh: boolean;
  /** `log()`, `print()` and `exceptions.warn()` end here. */
  readonly log: (message: string, level: 'debug' | 'info' | 'warn') => void;
}
