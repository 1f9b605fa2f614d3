/** project.yml -> a frozen, typed configuration, or all its mistakes at once. */
import { SluiceError } from '../core/errors.ts';
import type { JobLimits } from '../core/job.ts';
import { evaluateText, hasExpression, parseExpression, type Env } from './expression.ts';
import { hasLiteralSecret } from './known-secrets.ts';
import { coerce } from './leaf.ts';
import { problemsError, show, type Problem } from './problems.ts';
import { PROJECT_FILE, readProjectFile } from './project-files.ts';
import type { CheckedYaml, YamlCache } from './yaml-cache.ts';
import { LIMIT_KEYS, PROJECT_SCHEMA } from './project-schema.ts';
import { didYouMean } from './suggest.ts';
import type { Position, YamlSource, YamlValue } from './yaml-source.ts';

export interface ConfigTree {
  /** `+key` values of this level, without the plus. */
  readonly config: Readonly<Record<string, YamlValue>>;
  readonly folders: Readonly<Record<string, ConfigTree>>;
}

/** A target as written: sections of unevaluated values. `resolveTarget` (target.ts) gives the typed form. */
export type RawTarget = Readonly<Record<string, Readonly<Record<string, YamlValue>>>>;

export interface ProjectConfig {
  readonly dir: string;
  readonly name: string;
  readonly version: string;
  /** IANA name; local days are days of this zone. */
  readonly timezone: string;
  /** The default target as written; may hold an expression. */
  readonly defaultTarget: string;
  readonly targets: Readonly<Record<string, RawTarget>>;
  readonly modelPaths: readonly string[];
  readonly macroPaths: readonly string[];
  readonly seedPaths: readonly string[];
  readonly testPaths: readonly string[];
  readonly jobPaths: readonly string[];
  readonly targetPath: string;
  /** Values as written; `renderVars` fills in the environment. */
  readonly vars: Readonly<Record<string, YamlValue>>;
  readonly models: ConfigTree;
  readonly seeds: ConfigTree;
  readonly dataTests: ConfigTree;
  /** What the project sets for all its jobs; a job's own limits win. */
  readonly limits: Partial<JobLimits>;
  /** Where a value stands, by JSON pointer. */
  readonly positions: ReadonlyMap<string, Position>;
}

/** `cache` remembers the text that was found good (yaml-cache.ts); left out: nothing does. */
export async function loadProject(dir: string, cache?: YamlCache): Promise<ProjectConfig> {
  const text = readProjectFile(dir);
  const cached = cache?.read(text);
  if (cached !== undefined) return shape(dir, cached);
  const { config, source } = await check(dir, text);
  if (!hasLiteralSecret(config.targets)) cache?.write(text, source);
  return config;
}

/** The pure part: text in, configuration out. */
export async function parseProject(dir: string, text: string): Promise<ProjectConfig> {
  return (await check(dir, text)).config;
}

/** The YAML parser and ajv are loaded here and nowhere else. */
async function check(
  dir: string,
  text: string,
): Promise<{ readonly config: ProjectConfig; readonly source: YamlSource }> {
  const { parseYaml } = await import('./yaml-source.ts');
  const source = parseYaml(PROJECT_FILE, text);
  const problems = source.problems.length > 0 ? source.problems : await structureProblems(source);
  if (problems.length > 0) throw problemsError('config_invalid', sorted(problems));
  const config = shape(dir, source);
  const semantic = semanticProblems(config);
  if (semantic.length > 0) throw problemsError('config_invalid', semantic);
  return { config, source };
}

async function structureProblems(source: YamlSource): Promise<readonly Problem[]> {
  if (source.value === null)
    return [{ file: source.file, path: '', message: 'the file is empty, expected a map with "name" and "targets"' }];
  const { checkSchema } = await import('./schema-check.ts');
  return [...checkSchema(source, PROJECT_SCHEMA), ...treeProblems(source)];
}

function sorted(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

type YamlMap = Readonly<Record<string, YamlValue>>;

function shape(dir: string, source: CheckedYaml): ProjectConfig {
  const root = source.value as YamlMap;
  const list = (key: string, fallback: readonly string[]): readonly string[] =>
    (root[key] as readonly string[] | undefined) ?? fallback;
  const name = root['name'] as string;
  return deepFreeze({
    dir,
    name,
    version: String((root['version'] as string | number | undefined) ?? '0'),
    timezone: (root['timezone'] as string | undefined) ?? 'UTC',
    defaultTarget: (root['target'] as string | undefined) ?? Object.keys(root['targets'] as YamlMap)[0] ?? '',
    targets: root['targets'] as Readonly<Record<string, RawTarget>>,
    modelPaths: list('model-paths', ['models']),
    macroPaths: list('macro-paths', ['macros']),
    seedPaths: list('seed-paths', ['seeds']),
    testPaths: list('test-paths', ['tests/data']),
    jobPaths: list('job-paths', ['jobs']),
    targetPath: (root['target-path'] as string | undefined) ?? 'target',
    vars: (root['vars'] as YamlMap | undefined) ?? {},
    models: configTree(root['models'], name),
    seeds: configTree(root['seeds'], name),
    dataTests: configTree(root['data_tests'], name),
    limits: projectLimits(root),
    positions: source.positions,
  });
}

/** dbt writes the project's name as the first folder of the tree; its level and the root count as one. */
function configTree(value: YamlValue | undefined, project: string): ConfigTree {
  const tree = treeOf(value);
  const own = tree.folders[project];
  if (own === undefined) return tree;
  const { [project]: _, ...folders } = tree.folders;
  return { config: { ...tree.config, ...own.config }, folders: { ...folders, ...own.folders } };
}

function treeOf(value: YamlValue | undefined): ConfigTree {
  const config: Record<string, YamlValue> = {};
  const folders: Record<string, ConfigTree> = {};
  for (const [key, inner] of Object.entries((value ?? {}) as YamlMap)) {
    if (key.startsWith('+')) config[key.slice(1)] = inner;
    else folders[key] = treeOf(inner);
  }
  return { config, folders };
}

function treeProblems(source: YamlSource): readonly Problem[] {
  const problems: Problem[] = [];
  const visit = (value: YamlValue, pointer: string, path: string): void => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key.startsWith('+')) continue;
      const child = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      if (inner === null || (typeof inner === 'object' && !Array.isArray(inner))) visit(inner, child, `${path}.${key}`);
      else
        problems.push({
          file: source.file,
          ...source.positions.get(child),
          path,
          message: `"${key}" came with ${show(inner)}: a folder takes a map, a setting is written "+${key}"`,
        });
    }
  };
  for (const key of ['models', 'seeds', 'data_tests']) visit((source.value as YamlMap)[key] ?? null, `/${key}`, key);
  return problems;
}

function projectLimits(root: YamlMap): Partial<JobLimits> {
  const limits: Partial<Record<keyof JobLimits, number>> = {};
  for (const [key, name] of Object.entries(LIMIT_KEYS)) {
    const value = coerce({ leaf: key.endsWith('_ratio') ? 'ratio' : 'integer' }, root[key]);
    if (typeof value === 'number') limits[name] = value;
  }
  return limits;
}

function semanticProblems(config: ProjectConfig): readonly Problem[] {
  const problems: Problem[] = [];
  const report = (pointer: string, path: string, message: string): void => {
    problems.push({ file: PROJECT_FILE, ...config.positions.get(pointer), path, message });
  };
  if (!hasExpression(config.defaultTarget) && config.targets[config.defaultTarget] === undefined) {
    const known = Object.keys(config.targets);
    report(
      '/target',
      'target',
      `came "${config.defaultTarget}", expected one of ${known.join(', ')}${didYouMean(config.defaultTarget, known)}`,
    );
  }
  for (const key of ['timezone', ...Object.keys(LIMIT_KEYS)]) {
    // Days and limits decide what the tables hold, so they are part of the project and not of whoever runs it.
    const value = key === 'timezone' ? config.timezone : '';
    if (hasExpression(value))
      report(`/${key}`, key, 'takes no {{ … }}: the same project must give the same days everywhere');
  }
  for (const [name, value] of Object.entries(config.vars)) {
    const error = expressionError(value);
    if (error !== undefined) report(`/vars/${name}`, `vars.${name}`, error);
  }
  return problems;
}

function expressionError(value: YamlValue): string | undefined {
  if (typeof value === 'string') {
    const parsed = hasExpression(value) ? parseExpression(value) : [];
    return 'error' in parsed ? parsed.error : undefined;
  }
  if (value === null || typeof value !== 'object') return undefined;
  return Object.values(value)
    .map((inner: YamlValue) => expressionError(inner))
    .find((error) => error !== undefined);
}

/** The project's vars with the environment filled in; `--vars` are laid over them by the caller. */
export function renderVars(config: ProjectConfig, env: Env): Readonly<Record<string, YamlValue>> {
  const render = (value: YamlValue, where: string): YamlValue => {
    if (typeof value === 'string') return evaluateText(value, env, where);
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map((inner: YamlValue, index) => render(inner, `${where}[${index}]`));
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, render(inner, `${where}.${key}`)]));
  };
  return Object.fromEntries(
    Object.entries(config.vars).map(([name, value]) => [name, render(value, `${PROJECT_FILE}: vars.${name}`)]),
  );
}

/** The name of the target to use: the flag, else the project's default. */
export function targetName(config: ProjectConfig, flag: string | undefined, env: Env): string {
  const name = flag ?? evaluateText(config.defaultTarget, env, `${PROJECT_FILE}: target`);
  if (Object.hasOwn(config.targets, name)) return name;
  const known = Object.keys(config.targets);
  throw new SluiceError('target_unknown', `there is no target "${name}" in ${PROJECT_FILE}${didYouMean(name, known)}`, {
    hint: `Known targets: ${known.join(', ')}`,
  });
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value) && !(value instanceof Map)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
