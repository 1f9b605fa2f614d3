/** Node selection with dbt's methods and operators. Pure: ids out of a project's nodes and graph. */
import { SluiceError } from '../../core/errors.ts';
import { didYouMean } from '../../config/suggest.ts';
import type { YamlValue } from '../../config/yaml-source.ts';
import type { Graph } from './graph.ts';
import { isRelationNode, tagsOf, type Node, type TestNode } from './node.ts';
import { parseSelector, wildcard, type Criterion, type Selector } from './selector.ts';
import { isMap, textOfValue } from './config-reader.ts';

export interface SelectionRequest {
  /** Empty: everything. */
  readonly select?: readonly string[];
  readonly exclude?: readonly string[];
  readonly resourceTypes?: readonly Node['kind'][];
}

export interface Selection {
  readonly ids: ReadonlySet<string>;
  /** Criteria that matched nothing, as written. */
  readonly unmatched: readonly string[];
}

export interface Selectable {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly graph: Graph;
}

/**
 * Tests come with the nodes they look at (dbt's eager indirect selection): a test is in when any of its parents is, and out when any
 * of them is excluded. Throws `selection_empty` when criteria were given and nothing matches.
 */
export function selectNodes(project: Selectable, request: SelectionRequest): Selection {
  const unmatched: string[] = [];
  const evaluate = (texts: readonly string[]): Set<string> =>
    evaluateSelector(project, parseSelector(texts), unmatched);
  const given = (request.select ?? []).some((text) => text.trim() !== '');
  const chosen = given ? withTests(project, evaluate(request.select ?? [])) : new Set(project.nodes.keys());
  const missed = [...unmatched];
  const excluded = withTests(project, evaluate(request.exclude ?? []));
  const kinds = request.resourceTypes;
  const ids = [...chosen].filter((id) => {
    const node = project.nodes.get(id);
    return node !== undefined && !excluded.has(id) && (kinds === undefined || kinds.includes(node.kind));
  });
  if (ids.length === 0 && given) throw emptySelection(project, request, missed);
  return { ids: new Set(ids), unmatched };
}

function emptySelection(project: Selectable, request: SelectionRequest, missed: readonly string[]): SluiceError {
  const names = [...project.nodes.values()].filter(isRelationNode).map((node) => node.name);
  const word = missed[0]?.replaceAll(/^[@\d+]+|[\d+]+$/g, '') ?? '';
  const exclude = (request.exclude ?? []).length === 0 ? '' : ` without ${(request.exclude ?? []).join(' ')}`;
  return new SluiceError(
    'selection_empty',
    `the selection ${(request.select ?? []).join(' ')}${exclude} matches nothing${didYouMean(word, names)}`,
    { hint: 'List what can be selected with: sluice ls' },
  );
}

function withTests(project: Selectable, ids: Set<string>): Set<string> {
  const all = new Set(ids);
  for (const node of project.nodes.values()) {
    if (node.kind === 'test' && node.dependsOn.some((parent) => ids.has(parent))) all.add(node.id);
  }
  return all;
}

function evaluateSelector(project: Selectable, selector: Selector, unmatched: string[]): Set<string> {
  const union = new Set<string>();
  for (const criteria of selector) {
    const sets = criteria.map((criterion) => evaluateCriterion(project, criterion, unmatched));
    const [first, ...rest] = sets;
    for (const id of first ?? []) if (rest.every((set) => set.has(id))) union.add(id);
  }
  return union;
}

function evaluateCriterion({ nodes, graph }: Selectable, criterion: Criterion, unmatched: string[]): Set<string> {
  const matches = matcherOf(criterion);
  const found = [...nodes.values()].filter(matches).map((node) => node.id);
  if (found.length === 0) unmatched.push(criterion.text);
  const result = new Set(found);
  const add = (ids: Iterable<string>): void => {
    for (const id of ids) result.add(id);
  };
  if (criterion.childrensParents) {
    const family = graph.descendants(found);
    add(family);
    add(graph.ancestors([...found, ...family]));
  }
  if (criterion.parents > 0) add(graph.ancestors(found, criterion.parents));
  if (criterion.children > 0) add(graph.descendants(found, criterion.children));
  return result;
}

const METHODS = [
  'fqn',
  'tag',
  'path',
  'file',
  'source',
  'config',
  'resource_type',
  'test_type',
  'test_name',
  'package',
];

function matcherOf({ method, value, text }: Criterion): (node: Node) => boolean {
  const [name = '', ...keys] = method.split('.');
  const matches = wildcard(value);
  switch (name) {
    case 'fqn':
      return (node) => matchesFqn(node, value);
    case 'tag':
      return (node) => tagsOf(node).some(matches);
    case 'path':
      return (node) => matchesPath(node.file, value);
    case 'file':
      return (node) => matches(node.file.slice(node.file.lastIndexOf('/') + 1));
    case 'source':
      return (node) => node.kind === 'source' && matchesSource(node.fqn[0] ?? '', node.sourceName, node.name, value);
    case 'config':
      return (node) => valuesAt(settingsOf(node), keys).some((found) => matches(textOfValue(found)));
    case 'resource_type':
      return (node) => matches(node.kind);
    case 'package':
      return (node) => matches(node.fqn[0] ?? '');
    case 'test_type':
      return (node) => node.kind === 'test' && matchesTestType(node, value);
    case 'test_name':
      return (node) => node.kind === 'test' && node.test.type === 'generic' && matches(node.test.macro);
    default:
      throw new SluiceError(
        'usage',
        `the selector "${text}" uses an unknown method "${name}"${didYouMean(name, METHODS)}`,
        {
          hint: `Known methods: ${METHODS.join(', ')}`,
        },
      );
  }
}

/** The name alone, or leading parts of the path (with or without the project's name), each with wildcards. */
function matchesFqn(node: Node, value: string): boolean {
  if (node.kind === 'source') return false;
  if (wildcard(value)(node.name)) return true;
  const wanted = value.split('.');
  return matchesLeading(node.fqn, wanted) || matchesLeading(node.fqn.slice(1), wanted);
}

function matchesLeading(fqn: readonly string[], wanted: readonly string[]): boolean {
  if (wanted.length > fqn.length) return false;
  return wanted.every((part, index) => wildcard(part)(fqn[index] ?? ''));
}

function matchesPath(file: string, value: string): boolean {
  const path = value.replace(/^\.\//, '').replace(/\/+$/, '');
  return file === path || file.startsWith(`${path}/`) || wildcard(path)(file);
}

function matchesSource(project: string, source: string, table: string, value: string): boolean {
  const parts = value.split('.');
  const full = parts.length === 3 ? [project, source, table] : parts.length === 2 ? [source, table] : [source];
  return parts.length === full.length && parts.every((part, index) => wildcard(part)(full[index] ?? ''));
}

function matchesTestType(node: TestNode, value: string): boolean {
  return value === 'data' || value === node.test.type;
}

function settingsOf(node: Node): YamlValue {
  if (node.kind === 'source') return { tags: node.tags, meta: node.meta };
  const { enabled, tags, meta } = node.config;
  if (node.kind !== 'model') return { ...node.config.written, enabled, tags, meta };
  const { materialized, strategy, build } = node.config;
  const defaults = {
    on_schema_change: build.onSchemaChange,
    ...(strategy === null ? {} : { incremental_strategy: strategy }),
  };
  return { ...defaults, ...node.config.written, enabled, tags, meta, materialized };
}

/** Values under a dotted key; of a list its items, of a map its keys. */
function valuesAt(value: YamlValue, keys: readonly string[]): readonly YamlValue[] {
  const [key, ...rest] = keys;
  if (key !== undefined) return isMap(value) && Object.hasOwn(value, key) ? valuesAt(value[key] ?? null, rest) : [];
  if (Array.isArray(value)) return value as readonly YamlValue[];
  return isMap(value) ? Object.keys(value) : [value];
}
