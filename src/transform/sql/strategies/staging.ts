/** A table of a model's new rows, made before anything is changed: what a strategy checks, compares and writes from. */
import type { RelationName } from '../../../core/relation.ts';
import type { BuildInput, BuildScript, Statement } from '../build.ts';
import type { Dialect } from '../dialect.ts';

export interface Staging {
  readonly relation: RelationName;
  /** Makes it. */
  readonly sql: string;
}

export function stagingOf({ dialect, target, select }: Pick<BuildInput, 'dialect' | 'target' | 'select'>): Staging {
  const relation = dialect.stagingRelation(target);
  return { relation, sql: dialect.createStaging(relation, select) };
}

export function stagedScript(dialect: Dialect, staging: Staging, change: readonly Statement[]): BuildScript {
  return { stage: [staging.sql], change, cleanup: [dialect.dropStaging(staging.relation)] };
}
