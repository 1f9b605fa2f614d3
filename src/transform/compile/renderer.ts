/** Renders templates and macros of one project: puts the names, the macros and the node's scope together. */
import { dialectOf } from '../sql/dialects/index.ts';
import type { Dialect } from '../sql/dialect.ts';
import type { YamlValue } from '../../config/yaml-source.ts';
import { BUILTIN_MACROS, BUILTIN_PACKAGE } from './builtin-macros.ts';
import { isMap, type Place } from './config-reader.ts';
import type { RenderEnvironment } from './context/environment.ts';
import { namesFor, type NameSources } from './context/names.ts';
import type { NodeScope } from './context/scope.ts';
import {
  callMacro,
  compileTemplate,
  createMacroRegistry,
  fail,
  hostFunction,
  toText,
  type CompiledTemplate,
  type MacroRegistry,
  type RenderContext,
  type Value,
} from './jinja/index.ts';
import { collect, type CompileProblems } from './problems-of.ts';
import type { ModelProjectConfig, ModelTarget } from './project-config.ts';
import type { SourceFile } from './source-files.ts';

export class Renderer {
  readonly dialect: Dialect;
  readonly target: ModelTarget;
  readonly environment: RenderEnvironment;
  readonly macros: MacroRegistry;
  readonly #sources: NameSources;

  constructor(project: ModelProjectConfig, target: ModelTarget, environment: RenderEnvironment, macros: MacroRegistry) {
    this.dialect = dialectOf(target.type);
    this.target = target;
    this.environment = environment;
    this.macros = macros;
    this.#sources = { projectName: project.name, target, dialect: this.dialect, environment, macros };
  }

  render(template: CompiledTemplate, scope: NodeScope): string {
    return template.render(this.#context(scope));
  }

  /** A text with `{{ … }}` from a YAML file: one single expression keeps its type. */
  evaluate(text: string, place: Place, scope: NodeScope): Value {
    return compileTemplate({ name: place.file, text }).evaluate(this.#context(scope));
  }

  macro(name: string, kwargs: ReadonlyMap<string, Value>, scope: NodeScope): Value {
    return callMacro(this.macros, name, this.#context(scope), { kwargs });
  }

  macroText(name: string, kwargs: ReadonlyMap<string, Value>, scope: NodeScope): string {
    return toText(this.macro(name, kwargs, scope)).trim();
  }

  #context(scope: NodeScope): RenderContext {
    return { names: namesFor(this.#sources, scope), macros: this.macros };
  }
}

export function readMacros(
  projectName: string,
  files: readonly SourceFile[],
  problems: CompileProblems,
): MacroRegistry {
  const registry = createMacroRegistry({ rootPackage: projectName, builtinPackages: [BUILTIN_PACKAGE] });
  for (const file of BUILTIN_MACROS)
    registry.add(BUILTIN_PACKAGE, compileTemplate({ name: file.file, text: file.text }));
  for (const file of files) {
    collect(problems, file.file, () => {
      const template = compileTemplate({ name: file.file, text: file.text });
      registry.add(projectName, template);
    });
  }
  return registry;
}

/** The scope of text in YAML files: variables, target and environment, no nodes. */
export function yamlScope(environment: RenderEnvironment): NodeScope {
  const noNode = (name: string) => (): never => fail(`${name}() has no meaning here`);
  return {
    node: null,
    execute: false,
    effects: null,
    map: (relation) => relation,
    ref: noNode('ref'),
    source: noNode('source'),
    config: noNode('config'),
    setting: () => undefined,
    self: undefined,
    isIncremental: false,
    changes: noChanges(environment),
    model: () => hostFunction(noNode('model'), 'model'),
  };
}

export function noChanges(environment: RenderEnvironment): NodeScope['changes'] {
  return { full: true, today: environment.today, window: null, newDaysFrom: null, keys: null, batchIds: [] };
}

/** Fills in `{{ … }}` everywhere in a YAML value. */
export function renderYaml(value: YamlValue, render: (text: string) => YamlValue): YamlValue {
  if (typeof value === 'string') return value.includes('{{') || value.includes('{%') ? render(value) : value;
  if (Array.isArray(value)) return (value as readonly YamlValue[]).map((item) => renderYaml(item, render));
  if (isMap(value))
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, renderYaml(inner, render)]));
  return value;
}
