/**
 * All macros of a project: files of many packages in one place, found by dbt's rules. A template or macro of package P sees,
 * first match first: P's own macros, the root project's, the packages by name (`dbt_utils.star`), the built-in ones.
 */
import { SluiceError } from '../../../core/errors.ts';
import { fail } from './fault.ts';
import { type HostObject, hostFunction } from './host.ts';
import { MacroValue } from './macro-value.ts';
import { nearestName } from './nearest-name.ts';
import type { MacroScope, MacroSource, RenderContext } from './render-state.ts';
import { bindArguments } from './routines.ts';
import { type CompiledTemplate, type MacroDeclaration, running } from './template.ts';
import { isCallable, type Kwargs, NO_KWARGS, ObjectValue, type Value } from './values.ts';

export interface RegisteredMacro {
  readonly packageName: string;
  readonly declaration: MacroDeclaration;
  readonly template: CompiledTemplate;
  /** Callable from every template; its body sees the names of the rendering that calls it. */
  readonly value: Value;
}

export interface MacroRegistryOptions {
  /** The project's own name. */
  readonly rootPackage: string;
  /** Packages whose macros everybody sees and everybody may replace; each of these names shows all of them. */
  readonly builtinPackages?: readonly string[];
}

/** dbt projects write `dbt.…` for the built-in macros. */
const BUILTIN_PACKAGES = ['sluice', 'dbt'];

export interface DispatchOptions {
  /** `['duckdb', 'default']`: prefixes of the names looked for, first match first. */
  readonly prefixes: readonly string[];
  /** Packages to look in, in this order; default: what `fromPackage` sees. */
  readonly packages?: readonly string[];
  readonly fromPackage?: string;
}

type PackageMacros = Map<string, RegisteredMacro>;

/** `dbt_utils`: the macros of one package as attributes. */
class PackageValue extends ObjectValue {
  readonly typeName = 'package of macros';
  readonly #packages: readonly PackageMacros[];

  constructor(packages: readonly PackageMacros[]) {
    super();
    this.#packages = packages;
  }

  override member(name: string): Value | undefined {
    for (const macros of this.#packages) {
      const found = macros.get(name);
      if (found !== undefined) return found.value;
    }
    return undefined;
  }

  override memberNames(): Iterable<string> {
    return this.#packages.flatMap((macros) => [...macros.keys()]);
  }
}

export class MacroRegistry implements MacroSource {
  readonly rootPackage: string;
  readonly #builtin: readonly string[];
  readonly #packages = new Map<string, PackageMacros>();
  /** What each package sees; made when first asked for, thrown away when a macro is added. */
  readonly #scopes = new Map<string, MacroScope>();

  constructor(options: MacroRegistryOptions) {
    this.rootPackage = options.rootPackage;
    this.#builtin = options.builtinPackages ?? BUILTIN_PACKAGES;
  }

  /** Adds all macros of a file. Throws `compile_error` when the package has one of that name already. */
  add(packageName: string, template: CompiledTemplate): void {
    let macros = this.#packages.get(packageName);
    if (macros === undefined) {
      macros = new Map();
      this.#packages.set(packageName, macros);
    }
    for (const declaration of template.macros) {
      const other = macros.get(declaration.name);
      if (other !== undefined) throw duplicate(packageName, declaration, template, other);
      const value = new MacroValue(declaration.code, { packageName });
      macros.set(declaration.name, { packageName, declaration, template, value });
    }
    this.#scopes.clear();
  }

  /** Every macro, in the order it was added. */
  *macros(): Generator<RegisteredMacro> {
    for (const macros of this.#packages.values()) yield* macros.values();
  }

  scope(packageName: string): MacroScope {
    let scope = this.#scopes.get(packageName);
    if (scope === undefined) {
      const names = this.#visible(packageName);
      scope = { find: (name) => names.get(name), names: () => names.keys() };
      this.#scopes.set(packageName, scope);
    }
    return scope;
  }

  #visible(packageName: string): ReadonlyMap<string, Value> {
    const names = new Map<string, Value>();
    const show = (macros: PackageMacros | undefined): void => {
      for (const [name, macro] of macros ?? []) names.set(name, macro.value);
    };
    for (const builtin of this.#builtin.toReversed()) show(this.#packages.get(builtin));
    for (const [name, macros] of this.#packages) names.set(name, new PackageValue([macros]));
    const builtins = this.#builtin.map((name) => this.#packages.get(name)).filter((macros) => macros !== undefined);
    for (const builtin of this.#builtin) names.set(builtin, new PackageValue(builtins));
    show(this.#packages.get(this.rootPackage));
    // A built-in macro calls the project's replacement of another one, not its own.
    if (!this.#builtin.includes(packageName)) show(this.#packages.get(packageName));
    return names;
  }

  /** A macro by `name` or `package.name`, as `fromPackage` (default: the root package) sees it. */
  find(name: string, fromPackage: string = this.rootPackage): Value | undefined {
    const [first = '', second, ...more] = name.split('.');
    const found = this.scope(fromPackage).find(first);
    if (second === undefined) return found !== undefined && isCallable(found) ? found : undefined;
    return found instanceof PackageValue && more.length === 0 ? found.member(second) : undefined;
  }

  /** The first of `<prefix>__<name>` that there is; undefined: none. */
  dispatch(name: string, options: DispatchOptions): Value | undefined {
    const places: readonly (string | undefined)[] = options.packages ?? [undefined];
    for (const place of places) {
      for (const prefix of options.prefixes) {
        const candidate = `${prefix}__${name}`;
        const found =
          place === undefined
            ? this.find(candidate, options.fromPackage)
            : (this.find(`${place}.${candidate}`) ?? this.#packages.get(place)?.get(candidate)?.value);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }
}

function duplicate(
  packageName: string,
  declaration: MacroDeclaration,
  template: CompiledTemplate,
  other: RegisteredMacro,
): SluiceError {
  const first = `${other.template.source.name}:${other.declaration.line}`;
  const second = `${template.source.name}:${declaration.line}`;
  return new SluiceError(
    'compile_error',
    `${second}: the macro '${declaration.name}' of ${packageName} stands in ${first} already`,
    {
      hint: 'Rename one of them, or take it out.',
      details: { file: template.source.name, line: declaration.line, macro: declaration.name },
    },
  );
}

export function createMacroRegistry(options: MacroRegistryOptions): MacroRegistry {
  return new MacroRegistry(options);
}

export interface DispatchFunctionOptions {
  /** `['duckdb', 'default']`. */
  readonly prefixes: readonly string[];
  /** project.yml's `dispatch:` — for a macro namespace, the packages to look in. */
  readonly searchOrder?: ReadonlyMap<string, readonly string[]>;
}

/** `adapter.dispatch(name, macro_namespace)` for the host's `adapter` object. */
export function dispatchFunction(registry: MacroRegistry, options: DispatchFunctionOptions): HostObject {
  const parameters = { names: ['macro_name', 'macro_namespace'], required: 1 };
  return hostFunction((args, kwargs, state) => {
    const bound = bindArguments('adapter.dispatch()', parameters, args, kwargs);
    const name = bound.text(0);
    const namespace = bound.some(1) === undefined ? undefined : bound.text(1);
    if (name.includes('.'))
      fail(`adapter.dispatch() takes '${name.slice(name.lastIndexOf('.') + 1)}' and the package as macro_namespace`);
    const { prefixes } = options;
    const found =
      namespace === undefined
        ? registry.dispatch(name, { prefixes, fromPackage: state.packageName })
        : registry.dispatch(name, {
            prefixes,
            packages: options.searchOrder?.get(namespace) ?? [registry.rootPackage, namespace],
          });
    const searched = prefixes.map((prefix) => `${prefix}__${name}`).join(', ');
    const where = namespace === undefined ? '' : ` of ${namespace}`;
    return found ?? fail(`adapter.dispatch() found no macro '${name}'${where}`, `It looked for ${searched}.`);
  }, 'adapter.dispatch');
}

export interface MacroCall {
  readonly args?: readonly Value[];
  readonly kwargs?: Kwargs;
}

/**
 * Calls a macro by name (`name` or `package.name`) from TypeScript: its `return()` value, else its text. `context.macros` is
 * the registry, `context.packageName` the package whose view of the names counts.
 */
export function callMacro(registry: MacroRegistry, name: string, context: RenderContext, call: MacroCall = {}): Value {
  const macro = registry.find(name, context.packageName);
  if (macro === undefined) {
    const names = Array.from(registry.macros(), (known) => known.declaration.name);
    const nearest = nearestName(name, names);
    throw new SluiceError(
      'compile_error',
      `there is no macro '${name}'`,
      nearest === undefined ? {} : { hint: `Did you mean '${nearest}'?` },
    );
  }
  return running({ ...context, macros: registry }, ({ state }) =>
    state.invoke(macro, call.args ?? [], call.kwargs ?? NO_KWARGS),
  );
}
