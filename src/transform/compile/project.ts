/** compileProject: a project's files -> nodes, names resolved, in a graph without cycles; or all mistakes at once. */
import { setImmediate as letOthersRun } from 'node:timers/promises';
import { didYouMean } from '../../config/suggest.ts';
import { checkPropertyFiles, type YamlCache } from './checked-yaml.ts';
import type { Captured } from './capture.ts';
import type { RenderEnvironment } from './context/environment.ts';
import { Graph } from './graph.ts';
import type { ModelNode, Node, SeedNode, SourceNode } from './node.ts';
import { CompileProblems } from './problems-of.ts';
import type { ModelProjectConfig, ModelTarget } from './project-config.ts';
import { checkDuplicates, ProjectReader, type Unlinked } from './project-reader.ts';
import { readProperties } from './properties.ts';
import { readMacros, Renderer } from './renderer.ts';
import { readProjectFiles, type ProjectFiles } from './source-files.ts';
import { TestReader } from './test-reader.ts';

export interface CompileOptions {
  readonly config: ModelProjectConfig;
  readonly target: ModelTarget;
  readonly environment: RenderEnvironment;
  /** Default: read from the project's folder. */
  readonly files?: ProjectFiles;
  /** Remembers checked YAML between runs; left out: every run reads it. */
  readonly cache?: YamlCache;
}

export interface Project {
  readonly config: ModelProjectConfig;
  readonly target: ModelTarget;
  /** Enabled nodes by id. */
  readonly nodes: ReadonlyMap<string, Node>;
  /** Nodes with `enabled: false`. */
  readonly disabled: readonly Node[];
  readonly graph: Graph;
  /** Ids parents first. */
  readonly order: readonly string[];
  readonly renderer: Renderer;
  readonly macroDescriptions: ReadonlyMap<string, string>;
}

/**
 * Throws `compile_error` with every mistake: file, line, what is wrong, what was meant. A tenth of a second of work, done in pieces: a run compiles
 * while the warehouse loads, and what the warehouse answers is not to wait for the whole of it.
 */
export async function compileProject(options: CompileOptions): Promise<Project> {
  const { config, target, environment } = options;
  await letOthersRun();
  const files = options.files ?? readProjectFiles(config);
  const problems = new CompileProblems();
  const checked = await checkPropertyFiles(files.properties, problems.list, options.cache);
  const properties = readProperties(files.properties, checked, problems.list);
  checkDuplicates(properties, problems);
  await letOthersRun();
  const macros = readMacros(config.name, files.macros, problems);
  const renderer = new Renderer(config, target, environment, macros);
  const reader = new ProjectReader(config, renderer, problems);
  await letOthersRun();
  const models = reader.models(files.models, properties.models);
  await letOthersRun();
  const seeds = reader.seeds(files.seeds, properties.seeds);
  const sources = reader.sources(properties.sources);
  const tests = new TestReader(config, renderer, reader, problems);
  const subjects = [
    ...models.map(({ node }) => ({ node, list: properties.models })),
    ...seeds.map((node) => ({ node, list: properties.seeds })),
  ];
  const onBuilt = subjects.flatMap(({ node, list }) =>
    tests.generic(
      node,
      list.filter((entry) => entry.name === node.name).flatMap((entry) => entry.tests),
    ),
  );
  const onSources = sources.flatMap((node) => {
    const same = properties.sources.filter((table) => table.sourceName === node.sourceName && table.name === node.name);
    return tests.generic(
      node,
      same.flatMap((table) => table.tests),
    );
  });
  const singular = tests.singular(files.tests, properties.singularTests);
  await letOthersRun();
  const linker = new Linker(config.name, [...models.map(({ node }) => node), ...seeds, ...sources], problems);
  const nodes = [
    ...sources,
    ...seeds,
    ...models.map((unlinked) => linker.link(unlinked)),
    ...[...onBuilt, ...onSources, ...singular].map((unlinked) => linker.link(unlinked)),
  ];
  const enabled = withoutDisabled(nodes);
  checkRelations(enabled, target.type === 'duckdb', problems);
  const graph = new Graph(new Map(enabled.map((node) => [node.id, node.dependsOn])));
  checkCycle(graph, enabled, problems);
  problems.throwIfAny();
  return {
    config,
    target,
    nodes: new Map(enabled.map((node) => [node.id, node])),
    disabled: nodes.filter((node) => !enabled.includes(node)),
    graph,
    order: graph.order(),
    renderer,
    macroDescriptions: new Map(properties.macros.map(({ name, description }) => [name, description])),
  };
}

/** Tests of disabled nodes go with them. */
function withoutDisabled(nodes: readonly Node[]): readonly Node[] {
  const isEnabled = (node: Node): boolean => node.kind === 'source' || node.config.enabled;
  const disabled = new Set(nodes.filter((node) => !isEnabled(node)).map((node) => node.id));
  return nodes.filter(
    (node) => isEnabled(node) && !(node.kind === 'test' && node.dependsOn.some((id) => disabled.has(id))),
  );
}

class Linker {
  readonly #project: string;
  readonly #built = new Map<string, ModelNode | SeedNode>();
  readonly #sources = new Map<string, SourceNode>();
  readonly #problems: CompileProblems;

  constructor(project: string, nodes: readonly (ModelNode | SeedNode | SourceNode)[], problems: CompileProblems) {
    this.#project = project;
    this.#problems = problems;
    for (const node of nodes) {
      if (node.kind === 'source') this.#sources.set(JSON.stringify([node.sourceName, node.name]), node);
      else this.#add(node);
    }
  }

  /** ref() knows one namespace for models and seeds. */
  #add(node: ModelNode | SeedNode): void {
    const other = this.#built.get(node.name);
    if (other === undefined) this.#built.set(node.name, node);
    else
      this.#problems.add({
        file: node.file,
        path: '',
        message: `a ${other.kind} named "${node.name}" is in ${other.file} already`,
      });
  }

  link<T extends Node>({ node, captured }: Unlinked<T>): T {
    const parents = [
      ...captured.refs.map((ref) => this.#ref(node, ref)),
      ...captured.sources.map((source) => this.#source(node, source)),
      ...(node.kind === 'test' && node.test.type === 'generic' ? [node.test.subject] : []),
    ];
    const dependsOn = [...new Set(parents.filter((id) => id !== undefined))];
    return { ...node, dependsOn };
  }

  #ref(node: Node, ref: Captured['refs'][number]): string | undefined {
    const found = this.#built.get(ref.name);
    const isHere = ref.packageName === null || ref.packageName === this.#project;
    if (found !== undefined && isHere) {
      if (!found.config.enabled && !(node.kind !== 'source' && !node.config.enabled)) {
        if (node.kind === 'test') return found.id;
        this.#problem(node, ref.line, `depends on the ${found.kind} "${ref.name}", which is disabled`);
      }
      return found.id;
    }
    const written = ref.packageName === null ? `ref('${ref.name}')` : `ref('${ref.packageName}', '${ref.name}')`;
    const why = isHere
      ? `there is no model or seed "${ref.name}"${didYouMean(ref.name, this.#built.keys())}`
      : `there is no package "${ref.packageName ?? ''}"`;
    this.#problem(node, ref.line, `${written}: ${why}`);
    return undefined;
  }

  #source(node: Node, { source, table, line }: Captured['sources'][number]): string | undefined {
    const found = this.#sources.get(JSON.stringify([source, table]));
    if (found !== undefined) return found.id;
    const all = [...this.#sources.values()];
    const tables = all.filter((known) => known.sourceName === source).map((known) => known.name);
    const why =
      tables.length === 0
        ? `there is no source "${source}"${didYouMean(source, new Set(all.map((known) => known.sourceName)))}`
        : `the source "${source}" has no table "${table}"${didYouMean(table, tables)}`;
    this.#problem(node, line, `source('${source}', '${table}'): ${why}`);
    return undefined;
  }

  #problem(node: Node, line: number | null, message: string): void {
    this.#problems.add({ file: node.file, ...(line === null ? {} : { line }), path: '', message });
  }
}

/** Two nodes that would write the same relation. */
function checkRelations(nodes: readonly Node[], ignoreCase: boolean, problems: CompileProblems): void {
  const owners = new Map<string, ModelNode | SeedNode>();
  for (const node of nodes) {
    if (node.kind !== 'model' && node.kind !== 'seed') continue;
    if (node.kind === 'model' && node.config.materialized === 'ephemeral') continue;
    const { database, schema, name } = node.relation;
    const text = JSON.stringify([database ?? null, schema, name]);
    const key = ignoreCase ? text.toLowerCase() : text;
    const other = owners.get(key);
    if (other === undefined) owners.set(key, node);
    else
      problems.add({
        file: node.file,
        path: '',
        message: `writes the relation ${schema}.${name}, and so does ${other.file}`,
      });
  }
}

function checkCycle(graph: Graph, nodes: readonly Node[], problems: CompileProblems): void {
  const cycle = graph.cycle();
  if (cycle === undefined) return;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const path = cycle.map((id) => byId.get(id)?.name ?? id).join(' -> ');
  problems.add({
    file: byId.get(cycle[0] ?? '')?.file ?? '',
    path: '',
    message: `models refer to each other in a circle: ${path}`,
  });
}
