/** manifest.json in dbt's shape (v12), so that tools which read it find what they look for. Pure. */
import type { Node } from './node.ts';
import { nodeAsData } from './node-data.ts';
import type { Project } from './project.ts';

export interface ManifestOptions {
  readonly generatedAt: string;
  /** The select of each model as far as it is known. */
  readonly compiled?: ReadonlyMap<string, string>;
}

export function manifestOf(project: Project, options: ManifestOptions): Readonly<Record<string, unknown>> {
  const nodes = [...project.nodes.values()];
  const { environment } = project.renderer;
  const ids = nodes.map((node) => node.id);
  return {
    metadata: {
      dbt_schema_version: 'https://schemas.getdbt.com/dbt/manifest/v12.json',
      dbt_version: environment.version,
      generated_by: 'sluice',
      generated_at: options.generatedAt,
      invocation_id: environment.invocationId,
      env: {},
      project_name: project.config.name,
      adapter_type: project.target.type,
    },
    nodes: byId(
      nodes.filter((node) => node.kind !== 'source'),
      (node) => entry(node, project, options),
    ),
    sources: byId(
      nodes.filter((node) => node.kind === 'source'),
      (node) => nodeAsData(node, project),
    ),
    macros: macrosOf(project),
    docs: {},
    exposures: {},
    metrics: {},
    groups: {},
    selectors: {},
    disabled: Object.fromEntries(project.disabled.map((node) => [node.id, [nodeAsData(node, project)]])),
    parent_map: Object.fromEntries(ids.map((id) => [id, project.graph.parents(id)])),
    child_map: Object.fromEntries(ids.map((id) => [id, project.graph.children(id)])),
    group_map: {},
    saved_queries: {},
    semantic_models: {},
    unit_tests: {},
  };
}

function entry(node: Node, project: Project, { compiled }: ManifestOptions): Readonly<Record<string, unknown>> {
  const sql = compiled?.get(node.id);
  return {
    ...nodeAsData(node, project),
    compiled: sql !== undefined,
    ...(sql === undefined ? {} : { compiled_code: sql }),
  };
}

function byId(nodes: readonly Node[], data: (node: Node) => unknown): Readonly<Record<string, unknown>> {
  return Object.fromEntries(nodes.map((node) => [node.id, data(node)]));
}

function macrosOf(project: Project): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Array.from(project.renderer.macros.macros(), ({ packageName, declaration, template }) => {
      const id = `macro.${packageName}.${declaration.name}`;
      const data = {
        unique_id: id,
        name: declaration.name,
        resource_type: 'macro',
        package_name: packageName,
        original_file_path: template.source.name,
        path: template.source.name,
        arguments: declaration.parameters.map(({ name }) => ({ name, type: null, description: '' })),
        description: project.macroDescriptions.get(declaration.name) ?? '',
        depends_on: { macros: [] },
      };
      return [id, data];
    }),
  );
}
