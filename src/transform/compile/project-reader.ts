/** Files -> nodes. Mistakes are collected; a node with a mistake is left out, and what needs it says nothing more about it. */
import type { RelationName } from '../../core/relation.ts';
import { didYouMean } from '../../config/suggest.ts';
import type { YamlValue } from '../../config/yaml-source.ts';
import { Capture, type Captured } from './capture.ts';
import {
  ConfigReader,
  mergeSettings,
  textOfValue,
  type Place,
  type Setting,
  type SettingLayer,
} from './config-reader.ts';
import { compileTemplate, fromPlain, toPlain, type PlainValue, type Value } from './jinja/index.ts';
import { modelConfig, seedConfig, type CommonConfig } from './node-config.ts';
import type { ColumnDoc, ModelNode, SeedNode, SourceNode } from './node.ts';
import { collect, type CompileProblems } from './problems-of.ts';
import { treeLevels, type ConfigTree, type ModelProjectConfig } from './project-config.ts';
import type { NodeProperties, Properties, SourceProperties } from './properties.ts';
import { noChanges, renderYaml, yamlScope, type Renderer } from './renderer.ts';
import type { SourceFile } from './source-files.ts';
import { policyTags } from './table-options.ts';

/** What a node refers to, before names are resolved. */
export interface Unlinked<T> {
  readonly node: T;
  readonly captured: Captured;
}

export class ProjectReader {
  readonly #config: ModelProjectConfig;
  readonly #renderer: Renderer;
  readonly #problems: CompileProblems;

  constructor(config: ModelProjectConfig, renderer: Renderer, problems: CompileProblems) {
    this.#config = config;
    this.#renderer = renderer;
    this.#problems = problems;
  }

  models(files: readonly SourceFile[], properties: readonly NodeProperties[]): Unlinked<ModelNode>[] {
    const described = byName(properties);
    return this.#unique('model', files, described, (file, name) => {
      const patch = described.get(name);
      return collect(this.#problems, file.file, () => this.#model(file, name, patch));
    });
  }

  seeds(files: readonly SourceFile[], properties: readonly NodeProperties[]): SeedNode[] {
    const described = byName(properties);
    return this.#unique('seed', files, described, (file, name) => {
      const patch = described.get(name);
      return collect(this.#problems, file.file, () => this.#seed(file, name, patch));
    });
  }

  sources(properties: readonly SourceProperties[]): SourceNode[] {
    const seen = new Map<string, Place>();
    return properties.flatMap((table) => {
      const id = `source.${this.#config.name}.${table.sourceName}.${table.name}`;
      const other = seen.get(id);
      if (other !== undefined) {
        this.#problems.add({
          ...table.place,
          path: table.sourceName,
          message: `the table "${table.name}" stands in ${other.file}:${String(other.line)} already`,
        });
        return [];
      }
      seen.set(id, table.place);
      return collect(this.#problems, table.place.file, () => this.#source(id, table)) ?? [];
    });
  }

  /** Settings of all layers but the file's own, rendered. */
  settings(
    tree: ConfigTree,
    inside: string,
    patch: Pick<NodeProperties, 'config' | 'place' | 'placeOf'> | undefined,
  ): SettingLayer[] {
    const levels = treeLevels(tree, pathOf(inside));
    const place = { file: 'project.yml' };
    const layers: SettingLayer[] = levels.map((values) => ({ place, values: this.#rendered(values, place) }));
    if (patch === undefined) return layers;
    const values = this.#rendered(patch.config, patch.place);
    return [...layers, { place: patch.place, values, placeOf: patch.placeOf }];
  }

  rendered(text: string, place: Place): YamlValue {
    return this.#evaluate(text, place);
  }

  #rendered(values: Readonly<Record<string, YamlValue>>, place: Place): Readonly<Record<string, YamlValue>> {
    // Hooks are rendered when they run: they may speak of `this`.
    return Object.fromEntries(
      Object.entries(values).map(([key, value]) => [
        key,
        /^(?:pre|post)[-_]hook$/.test(key) ? value : renderYaml(value, (text) => this.#evaluate(text, place)),
      ]),
    );
  }

  #evaluate(text: string, place: Place): YamlValue {
    return yamlOf(toPlain(this.#renderer.evaluate(text, place, yamlScope(this.#renderer.environment))));
  }

  #model(file: SourceFile, name: string, patch: NodeProperties | undefined): Unlinked<ModelNode> {
    const id = `model.${this.#config.name}.${name}`;
    const template = compileTemplate({ name: file.file, text: file.text });
    const layers = this.settings(this.#config.models, file.inside, patch);
    const outside = mergeSettings(layers);
    const self = { schema: this.#renderer.target.schema, name };
    const capture = new Capture(this.#renderer, { id, name, settings: outside, self }).template(template);
    const captured = capture.result();
    const place = { file: file.file, line: captured.configLine ?? 1 };
    const settings = mergeSettings([
      ...layers,
      { place, values: yamlOf(captured.config) as Readonly<Record<string, YamlValue>> },
    ]);
    const reader = new ConfigReader(settings, `model ${name}`, { file: file.file, line: 1 }, this.#problems.list);
    const config = modelConfig(reader, written(settings), this.#renderer.target.type);
    const node: ModelNode = {
      kind: 'model',
      id,
      name,
      file: file.file,
      fqn: [this.#config.name, ...pathOf(file.inside), name],
      description: patch?.description ?? '',
      dependsOn: [],
      config,
      relation: this.#relation(id, name, config),
      columns: this.#columns(patch),
      template,
      rawCode: file.text,
      patchFile: patch?.place.file ?? null,
    };
    const hooks = [...config.preHooks, ...config.postHooks];
    return { node, captured: hooks.length === 0 ? captured : capture.hooks(file.file, hooks).result() };
  }

  #seed(file: SourceFile, name: string, patch: NodeProperties | undefined): SeedNode {
    const id = `seed.${this.#config.name}.${name}`;
    const settings = mergeSettings(this.settings(this.#config.seeds, file.inside, patch));
    const reader = new ConfigReader(settings, `seed ${name}`, { file: file.file }, this.#problems.list);
    const config = seedConfig(reader, written(settings));
    return {
      kind: 'seed',
      id,
      name,
      file: file.file,
      fqn: [this.#config.name, ...pathOf(file.inside), name],
      description: patch?.description ?? '',
      dependsOn: [],
      config,
      relation: this.#relation(id, name, config),
      columns: this.#columns(patch),
      text: file.text,
      patchFile: patch?.place.file ?? null,
    };
  }

  /** Policy tags may be templates (`{{ var('pii_tag') }}`): what comes of them is checked. */
  #columns(patch: NodeProperties | undefined): readonly ColumnDoc[] {
    return (patch?.columns ?? []).map(({ place, ...column }) => ({
      ...column,
      policyTags: policyTags(
        column.policyTags.map((tag) => textOfValue(renderYaml(tag, (text) => this.#evaluate(text, place)))),
        (message) => this.#problems.add({ ...place, path: column.name, message: `policy_tags: ${message}` }),
      ),
    }));
  }

  #source(id: string, table: SourceProperties): SourceNode {
    const text = (value: string): string => {
      const rendered = renderYaml(value, (inner) => this.#evaluate(inner, table.place));
      return textOfValue(rendered);
    };
    const database = table.database === null ? this.#renderer.target.database : text(table.database);
    return {
      kind: 'source',
      id,
      name: table.name,
      sourceName: table.sourceName,
      file: table.place.file,
      fqn: [this.#config.name, table.sourceName, table.name],
      description: table.description,
      dependsOn: [],
      relation: {
        ...(database === undefined ? {} : { database }),
        schema: text(table.schema),
        name: text(table.identifier),
      },
      columns: table.columns,
      tags: table.tags,
      meta: table.meta,
    };
  }

  /** Names by the project's (overridable) macros. */
  #relation(id: string, name: string, config: CommonConfig): RelationName {
    const scope = {
      ...yamlScope(this.#renderer.environment),
      node: { id, name },
      changes: noChanges(this.#renderer.environment),
    };
    const node = fromPlain({ name, unique_id: id, config: config.written });
    const call = (macro: string, argument: string, value: string | null): string =>
      this.#renderer.macroText(
        macro,
        new Map<string, Value>([
          [argument, value],
          ['node', node],
        ]),
        scope,
      );
    const database = call('generate_database_name', 'custom_database_name', config.database);
    return {
      ...(database === '' ? {} : { database }),
      schema: call('generate_schema_name', 'custom_schema_name', config.schema),
      name: call('generate_alias_name', 'custom_alias_name', config.alias),
    };
  }

  /** One node per name; properties that describe nothing are slips. */
  #unique<T>(
    kind: 'model' | 'seed',
    files: readonly SourceFile[],
    described: ReadonlyMap<string, NodeProperties>,
    read: (file: SourceFile, name: string) => T | undefined,
  ): T[] {
    const seen = new Map<string, string>();
    const nodes = files.flatMap((file) => {
      const name = stemOf(file.inside);
      const other = seen.get(name);
      if (other !== undefined) {
        this.#problems.add({ file: file.file, path: '', message: `a ${kind} named "${name}" is in ${other} already` });
        return [];
      }
      seen.set(name, file.file);
      if (!NAME.test(name)) {
        this.#problems.add({
          file: file.file,
          path: '',
          message: `"${name}" cannot be the name of a ${kind}: letters, digits, "_" and "-" only`,
        });
        return [];
      }
      return read(file, name) ?? [];
    });
    for (const { name, place } of described.values()) {
      if (!seen.has(name)) {
        this.#problems.add({
          ...place,
          path: '',
          message: `describes the ${kind} "${name}", which does not exist${didYouMean(name, seen.keys())}`,
        });
      }
    }
    return nodes;
  }
}

const NAME = /^[\p{L}_][\p{L}\p{N}_-]*$/u;

export function checkDuplicates(properties: Properties, problems: CompileProblems): void {
  for (const [kind, list] of [
    ['model', properties.models],
    ['seed', properties.seeds],
  ] as const) {
    const seen = new Map<string, Place>();
    for (const { name, place } of list) {
      const other = seen.get(name);
      if (other === undefined) seen.set(name, place);
      else
        problems.add({
          ...place,
          path: '',
          message: `the ${kind} "${name}" is described in ${other.file}:${String(other.line)} already`,
        });
    }
  }
}

function byName(properties: readonly NodeProperties[]): ReadonlyMap<string, NodeProperties> {
  return new Map(properties.map((entry) => [entry.name, entry]));
}

function stemOf(inside: string): string {
  return inside.slice(inside.lastIndexOf('/') + 1).replace(/\.[^.]+$/, '');
}

export function pathOf(inside: string): readonly string[] {
  return inside.split('/').slice(0, -1);
}

export function written(settings: ReadonlyMap<string, Setting>): Readonly<Record<string, YamlValue>> {
  return Object.fromEntries(Array.from(settings, ([key, { value }]) => [key, value]));
}

/** Template data as YAML data: integers beyond 2^53 become text. */
export function yamlOf(value: PlainValue): YamlValue {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return (value as readonly PlainValue[]).map(yamlOf);
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, yamlOf(inner)]));
  }
  return value;
}
