/**
 * The names that templates know, with dbt's meanings: `ref`, `source`, `config`, `var`, `adapter`, … What a name needs is made when
 * the name is used, because most models use three of them.
 */
import { didYouMean } from '../../../config/suggest.ts';
import { SluiceError } from '../../../core/errors.ts';
import type { Dialect } from '../../sql/dialect.ts';
import {
  fail,
  fromPlain,
  hostFunction,
  hostObject,
  toPlain,
  toText,
  type Kwargs,
  type MacroRegistry,
  type Value,
} from '../jinja/index.ts';
import type { ModelTarget } from '../project-config.ts';
import { isMap } from '../config-reader.ts';
import { adapterValue, apiValue } from './adapter-values.ts';
import { DateTimeValue, modulesValue } from './date-values.ts';
import type { RenderEnvironment } from './environment.ts';
import { statementValues } from './statements.ts';
import type { NodeScope } from './scope.ts';

export interface NameSources {
  readonly projectName: string;
  readonly target: ModelTarget;
  readonly dialect: Dialect;
  readonly macros: MacroRegistry;
  readonly environment: RenderEnvironment;
}

type Maker = (sources: NameSources, scope: NodeScope) => Value | undefined;

/** A map whose values are made on first use. */
class LazyNames extends Map<string, Value> {
  readonly #make: (name: string) => Value | undefined;
  readonly #known: () => Iterable<string>;

  constructor(make: (name: string) => Value | undefined, known: () => Iterable<string>) {
    super();
    this.#make = make;
    this.#known = known;
  }

  override get(name: string): Value | undefined {
    const known = super.get(name);
    if (known !== undefined) return known;
    const made = this.#make(name);
    if (made !== undefined) this.set(name, made);
    return made;
  }

  override has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  override *keys(): MapIterator<string> {
    yield* this.#known();
  }
}

export function namesFor(sources: NameSources, scope: NodeScope): ReadonlyMap<string, Value> {
  let extensions: Readonly<Record<string, Value>> | undefined;
  const extended = (): Readonly<Record<string, Value>> =>
    (extensions ??= sources.environment.extensions({
      node: scope.node,
      dialect: sources.dialect,
      target: sources.target,
      changes: scope.changes,
      map: scope.map,
      execute: scope.execute,
    }));
  const statements = statementValues(scope);
  return new LazyNames(
    (name) => {
      const maker = MAKERS.get(name);
      if (maker !== undefined) return maker(sources, scope);
      if (Object.hasOwn(statements, name)) return statements[name];
      return Object.hasOwn(extended(), name) ? extended()[name] : undefined;
    },
    () => [...MAKERS.keys(), ...Object.keys(statements), ...Object.keys(extended())],
  );
}

const MAKERS: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ['ref', (_sources, scope) => refValue(scope)],
  ['source', (_sources, scope) => sourceValue(scope)],
  ['config', (_sources, scope) => configValue(scope)],
  ['this', (_sources, scope) => scope.self],
  ['is_incremental', (_sources, scope) => hostFunction(() => scope.isIncremental, 'is_incremental')],
  ['changes', (_sources, scope) => changesValue(scope)],
  ['var', (sources) => varValue(sources)],
  ['env_var', (sources) => envVarValue(sources)],
  ['job', (sources) => jobValue(sources)],
  ['target', ({ target }) => targetValue(target)],
  ['model', (_sources, scope) => scope.model()],
  ['schema', ({ target }) => target.schema],
  ['database', ({ target }) => target.database ?? null],
  ['project_name', ({ projectName }) => projectName],
  ['execute', (_sources, scope) => scope.execute],
  ['invocation_id', ({ environment }) => environment.invocationId],
  ['run_started_at', ({ environment }) => new DateTimeValue(environment.runStartedAt)],
  ['modules', ({ environment }) => modulesValue(environment.runStartedAt)],
  ['sluice_version', ({ environment }) => environment.version],
  ['flags', ({ environment }) => fromPlain({ FULL_REFRESH: environment.fullRefresh })],
  ['log', (sources, scope) => logValue(sources, scope)],
  [
    'print',
    ({ environment }, scope) => hostFunction(([message]) => note(environment, scope, message, 'info'), 'print'),
  ],
  ['exceptions', (sources, scope) => exceptionsValue(sources, scope)],
  ['adapter', (sources, scope) => adapterValue(sources, scope)],
  ['api', ({ dialect }) => apiValue(dialect)],
]);

function textArgument(args: readonly Value[], place: number, call: string): string {
  const value = args[place];
  return typeof value === 'string'
    ? value
    : fail(`${call} takes text as its ${place === 0 ? 'first' : 'second'} argument`);
}

function refValue(scope: NodeScope): Value {
  return hostFunction((args, kwargs) => {
    if (kwargs.get('version') !== undefined || kwargs.get('v') !== undefined)
      fail('versions of models are not supported');
    if (args.length === 0 || args.length > 2) fail(`ref() takes a model's name, or a package and a name`);
    const name = textArgument(args, args.length - 1, 'ref()');
    return scope.ref(args.length === 2 ? textArgument(args, 0, 'ref()') : null, name);
  }, 'ref');
}

function sourceValue(scope: NodeScope): Value {
  return hostFunction((args) => {
    if (args.length !== 2) fail('source() takes the name of a source and the name of its table');
    return scope.source(textArgument(args, 0, 'source()'), textArgument(args, 1, 'source()'));
  }, 'source');
}

function configValue(scope: NodeScope): Value {
  const get = hostFunction((args, kwargs) => {
    const found = scope.setting(textArgument(args, 0, 'config.get()'));
    return found === undefined || found === null ? (args[1] ?? kwargs.get('default') ?? null) : found;
  }, 'get');
  const require = hostFunction((args) => {
    const name = textArgument(args, 0, 'config.require()');
    return scope.setting(name) ?? fail(`the setting '${name}' is required here and not set`);
  }, 'require');
  return hostObject(
    { get, require },
    {
      typeName: 'config',
      call: (args, kwargs) => {
        const [first] = args;
        scope.config(first === undefined ? kwargs : new Map([...dictEntries(first), ...kwargs]));
        return '';
      },
    },
  );
}

function dictEntries(value: Value): [string, Value][] {
  const plain = toPlain(value);
  if (plain === null || typeof plain !== 'object' || Array.isArray(plain))
    return fail('config() takes named settings or a dict');
  return Object.entries(plain).map(([key, inner]) => [key, fromPlain(inner)]);
}

function changesValue({ changes }: NodeScope): Value {
  return fromPlain({
    full: changes.full,
    today: changes.today,
    window: changes.window === null ? null : { from: changes.window.from, to: changes.window.to },
    new_days_from: changes.newDaysFrom,
    keys: changes.keys === null ? null : { ...changes.keys },
    batch_ids: changes.batchIds,
  });
}

function varValue({ environment, projectName }: NameSources): Value {
  const { vars } = environment;
  const own = vars[projectName];
  const scoped = isMap(own) ? own : {};
  const all: Readonly<Record<string, unknown>> = { ...vars, ...scoped };
  const has = (name: string): boolean => Object.hasOwn(all, name);
  return hostObject(
    { has_var: hostFunction((args) => has(textArgument(args, 0, 'var.has_var()')), 'has_var') },
    {
      typeName: 'function var',
      call: (args, kwargs) => {
        const name = textArgument(args, 0, 'var()');
        if (has(name)) return fromPlain(all[name]);
        const fallback = args[1] ?? kwargs.get('default');
        if (fallback !== undefined) return fallback;
        return fail(
          `the variable '${name}' is not set${didYouMean(name, Object.keys(all))}`,
          `Set it under vars: in project.yml, with --vars '${name}: …', or give a default: var('${name}', …)`,
        );
      },
    },
  );
}

/** What dbt keeps out of models too: text of such a variable would end in compiled files and in the warehouse's query log. */
const SECRET_PREFIXES = ['SLUICE_SECRET_', 'DBT_ENV_SECRET_', 'DBT_SECRET_'];

function envVarValue({ environment }: NameSources): Value {
  return hostFunction((args, kwargs) => {
    const name = textArgument(args, 0, 'env_var()');
    if (SECRET_PREFIXES.some((prefix) => name.startsWith(prefix)))
      fail(`the secret ${name} cannot be used in a template`);
    const value = environment.env[name];
    if (value !== undefined && value !== '') return value;
    const fallback = args[1] ?? kwargs.get('default');
    if (fallback !== undefined) return fallback;
    throw new SluiceError('env_missing', `env_var('${name}'): the environment variable ${name} is not set`, {
      hint: `Set it, for example: export ${name}=…`,
    });
  }, 'env_var');
}

function jobValue({ environment }: NameSources): Value {
  return hostFunction((args) => {
    const name = textArgument(args, 0, 'job()');
    if (Object.hasOwn(environment.jobs, name)) return fromPlain(environment.jobs[name]);
    return fail(`there is no job '${name}'${didYouMean(name, Object.keys(environment.jobs))}`);
  }, 'job');
}

function targetValue(target: ModelTarget): Value {
  return fromPlain({
    name: target.name,
    target_name: target.name,
    profile_name: target.name,
    type: target.type,
    schema: target.schema,
    dataset: target.schema,
    raw_schema: target.rawSchema,
    database: target.database ?? null,
    project: target.database ?? null,
    threads: target.threads,
  });
}

type Level = 'debug' | 'info' | 'warn';

/** A template that asks the warehouse renders more than once; what it says is passed on once. */
function note(environment: RenderEnvironment, { effects }: NodeScope, message: Value | undefined, level: Level): Value {
  const text = message === undefined ? '' : toText(message);
  const say = (): void => environment.log(text, level);
  if (effects === null) say();
  else effects.later(say);
  return '';
}

function logValue({ environment }: NameSources, scope: NodeScope): Value {
  return hostFunction((args, kwargs) => {
    const info = args[1] ?? kwargs.get('info');
    return note(environment, scope, args[0] ?? kwargs.get('msg'), info === true ? 'info' : 'debug');
  }, 'log');
}

function exceptionsValue({ environment }: NameSources, scope: NodeScope): Value {
  const raise = hostFunction((args, kwargs: Kwargs) => {
    const message = args[0] ?? kwargs.get('msg');
    return fail(message === undefined ? 'the template raised an error' : toText(message));
  }, 'raise_compiler_error');
  return hostObject(
    {
      raise_compiler_error: raise,
      raise_not_implemented: raise,
      warn: hostFunction(([message]) => note(environment, scope, message, 'warn'), 'warn'),
    },
    { typeName: 'exceptions' },
  );
}
