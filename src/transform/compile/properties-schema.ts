/** What may stand in the YAML files beside models, seeds, macros and tests (dbt's `version: 2` properties), as JSON Schema. */

const text = { type: 'string' };
const texts = { type: ['string', 'array'], items: text };
const map = { type: 'object' };
/** Name alone, or a map of the test's name to its arguments; `properties.ts` reads it further. */
const tests = { type: 'array', items: { type: ['string', 'object'] } };
const name = { type: 'string', minLength: 1 };

const column = {
  type: 'object',
  required: ['name'],
  additionalProperties: false,
  properties: {
    name,
    description: text,
    data_type: text,
    tests,
    data_tests: tests,
    tags: texts,
    meta: map,
    config: map,
    quote: { type: 'boolean' },
    policy_tags: texts,
  },
};
const columns = { type: 'array', items: column };

const described = { name, description: text, config: map, docs: map, meta: map, tags: texts };

function list(properties: object): object {
  return { type: 'array', items: { type: 'object', required: ['name'], additionalProperties: false, properties } };
}

const built = { ...described, columns, tests, data_tests: tests };
const quoting = {
  type: 'object',
  additionalProperties: false,
  properties: { database: { type: 'boolean' }, schema: { type: 'boolean' }, identifier: { type: 'boolean' } },
};

export const PROPERTIES_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    version: { const: 2 },
    models: list(built),
    seeds: list(built),
    sources: list({
      ...described,
      database: text,
      schema: text,
      loader: text,
      quoting,
      tables: list({ ...built, identifier: text, quoting }),
    }),
    macros: list({
      ...described,
      arguments: list({ name, type: text, description: text }),
    }),
    data_tests: list({ ...described }),
  },
} as const;
