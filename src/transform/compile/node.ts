/** The nodes of a project as plain data: what the graph, selection, plan and artifacts speak about. */
import type { RelationName } from '../../core/relation.ts';
import type { YamlValue } from '../../config/yaml-source.ts';
import type { ModelConfig, SeedConfig, TestConfig } from './node-config.ts';
import type { CompiledTemplate } from './jinja/index.ts';

export interface ColumnDoc {
  readonly name: string;
  readonly description: string;
  readonly dataType: string | null;
  /** Resource names of BigQuery policy tags, at most one; empty: none is asked for. */
  readonly policyTags: readonly string[];
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, YamlValue>>;
}

interface NodeBase {
  /** `model.<project>.<name>`. */
  readonly id: string;
  readonly name: string;
  /** Relative to the project. */
  readonly file: string;
  /** Project, folders, name. */
  readonly fqn: readonly string[];
  readonly description: string;
  /** Ids of the nodes it reads: models, seeds, sources. */
  readonly dependsOn: readonly string[];
}

export interface ModelNode extends NodeBase {
  readonly kind: 'model';
  readonly config: ModelConfig;
  readonly relation: RelationName;
  readonly columns: readonly ColumnDoc[];
  readonly template: CompiledTemplate;
  readonly rawCode: string;
  /** The YAML file that describes it, null when none does. */
  readonly patchFile: string | null;
}

export interface SeedNode extends NodeBase {
  readonly kind: 'seed';
  readonly config: SeedConfig;
  readonly relation: RelationName;
  readonly columns: readonly ColumnDoc[];
  readonly text: string;
  readonly patchFile: string | null;
}

export interface SourceNode extends NodeBase {
  readonly kind: 'source';
  readonly sourceName: string;
  readonly relation: RelationName;
  readonly columns: readonly ColumnDoc[];
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, YamlValue>>;
}

export interface TestNode extends NodeBase {
  readonly kind: 'test';
  readonly config: TestConfig;
  readonly test:
    | {
        readonly type: 'generic';
        /** Name of the macro without `test_`. */
        readonly macro: string;
        /** The node it stands under in YAML. */
        readonly subject: string;
        readonly column: string | null;
        readonly args: Readonly<Record<string, YamlValue>>;
      }
    | { readonly type: 'singular'; readonly template: CompiledTemplate; readonly rawCode: string };
}

export type Node = ModelNode | SeedNode | SourceNode | TestNode;
/** Nodes that own a relation in the warehouse. */
export type RelationNode = ModelNode | SeedNode | SourceNode;
/** Nodes that a run builds. */
export type BuiltNode = ModelNode | SeedNode;

export function isRelationNode(node: Node): node is RelationNode {
  return node.kind !== 'test';
}

export function tagsOf(node: Node): readonly string[] {
  return node.kind === 'source' ? node.tags : node.config.tags;
}
