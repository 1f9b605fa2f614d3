/** Runs ajv over a parsed YAML file and says every mistake in the user's words, at its line. The only place that imports ajv here. */
import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import { hasExpression, parseExpression } from './expression.ts';
import { coerce, LEAF_NAMES } from './leaf.ts';
import type { Leaf } from './project-schema.ts';
import { show, type Problem } from './problems.ts';
import { closest } from './suggest.ts';
import { pointerOf, positionOf, readablePath, type YamlSource } from './yaml-source.ts';

interface LeafError extends Partial<ErrorObject> {
  readonly keyword: 'leaf';
  readonly message: string;
}

/** Compiled once per process; many YAML files share one schema. */
const compiled = new WeakMap<object, ValidateFunction>();

export function checkSchema(source: YamlSource, schema: object): readonly Problem[] {
  let validate = compiled.get(schema);
  if (validate === undefined) {
    validate = schemaCompiler().compile(schema);
    compiled.set(schema, validate);
  }
  if (validate(source.value)) return [];
  return (validate.errors ?? []).flatMap((error) => problemOf(source, error));
}

/**
 * The schemas are our own, so that checking *them* at every start (75 ms) is left to the tests, and the generated code runs once per
 * file, so that optimizing it (70 ms) never pays.
 */
export function schemaCompiler(
  options: Options = { meta: false, validateSchema: false, code: { optimize: false } },
): Ajv {
  const ajv = new Ajv({
    allErrors: true,
    verbose: true,
    discriminator: true,
    allowUnionTypes: true,
    strict: true,
    strictRequired: false,
    strictTypes: false,
    ...options,
  });
  for (const keyword of ['secret', 'words', 'expected']) ajv.addKeyword({ keyword });
  ajv.addKeyword({ keyword: 'leaf', errors: true, validate: leafCheck });
  return ajv;
}

type LeafCheck = ((kind: Leaf['leaf'], value: unknown, schema?: object) => boolean) & { errors?: LeafError[] };

const leafCheck: LeafCheck = (kind, value, schema) => {
  const error = leafError({ ...(schema as Leaf), leaf: kind }, value);
  leafCheck.errors = error === undefined ? [] : [{ keyword: 'leaf', message: error, params: {} }];
  return error === undefined;
};

function leafError(leaf: Leaf, value: unknown): string | undefined {
  if (typeof value === 'string' && hasExpression(value)) {
    const parsed = parseExpression(value);
    return 'error' in parsed ? parsed.error : undefined;
  }
  if (leaf.leaf === 'list' && Array.isArray(value)) {
    const wrong = value.map((item) => leafError({ leaf: 'text' }, item)).find((error) => error !== undefined);
    return wrong;
  }
  const shown = leaf.secret === true && typeof value === 'string' ? 'a text' : show(value);
  return coerce(leaf, value) === undefined
    ? `came ${shown}, expected ${expectation(leaf)}${suggestion(leaf, value)}`
    : undefined;
}

function expectation(leaf: Leaf): string {
  return leaf.words === undefined ? LEAF_NAMES[leaf.leaf] : `one of ${leaf.words.join(', ')}`;
}

function suggestion(leaf: Leaf, value: unknown): string {
  const match = leaf.words !== undefined && typeof value === 'string' ? closest(value, leaf.words) : undefined;
  return match === undefined ? '' : `; did you mean "${match}"?`;
}

function problemOf(source: YamlSource, error: ErrorObject): readonly Problem[] {
  const message = messageFor(error);
  if (message === undefined) return [];
  const unknown =
    error.keyword === 'additionalProperties'
      ? (error.params as { additionalProperty: string }).additionalProperty
      : error.propertyName;
  const pointer = unknown === undefined ? error.instancePath : pointerOf(error.instancePath, unknown);
  return [{ file: source.file, ...positionOf(source, pointer), path: readablePath(error.instancePath), message }];
}

/** undefined: another error of the same place says it better. */
function messageFor(error: ErrorObject): string | undefined {
  const schema = (error.parentSchema ?? {}) as {
    readonly properties?: object;
    readonly expected?: string;
    readonly oneOf?: readonly object[];
  };
  switch (error.keyword) {
    case 'leaf':
      return error.message;
    case 'additionalProperties':
      return unknownKey(
        (error.params as { additionalProperty: string }).additionalProperty,
        Object.keys(schema.properties ?? {}),
      );
    case 'required':
      if ('discriminator' in schema) return undefined;
      return `"${(error.params as { missingProperty: string }).missingProperty}" is missing`;
    case 'type':
      return `came ${show(error.data)}, expected ${typeNames(error.params as { type: string | readonly string[] })}`;
    case 'const':
      return `came ${show(error.data)}, expected ${show((error.params as { allowedValue: unknown }).allowedValue)}`;
    case 'pattern':
      return `came ${show(error.data)}, expected ${schema.expected ?? 'another form'}`;
    case 'minItems':
    case 'minProperties':
    case 'minLength':
      return 'is empty, expected at least one entry';
    case 'discriminator':
      return wrongType(error.params as { tagValue: unknown }, schema.oneOf ?? []);
    case 'propertyNames':
      return undefined;
    default:
      return error.message ?? error.keyword;
  }
}

function unknownKey(key: string, known: readonly string[]): string {
  const match = closest(key, known);
  const rest = match === undefined ? `; known keys: ${known.join(', ')}` : `; did you mean "${match}"?`;
  return `unknown key "${key}"${rest}`;
}

function typeNames(params: { readonly type: string | readonly string[] }): string {
  const names: Readonly<Record<string, string>> = {
    object: 'a map',
    array: 'a list',
    string: 'text',
    number: 'a number',
    boolean: 'true or false',
  };
  return [params.type]
    .flat()
    .map((type) => names[type] ?? type)
    .join(' or ');
}

function wrongType(params: { readonly tagValue: unknown }, kinds: readonly object[]): string {
  const known = kinds.map((kind) => (kind as { properties: { type: { const: string } } }).properties.type.const);
  if (params.tagValue === undefined) return `"type" is missing, expected one of ${known.join(', ')}`;
  const match = typeof params.tagValue === 'string' ? closest(params.tagValue, known) : undefined;
  return `type: came ${show(params.tagValue)}, expected one of ${known.join(', ')}${match === undefined ? '' : `; did you mean "${match}"?`}`;
}
