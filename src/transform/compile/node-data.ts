/** A node as plain data, dbt's manifest entry: for `model` in templates and for manifest.json. */
import { createHash } from 'node:crypto';
import type { YamlValue } from '../../config/yaml-source.ts';
import type { ColumnDoc, Node, SourceNode, TestNode } from './node.ts';
import type { Project } from './project.ts';

type Data = Readonly<Record<string, unknown>>;

export function nodeAsData(node: Node, project: Project): Data {
  return node.kind === 'source' ? sourceAsData(node, project) : builtAsData(node, project);
}

function builtAsData(node: Exclude<Node, SourceNode>, project: Project): Data {
  const { config } = node;
  return {
    ...common(node, project),
    alias: node.kind === 'test' ? node.name : node.relation.name,
    config: configAsData(node),
    tags: config.tags,
    meta: config.meta,
    raw_code: rawCode(node),
    language: node.kind === 'seed' ? null : 'sql',
    checksum: { name: 'sha256', checksum: sha256(node.kind === 'seed' ? node.text : rawCode(node)) },
    refs: parents(node, project)
      .filter((parent) => parent.kind !== 'source')
      .map(({ name }) => ({ name, package: null, version: null })),
    sources: parents(node, project).flatMap((parent) =>
      parent.kind === 'source' ? [[parent.sourceName, parent.name]] : [],
    ),
    depends_on: { macros: [], nodes: node.dependsOn },
    ...(node.kind === 'test' ? testData(node) : relationData(node, project)),
  };
}

function common(node: Node, project: Project): Data {
  const fromRoot = project.config.modelPaths.find((path) => node.file.startsWith(`${path}/`));
  return {
    unique_id: node.id,
    name: node.name,
    resource_type: node.kind,
    package_name: project.config.name,
    path: fromRoot === undefined ? node.file : node.file.slice(fromRoot.length + 1),
    original_file_path: node.file,
    fqn: node.fqn,
    description: node.description,
    columns: node.kind === 'test' ? {} : columnsAsData(node.columns),
  };
}

function relationData(node: Exclude<Node, TestNode>, project: Project): Data {
  const { database, schema } = node.relation;
  return {
    database: database ?? null,
    schema,
    relation_name: project.renderer.dialect.relation(node.relation),
    patch_path: node.kind === 'source' ? null : node.patchFile,
  };
}

function testData(node: TestNode): Data {
  if (node.test.type === 'singular') return {};
  const { macro, column, args, subject } = node.test;
  return {
    column_name: column,
    attached_node: subject,
    test_metadata: {
      name: macro.slice(macro.lastIndexOf('.') + 1),
      kwargs: args,
      namespace: macro.includes('.') ? macro.split('.')[0] : null,
    },
  };
}

function sourceAsData(node: SourceNode, project: Project): Data {
  return {
    ...common(node, project),
    ...relationData(node, project),
    source_name: node.sourceName,
    identifier: node.relation.name,
    tags: node.tags,
    meta: node.meta,
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function rawCode(node: Exclude<Node, SourceNode>): string {
  if (node.kind === 'seed') return '';
  if (node.kind === 'model') return node.rawCode;
  return node.test.type === 'singular'
    ? node.test.rawCode
    : `{{ test_${node.test.macro}(**_dbt_generic_test_kwargs) }}`;
}

function configAsData(node: Exclude<Node, SourceNode>): Data {
  const { written, enabled, tags, meta } = node.config;
  const own: Readonly<Record<string, YamlValue>> = { ...written, enabled, tags, meta };
  if (node.kind === 'model')
    return { ...own, materialized: node.config.materialized, incremental_strategy: node.config.strategy };
  return node.kind === 'seed'
    ? { ...own, materialized: 'seed' }
    : { ...own, materialized: 'test', severity: node.config.severity };
}

function columnsAsData(columns: readonly ColumnDoc[]): Data {
  return Object.fromEntries(
    columns.map(({ name, description, dataType, tags, meta }) => [
      name,
      { name, description, data_type: dataType, tags, meta },
    ]),
  );
}

function parents(node: Node, project: Project): readonly Node[] {
  return node.dependsOn.flatMap((id) => project.nodes.get(id) ?? []);
}
