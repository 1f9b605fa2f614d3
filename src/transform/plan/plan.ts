/** What a run will do, as plain data that can be printed before it happens. */
import type { RelationName } from '../../core/relation.ts';
import type { DayWindow } from './changes.ts';

export type RunCommand = 'run' | 'build' | 'test' | 'seed' | 'compile';

/** How a node's relation comes to be. */
export type BuildMode =
  'view' | 'table' | 'seed' | 'full' | 'merge' | 'insert_overwrite' | 'append' | 'delete+insert' | 'tests';

export interface PlannedTest {
  readonly id: string;
  readonly name: string;
  readonly severity: 'error' | 'warn';
  /** null: it can be rendered only once the warehouse answers. */
  readonly sql: string | null;
}

export interface PlannedNode {
  readonly id: string;
  readonly name: string;
  /** `test`: data tests without a model of this plan that they could gate (tests of sources, or `sluice test`). */
  readonly kind: 'model' | 'seed' | 'test';
  readonly file: string;
  readonly materialized: string;
  readonly mode: BuildMode;
  readonly relation: RelationName | null;
  /** Nodes of this plan that must be done before. */
  readonly after: readonly string[];
  /** Nodes of this plan that only its tests read: they must be done before it is published. */
  readonly finishAfter: readonly string[];
  /** The model's select as far as it can be rendered without asking the warehouse; null otherwise, and for seeds. */
  readonly sql: string | null;
  /** Days that are overwritten; null: the mode knows none. */
  readonly window: DayWindow | null;
  /** Tests that decide inside the transaction that publishes the node. */
  readonly tests: readonly PlannedTest[];
}

export interface RunPlan {
  readonly command: RunCommand;
  readonly target: string;
  readonly fullRefresh: boolean;
  /** Parents first. */
  readonly nodes: readonly PlannedNode[];
  /** Selection criteria that matched nothing. */
  readonly unmatched: readonly string[];
}
