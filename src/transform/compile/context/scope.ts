/** What one rendering of one node sees beyond the environment. */
import type { RelationName } from '../../../core/relation.ts';
import type { ModelChanges } from '../../plan/changes.ts';
import type { Value } from '../jinja/index.ts';
import type { Effects } from './effects.ts';

export interface NodeScope {
  readonly node: { readonly id: string; readonly name: string } | null;
  /** false while the project is read. */
  readonly execute: boolean;
  /** null while the project is read: nothing can be asked. */
  readonly effects: Effects | null;
  readonly map: (relation: RelationName) => RelationName;
  /** `ref('x')`, `ref('package', 'x')`. */
  readonly ref: (packageName: string | null, name: string) => Value;
  readonly source: (sourceName: string, table: string) => Value;
  /** `config(…)`: the settings given here, later calls over earlier ones. */
  readonly config: (settings: ReadonlyMap<string, Value>) => void;
  /** What `config.get` sees. */
  readonly setting: (name: string) => Value | undefined;
  /** undefined for text that belongs to no relation. */
  readonly self: Value | undefined;
  readonly isIncremental: boolean;
  readonly changes: ModelChanges;
  /** `model`: the node as its entry in the manifest, made when a template asks. */
  readonly model: () => Value;
}
