/**
 * Property files -> typed entries with the place of each. Mistakes are collected; what is sound is still given, so that mistakes of other
 * files and of the models themselves show in the same message.
 */
import type { YamlValue } from '../../config/yaml-source.ts';
import { show, type Problem } from '../../config/problems.ts';
import { positionIn, type CheckedYaml } from './checked-yaml.ts';
import { isMap, type Place } from './config-reader.ts';
import type { ColumnDoc } from './node.ts';
import type { SourceFile } from './source-files.ts';

export type YamlMap = Readonly<Record<string, YamlValue>>;

/** One entry under `data_tests` as the user wrote it. */
export interface TestEntry {
  /** Name of the macro without `test_`. */
  readonly macro: string;
  readonly args: YamlMap;
  readonly config: YamlMap;
  /** The user's own name for the test, null when it is derived. */
  readonly name: string | null;
  readonly description: string;
  readonly column: string | null;
  readonly place: Place;
}

export interface ColumnProperties extends ColumnDoc {
  readonly place: Place;
}

export interface NodeProperties {
  readonly name: string;
  readonly description: string;
  readonly config: YamlMap;
  readonly columns: readonly ColumnProperties[];
  readonly tests: readonly TestEntry[];
  readonly place: Place;
  readonly placeOf: (key: string) => Place;
}

export interface SourceProperties extends NodeProperties {
  readonly sourceName: string;
  readonly sourceDescription: string;
  readonly database: string | null;
  readonly schema: string;
  readonly identifier: string;
  readonly tags: readonly string[];
  readonly meta: YamlMap;
}

export interface Properties {
  readonly models: readonly NodeProperties[];
  readonly seeds: readonly NodeProperties[];
  readonly sources: readonly SourceProperties[];
  readonly macros: readonly NodeProperties[];
  readonly singularTests: readonly NodeProperties[];
}

export function readProperties(files: readonly SourceFile[], checked: CheckedYaml, problems: Problem[]): Properties {
  const all: { -readonly [K in keyof Properties]: Properties[K][number][] } = {
    models: [],
    seeds: [],
    sources: [],
    macros: [],
    singularTests: [],
  };
  for (const [index, value] of (checked.value as readonly YamlValue[]).entries()) {
    if (!isMap(value)) continue;
    const reader = new FileReader(files[index]?.file ?? '', index, value, checked, problems);
    all.models.push(...reader.entries('models'));
    all.seeds.push(...reader.entries('seeds'));
    all.macros.push(...reader.entries('macros'));
    all.singularTests.push(...reader.entries('data_tests'));
    all.sources.push(...reader.sources());
  }
  return all;
}

class FileReader {
  readonly #file: string;
  readonly #index: number;
  readonly #root: YamlMap;
  readonly #checked: CheckedYaml;
  readonly #problems: Problem[];

  constructor(file: string, index: number, root: YamlMap, checked: CheckedYaml, problems: Problem[]) {
    this.#file = file;
    this.#index = index;
    this.#root = root;
    this.#checked = checked;
    this.#problems = problems;
  }

  entries(key: string): NodeProperties[] {
    return listOf(this.#root[key]).map((entry, index) => this.#node(entry, `/${key}/${index}`));
  }

  sources(): SourceProperties[] {
    return listOf(this.#root['sources']).flatMap((source, index) => {
      const pointer = `/sources/${index}`;
      return listOf(source['tables']).map((table, at) => this.#sourceTable(source, table, `${pointer}/tables/${at}`));
    });
  }

  #sourceTable(source: YamlMap, table: YamlMap, pointer: string): SourceProperties {
    const node = this.#node(table, pointer);
    const sourceName = textOf(source['name']);
    return {
      ...node,
      sourceName,
      sourceDescription: textOf(source['description']),
      config: { ...mapOf(source['config']), ...node.config },
      database: typeof source['database'] === 'string' ? source['database'] : null,
      schema: typeof source['schema'] === 'string' ? source['schema'] : sourceName,
      identifier: typeof table['identifier'] === 'string' ? table['identifier'] : node.name,
      tags: [...textsOf(source['tags']), ...textsOf(table['tags'])],
      meta: { ...mapOf(source['meta']), ...mapOf(table['meta']) },
    };
  }

  #node(entry: YamlMap, pointer: string): NodeProperties {
    const columns = listOf(entry['columns']);
    const onColumns = columns.flatMap((column, index) =>
      this.#tests(column, `${pointer}/columns/${index}`, textOf(column['name'])),
    );
    const own = Object.fromEntries(
      ['tags', 'meta', 'docs'].flatMap((key) => (entry[key] === undefined ? [] : [[key, entry[key]]])),
    );
    return {
      name: textOf(entry['name']),
      description: textOf(entry['description']).trim(),
      config: { ...own, ...mapOf(entry['config']) },
      columns: columns.map((column, index) => ({
        ...columnOf(column),
        place: this.#place(`${pointer}/columns/${index}`),
      })),
      tests: [...this.#tests(entry, pointer, null), ...onColumns],
      place: this.#place(pointer),
      placeOf: (key) => this.#place(`${pointer}/config/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
    };
  }

  #tests(entry: YamlMap, pointer: string, column: string | null): TestEntry[] {
    return ['tests', 'data_tests'].flatMap((key) => {
      const list = Array.isArray(entry[key]) ? (entry[key] as readonly YamlValue[]) : [];
      return list.flatMap((item, index) => {
        const test = readTest(item, column, this.#place(`${pointer}/${key}/${index}`));
        if (typeof test !== 'string') return [test];
        this.#problems.push({ ...this.#place(`${pointer}/${key}/${index}`), path: key, message: test });
        return [];
      });
    });
  }

  #place(pointer: string): Place {
    return { file: this.#file, ...positionIn(this.#checked, `/${this.#index}${pointer}`) };
  }
}

/** Keys of a test entry that are settings, not arguments of its macro (dbt takes them at this level too). */
const TEST_SETTINGS = [
  'severity',
  'warn_if',
  'error_if',
  'where',
  'limit',
  'fail_calc',
  'store_failures',
  'enabled',
  'tags',
  'meta',
];

/** The entry, or what is wrong with it. */
function readTest(item: YamlValue, column: string | null, place: Place): TestEntry | string {
  if (typeof item === 'string') return entryOf(item, {}, {}, column, place);
  if (!isMap(item)) return `came ${show(item)}, expected the name of a test or a map`;
  if (typeof item['test_name'] === 'string') {
    const { test_name: macro, ...rest } = item;
    return entryOf(macro, rest, {}, column, place);
  }
  const [first, ...others] = Object.entries(item);
  if (first === undefined) return 'the map is empty, expected the name of a test';
  const [macro, body] = first;
  const besides = Object.fromEntries(others);
  const misplaced = others.filter(([key]) => !['name', 'description', 'config'].includes(key)).map(([key]) => key);
  if (misplaced.length > 0) {
    return `a test is one map entry, its arguments stand indented below it: "${macro}" came beside "${misplaced.join('", "')}"`;
  }
  if (body !== null && !isMap(body)) return `the arguments of "${macro}" came as ${show(body)}, expected a map`;
  return entryOf(macro, body ?? {}, besides, column, place);
}

function entryOf(macro: string, body: YamlMap, besides: YamlMap, column: string | null, place: Place): TestEntry {
  const { config, name, description, arguments: nested, column_name: columnName, ...rest } = { ...body, ...besides };
  const settings = Object.fromEntries(
    TEST_SETTINGS.flatMap((key) => (rest[key] === undefined ? [] : [[key, rest[key]]])),
  );
  const args = Object.fromEntries(Object.entries(rest).filter(([key]) => !TEST_SETTINGS.includes(key)));
  return {
    macro,
    args: { ...args, ...mapOf(nested) },
    config: { ...settings, ...mapOf(config) },
    name: typeof name === 'string' ? name : null,
    description: textOf(description),
    column: column ?? (typeof columnName === 'string' ? columnName : null),
    place,
  };
}

function columnOf(column: YamlMap): ColumnDoc {
  const config = mapOf(column['config']);
  return {
    name: textOf(column['name']),
    description: textOf(column['description']).trim(),
    policyTags: textsOf(column['policy_tags'] ?? config['policy_tags']),
    dataType: typeof column['data_type'] === 'string' ? column['data_type'] : null,
    tags: [...textsOf(column['tags']), ...textsOf(config['tags'])],
    meta: { ...mapOf(config['meta']), ...mapOf(column['meta']) },
  };
}

function listOf(value: YamlValue | undefined): readonly YamlMap[] {
  return Array.isArray(value) ? (value as readonly YamlMap[]) : [];
}

function mapOf(value: YamlValue | undefined): YamlMap {
  return isMap(value) ? value : {};
}

function textOf(value: YamlValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function textsOf(value: YamlValue | undefined): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}
