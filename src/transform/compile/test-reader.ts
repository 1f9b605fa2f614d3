/** Data tests: generic ones from YAML entries, singular ones from files. */
import { didYouMean } from '../../config/suggest.ts';
import type { YamlValue } from '../../config/yaml-source.ts';
import { Capture, type Captured } from './capture.ts';
import { ConfigReader, mergeSettings, type Place, type SettingLayer } from './config-reader.ts';
import { RelationValue } from './context/relation-value.ts';
import { compileTemplate, type Value } from './jinja/index.ts';
import { testConfig } from './node-config.ts';
import type { RelationNode, TestNode } from './node.ts';
import { collect, type CompileProblems } from './problems-of.ts';
import type { ModelProjectConfig } from './project-config.ts';
import { pathOf, written, yamlOf, type ProjectReader, type Unlinked } from './project-reader.ts';
import type { NodeProperties, TestEntry } from './properties.ts';
import type { Renderer } from './renderer.ts';
import type { SourceFile } from './source-files.ts';
import { testArguments } from './test-arguments.ts';
import { testHash, testNames } from './test-name.ts';

export class TestReader {
  readonly #config: ModelProjectConfig;
  readonly #renderer: Renderer;
  readonly #reader: ProjectReader;
  readonly #problems: CompileProblems;
  readonly #known: readonly string[];

  constructor(config: ModelProjectConfig, renderer: Renderer, reader: ProjectReader, problems: CompileProblems) {
    this.#config = config;
    this.#renderer = renderer;
    this.#reader = reader;
    this.#problems = problems;
    this.#known = Array.from(renderer.macros.macros())
      .filter(({ declaration }) => declaration.kind === 'test')
      .map(({ declaration }) => declaration.name.replace(/^test_/, ''));
  }

  generic(subject: RelationNode, entries: readonly TestEntry[]): Unlinked<TestNode>[] {
    const seen = new Map<string, TestEntry>();
    return entries.flatMap((entry) => {
      const found = collect(this.#problems, entry.place.file, () => this.#generic(subject, entry));
      if (found === undefined) return [];
      const other = seen.get(found.node.id);
      if (other !== undefined) {
        const place = `${other.place.file}:${String(other.place.line)}`;
        this.#problem(
          entry.place,
          `the test "${found.node.name}" stands in ${place} already; give one of them a "name"`,
        );
        return [];
      }
      seen.set(found.node.id, entry);
      return [found];
    });
  }

  singular(files: readonly SourceFile[], properties: readonly NodeProperties[]): Unlinked<TestNode>[] {
    const described = new Map(properties.map((entry) => [entry.name, entry]));
    const seen = new Map<string, string>();
    const tests = files.flatMap((file) => {
      const name = file.inside.slice(file.inside.lastIndexOf('/') + 1).replace(/\.sql$/i, '');
      const other = seen.get(name);
      seen.set(name, file.file);
      if (other !== undefined) {
        this.#problem({ file: file.file }, `a test named "${name}" is in ${other} already`);
        return [];
      }
      return collect(this.#problems, file.file, () => this.#singular(file, name, described.get(name))) ?? [];
    });
    for (const { name, place } of described.values()) {
      if (!seen.has(name))
        this.#problem(place, `describes the test "${name}", which does not exist${didYouMean(name, seen.keys())}`);
    }
    return tests;
  }

  #generic(subject: RelationNode, entry: TestEntry): Unlinked<TestNode> | undefined {
    const macro = entry.macro;
    if (!this.#known.includes(macro.slice(macro.lastIndexOf('.') + 1))) {
      this.#problem(entry.place, `there is no test "${macro}"${didYouMean(macro, this.#known)}`);
      return undefined;
    }
    const args: Readonly<Record<string, YamlValue>> = {
      ...entry.args,
      ...(entry.column === null ? {} : { column_name: entry.column }),
    };
    const subjectName = subject.kind === 'source' ? `${subject.sourceName}_${subject.name}` : subject.name;
    const names = testNames(subject.kind === 'source' ? `source_${macro}` : macro, subjectName, args);
    const name = entry.name ?? names.name;
    const id = `test.${this.#config.name}.${name}.${testHash([macro, subject.id, args, entry.name])}`;
    const layers = this.#reader.settings(this.#config.dataTests, '', {
      config: entry.config,
      place: entry.place,
      placeOf: () => entry.place,
    });
    const capture = new Capture(this.#renderer, { id, name, settings: mergeSettings(layers), self: null });
    const scope = capture.scope();
    const model: Value = new RelationValue(subject.relation, this.#renderer.dialect);
    this.#renderer.macro(macroName(macro), testArguments(this.#renderer, entry.place.file, args, model, scope), scope);
    const captured = capture.result();
    // What the macro itself configures is its default; YAML wins.
    const inMacro: SettingLayer = { place: entry.place, values: yamlOf(captured.config) as SettingLayer['values'] };
    const settings = mergeSettings([inMacro, ...layers]);
    const reader = new ConfigReader(settings, `test ${name}`, entry.place, this.#problems.list);
    const node: TestNode = {
      kind: 'test',
      id,
      name,
      file: entry.place.file,
      fqn: [this.#config.name, ...subject.fqn.slice(1, -1), name],
      description: entry.description,
      dependsOn: [],
      config: testConfig(reader, written(settings)),
      test: { type: 'generic', macro, subject: subject.id, column: entry.column, args },
    };
    return { node, captured };
  }

  #singular(file: SourceFile, name: string, patch: NodeProperties | undefined): Unlinked<TestNode> {
    const id = `test.${this.#config.name}.${name}`;
    const template = compileTemplate({ name: file.file, text: file.text });
    const layers = this.#reader.settings(this.#config.dataTests, file.inside, patch);
    const outside = mergeSettings(layers);
    const captured: Captured = new Capture(this.#renderer, { id, name, settings: outside, self: null })
      .template(template)
      .result();
    const place: Place = { file: file.file, line: captured.configLine ?? 1 };
    const settings = mergeSettings([...layers, { place, values: yamlOf(captured.config) as SettingLayer['values'] }]);
    const reader = new ConfigReader(settings, `test ${name}`, place, this.#problems.list);
    const node: TestNode = {
      kind: 'test',
      id,
      name,
      file: file.file,
      fqn: [this.#config.name, ...pathOf(file.inside), name],
      description: patch?.description ?? '',
      dependsOn: [],
      config: testConfig(reader, written(settings)),
      test: { type: 'singular', template, rawCode: file.text },
    };
    return { node, captured };
  }

  #problem(place: Place, message: string): void {
    this.#problems.add({ ...place, path: '', message });
  }
}

/** `dbt_utils.unique_combination` -> `dbt_utils.test_unique_combination`. */
export function macroName(test: string): string {
  const dot = test.lastIndexOf('.') + 1;
  return `${test.slice(0, dot)}test_${test.slice(dot)}`;
}
