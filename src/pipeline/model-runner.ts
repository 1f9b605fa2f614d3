/** The model layer as a run sees it: compile the project, run the job's models, build them aside. Implemented over `transform/`. */
import type { RelationInfo, RelationName } from '../core/relation.ts';
import type { ModelChanges } from '../transform/plan/changes.ts';
import type { OpenWarehouse } from './ports.ts';
import type { Usage } from '../transform/run/ports.ts';

export interface RunnerNode {
  readonly name: string;
  readonly materialized: string;
  /** Written by insert_overwrite, one partition per local day. */
  readonly isDaily: boolean;
  /** One of the job's models (not an ancestor of one). */
  readonly isPublished: boolean;
  readonly relation: RelationName;
}

export interface RunnerResult {
  readonly name: string;
  readonly state: 'done' | 'skipped' | 'failed';
  readonly rows: number;
  readonly seconds: number;
  /** What it cost; null where nothing is paid by use. */
  readonly usage: Usage | null;
  /** With what to do next, when it failed. */
  readonly error: {
    readonly code: 'model_failed' | 'test_failed' | 'compile_error' | 'table_changed';
    readonly message: string;
  } | null;
  readonly warnings: readonly string[];
}

export interface ModelRunRequest {
  readonly warehouse: OpenWarehouse;
  /** By model name; a model that is not in the map builds everything. */
  readonly changes: ReadonlyMap<string, ModelChanges>;
  /** Nodes to run. */
  readonly names: readonly string[];
  /** What stands under the names of `nodes()`, from a caller who has just asked. */
  readonly relations: readonly RelationInfo[];
  /** Nothing is built before. It has ended when `run` fails or gives its results. */
  readonly ready?: Promise<void>;
  readonly guard: () => Promise<void>;
  /** SQL that belongs into the transaction that publishes the node. */
  readonly marks: (name: string) => readonly string[];
  /** Right after the node's change is committed. */
  readonly onPublished: (name: string) => Promise<void>;
}

export interface AsideResult {
  readonly results: readonly RunnerResult[];
  /** Rows of each published table: the one in use (null: none yet) and the rebuilt one. */
  readonly counts: readonly { readonly name: string; readonly before: number | null; readonly after: number }[];
  /** Statements that put the rebuilt relations in place. */
  readonly swap: readonly string[];
}

export interface ModelRunner {
  /** The job's models and their ancestors in graph order. Throws `compile_error`. */
  nodes(): Promise<readonly RunnerNode[]>;
  /** SQL of each node as it would run, for `--dry-run`. */
  preview(
    request: Pick<ModelRunRequest, 'changes' | 'names'> & { readonly warehouse: OpenWarehouse | null },
  ): Promise<readonly { readonly name: string; readonly sql: string }[]>;
  run(request: ModelRunRequest): Promise<readonly RunnerResult[]>;
  /** Builds and tests every node under names with `suffix`, reading raw tables with the same suffix; nothing in use changes. */
  buildAside(
    request: Omit<ModelRunRequest, 'names' | 'relations' | 'ready' | 'marks' | 'onPublished'> & {
      readonly suffix: string;
      /** Keep the replaced tables of these models so long; null: not at all. */
      readonly keep: { readonly hours: number; readonly refresh: string; readonly models: readonly string[] } | null;
    },
  ): Promise<AsideResult>;
  /** Writes run_results.json and what else belongs under target/. */
  finish(): Promise<void>;
}
