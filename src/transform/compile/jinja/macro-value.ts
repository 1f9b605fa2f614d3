/** Macros, tests, materializations and the bodies of call blocks as values that can be called. */
import type { MacroKind } from './ast.ts';
import { DictValue } from './dict.ts';
import { fail } from './fault.ts';
import { ReturnSignal } from './globals.ts';
import { didYouMean } from './nearest-name.ts';
import { RenderState, Scope } from './render-state.ts';
import type { Site } from './source.ts';
import { type CallState, type Kwargs, ObjectValue, orElse, TupleValue, UndefinedValue, type Value } from './values.ts';

/** How a body ended: it ran to its end, or a tag left it. */
export const NEXT = 0;
export const BREAK = 1;
export const CONTINUE = 2;
export const RETURN = 3;
export type Control = typeof NEXT | typeof BREAK | typeof CONTINUE | typeof RETURN;

export type Evaluate = (scope: Scope) => Value;
export type Execute = (scope: Scope) => Control;

export interface MacroParameter {
  readonly name: string;
  readonly default: Evaluate | undefined;
}

/** A compiled macro; one for all renderings. */
export interface MacroCode {
  readonly name: string;
  readonly kind: MacroKind | 'caller';
  readonly parameters: readonly MacroParameter[];
  readonly body: Execute;
  readonly site: Site;
  /** Jinja: a macro takes a caller, more arguments or more keywords only when its body names them. */
  readonly usesCaller: boolean;
  readonly usesVarargs: boolean;
  readonly usesKwargs: boolean;
}

export class MacroValue extends ObjectValue {
  readonly typeName = 'macro';
  readonly code: MacroCode;
  /** The package whose macros and names the body sees; undefined: those of the scope around it. */
  readonly packageName: string | undefined;
  readonly #scope: Scope | undefined;

  constructor(code: MacroCode, where: { readonly scope: Scope } | { readonly packageName: string }) {
    super();
    this.code = code;
    this.#scope = 'scope' in where ? where.scope : undefined;
    this.packageName = 'packageName' in where ? where.packageName : undefined;
  }

  override get callable(): boolean {
    return true;
  }

  override member(name: string): Value | undefined {
    if (name === 'name') return this.code.name;
    if (name === 'arguments') return new TupleValue(this.code.parameters.map((parameter) => parameter.name));
    return undefined;
  }

  override memberNames(): Iterable<string> {
    return ['name', 'arguments'];
  }

  override call(args: readonly Value[], kwargs: Kwargs, state: CallState): Value {
    if (!(state instanceof RenderState)) return fail('a macro can be called by a rendering only');
    const outer = { out: state.out, root: state.root, site: state.site, depth: state.frames.length };
    state.enter({ macro: this.#label(), site: state.site });
    state.root = this.#scope?.root ?? state.rootOf(this.packageName ?? state.packageName);
    state.out = '';
    const value = this.#run(args, kwargs, state);
    state.frames.length = outer.depth;
    state.out = outer.out;
    state.root = outer.root;
    state.site = outer.site;
    return value;
  }

  #label(): string {
    const { kind, name, site } = this.code;
    const what =
      kind === 'caller'
        ? 'the body of {% call %}'
        : `${kind === 'materialization' ? 'materialization' : 'macro'} ${name}`;
    return `${what} (${site.source.name}:${site.line})`;
  }

  #run(args: readonly Value[], kwargs: Kwargs, state: RenderState): Value {
    const scope = this.#scope?.inner() ?? new Scope(state, state.root);
    this.#bind(scope, args, kwargs);
    let control: Control;
    try {
      control = this.code.body(scope);
    } catch (error) {
      if (!(error instanceof ReturnSignal) || this.code.kind === 'caller') throw error;
      return error.value;
    }
    if (control !== RETURN) return state.out;
    // A return() in the body of a call block leaves the macro that ran the body, as dbt's does.
    if (this.code.kind === 'caller') throw new ReturnSignal(state.returned);
    return state.returned;
  }

  #bind(scope: Scope, args: readonly Value[], kwargs: Kwargs): void {
    const { code } = this;
    const { parameters } = code;
    let taken = 0;
    parameters.forEach((parameter, place) => {
      const positional = args[place];
      if (positional !== undefined) {
        scope.set(parameter.name, positional);
        return;
      }
      const named = kwargs.get(parameter.name);
      if (named !== undefined) taken += 1;
      const value = named === undefined ? parameter.default?.(scope) : named;
      scope.set(parameter.name, value === undefined ? notProvided(parameter.name, code) : value);
    });
    taken += this.#bindCaller(scope, kwargs);
    if (code.usesKwargs) this.#bindKwargs(scope, kwargs, args.length);
    else if (kwargs.size > taken) this.#unknownKeyword(kwargs, args.length);
    if (code.usesVarargs) scope.set('varargs', new TupleValue(args.slice(parameters.length)));
    else if (args.length > parameters.length) {
      fail(
        `${code.name}() takes at most ${parameters.length} argument${parameters.length === 1 ? '' : 's'}, but got ${args.length}`,
      );
    }
  }

  /** Answers how many keyword arguments it took. */
  #bindCaller(scope: Scope, kwargs: Kwargs): number {
    if (!this.code.usesCaller || this.#parameterPlace('caller') !== -1) return 0;
    const caller = kwargs.get('caller');
    const missing = (): Value => new UndefinedValue('there is no caller', () => 'Use the macro with {% call %}.');
    scope.set('caller', orElse(caller === null ? undefined : caller, missing));
    return caller === undefined ? 0 : 1;
  }

  #parameterPlace(name: string): number {
    return this.code.parameters.findIndex((parameter) => parameter.name === name);
  }

  #bindKwargs(scope: Scope, kwargs: Kwargs, positional: number): void {
    const rest = new DictValue();
    for (const [name, value] of kwargs) {
      const place = this.#parameterPlace(name);
      const taken = (place !== -1 && place >= positional) || (name === 'caller' && this.code.usesCaller);
      if (!taken) rest.set(name, value);
    }
    scope.set('kwargs', rest);
  }

  #unknownKeyword(kwargs: Kwargs, positional: number): never {
    const { name: macro, parameters } = this.code;
    for (const name of kwargs.keys()) {
      const place = this.#parameterPlace(name);
      if (place === -1 && name === 'caller') {
        fail(`${macro}() does not use caller(), so it cannot stand in {% call %}`);
      }
      if (place === -1) {
        const names = parameters.map((parameter) => parameter.name);
        const known = names.length === 0 ? 'It takes no arguments.' : `It takes ${names.join(', ')}.`;
        fail(`${macro}() has no argument '${name}'`, didYouMean(name, names) ?? known);
      }
      if (place < positional) fail(`${macro}() got the argument '${name}' twice`);
    }
    return fail(`${macro}() got arguments that it does not take`);
  }
}

function notProvided(name: string, code: MacroCode): UndefinedValue {
  return new UndefinedValue(`the argument '${name}' of ${code.name}() was not given`);
}
