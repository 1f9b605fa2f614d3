/** What one rendering holds: names, output, steps, and where it is. */
import { getAttribute, getItem } from './attributes.ts';
import { type CallFrame, fail, RenderInterrupt, templateError } from './fault.ts';
import { GLOBALS, ReturnSignal } from './globals.ts';
import { RENDER_LIMITS, type RenderLimits } from './limits.ts';
import { didYouMean } from './nearest-name.ts';
import type { Site } from './source.ts';
import {
  type CallState,
  type Kwargs,
  NO_KWARGS,
  ObjectValue,
  described,
  UndefinedValue,
  type Value,
} from './values.ts';

/** The macros that a template of one package sees, packages by their name among them. */
export interface MacroScope {
  find(name: string): Value | undefined;
  names(): Iterable<string>;
}

/** Where macros come from; `registry.ts` has the one implementation. */
export interface MacroSource {
  readonly rootPackage: string;
  scope(packageName: string): MacroScope;
}

export interface RenderContext {
  /** `ref`, `source`, `config`, `var`, `this`, … by name. A macro of the same name wins, as in dbt. */
  readonly names: ReadonlyMap<string, Value>;
  readonly macros?: MacroSource;
  /** The package that the template belongs to; default: the macros' root package. */
  readonly packageName?: string;
  readonly limits?: Partial<RenderLimits>;
}

/** The names behind all scopes, as one package sees them. */
export class Root {
  readonly packageName: string;
  readonly #macros: MacroScope | undefined;
  readonly #names: ReadonlyMap<string, Value>;

  constructor(packageName: string, context: RenderContext) {
    this.packageName = packageName;
    this.#macros = context.macros?.scope(packageName);
    this.#names = context.names;
  }

  find(name: string): Value | undefined {
    const macro = this.#macros?.find(name);
    if (macro !== undefined) return macro;
    const given = this.#names.get(name);
    return given === undefined ? GLOBALS.get(name) : given;
  }

  names(): string[] {
    return [...(this.#macros?.names() ?? []), ...this.#names.keys(), ...GLOBALS.keys()];
  }
}

export class RenderState implements CallState {
  site: Site | undefined = undefined;
  /** The text of the body that runs now; macros and blocks that are caught have their own. */
  out = '';
  /** What `return()` gave, while the bodies up to the macro are left. */
  returned: Value = null;
  readonly frames: CallFrame[] = [];
  root: Root;
  #steps = 0;
  readonly #context: RenderContext;
  readonly #limits: RenderLimits;
  readonly #roots = new Map<string, Root>();

  constructor(context: RenderContext) {
    this.#context = context;
    this.#limits = context.limits === undefined ? RENDER_LIMITS : { ...RENDER_LIMITS, ...context.limits };
    this.root = this.rootOf(context.packageName ?? context.macros?.rootPackage ?? '');
  }

  get packageName(): string {
    return this.root.packageName;
  }

  rootOf(packageName: string): Root {
    let root = this.#roots.get(packageName);
    if (root === undefined) {
      root = new Root(packageName, this.#context);
      this.#roots.set(packageName, root);
    }
    return root;
  }

  step(count = 1): void {
    this.#steps += count;
    if (this.#steps <= this.#limits.maxSteps) return;
    fail(
      `the template takes more than ${this.#limits.maxSteps.toLocaleString('en')} steps`,
      'Look for a loop that does not end.',
    );
  }

  write(text: string): void {
    this.out += text;
    if (this.out.length <= this.#limits.maxTextChars) return;
    fail(
      `the text has more than ${this.#limits.maxTextChars.toLocaleString('en')} characters`,
      'Look for a loop that writes too much.',
    );
  }

  enter(frame: CallFrame): void {
    this.frames.push(frame);
    if (this.frames.length <= this.#limits.maxDepth) return;
    fail(
      `macros call each other more than ${this.#limits.maxDepth} deep`,
      'Look for a macro that calls itself without an end.',
    );
  }

  /** Runs something and gives what it wrote. */
  capture(run: () => void): string {
    const outer = this.out;
    this.out = '';
    run();
    const text = this.out;
    this.out = outer;
    return text;
  }

  invoke(callee: Value, args: readonly Value[], kwargs: Kwargs): Value {
    this.step();
    if (callee instanceof ObjectValue) return callee.call(args, kwargs, this);
    if (callee instanceof UndefinedValue) callee.raise();
    return fail(`${described(callee)} cannot be called`);
  }

  attribute(target: Value, name: string): Value {
    return getAttribute(target, name);
  }

  item(target: Value, key: Value): Value {
    return getItem(target, key);
  }

  lookup(name: string): Value | undefined {
    return this.root.find(name);
  }

  /** For the host: an error gets its place here, because the host may catch it and go on. */
  call(callable: Value, args: readonly Value[] = [], kwargs: Kwargs = NO_KWARGS): Value {
    const { site, out, root } = this;
    const depth = this.frames.length;
    try {
      return this.invoke(callable, args, kwargs);
    } catch (error) {
      const passes = error instanceof ReturnSignal || error instanceof RenderInterrupt;
      const placed = passes ? error : templateError(error, this.site, this.frames);
      this.frames.length = depth;
      Object.assign(this, { site, out, root });
      throw placed;
    }
  }
}

/** Names set by a template, a loop round, a macro call or a block; what is not here is looked for further out. */
export class Scope {
  readonly state: RenderState;
  readonly root: Root;
  readonly #parent: Scope | undefined;
  #names: Map<string, Value> | undefined;

  constructor(state: RenderState, root: Root, parent?: Scope) {
    this.state = state;
    this.root = root;
    this.#parent = parent;
  }

  inner(): Scope {
    return new Scope(this.state, this.root, this);
  }

  set(name: string, value: Value): void {
    this.#names ??= new Map();
    this.#names.set(name, value);
  }

  find(name: string): Value | undefined {
    const own = this.#names?.get(name);
    if (own !== undefined) return own;
    return this.#parent === undefined ? this.root.find(name) : this.#parent.find(name);
  }

  get(name: string, site: Site): Value {
    const value = this.find(name);
    return value === undefined ? this.#missing(name, site) : value;
  }

  #missing(name: string, site: Site): UndefinedValue {
    const missing = new UndefinedValue(`'${name}' is undefined`, () => this.#hint(name));
    missing.site = site;
    return missing;
  }

  #hint(name: string): string | undefined {
    if (name === 'null') return 'Jinja writes none.';
    if (name === 'loop') return 'There is a loop inside of {% for %} only.';
    return didYouMean(name, this.#visibleNames());
  }

  #visibleNames(): string[] {
    const outer = this.#parent === undefined ? this.root.names() : this.#parent.#visibleNames();
    return [...(this.#names?.keys() ?? []), ...outer];
  }
}
