import { describe, expect, test } from 'vitest';
import { defineJob, isJob, withProjectLimits } from '../../../src/config/define-job.ts';
import { endpointSecrets } from '../../../src/config/job-snapshot.ts';
import type { JobInput } from '../../../src/config/job-input.ts';
import { isSluiceError, type SluiceError } from '../../../src/core/errors.ts';
import { DEFAULT_LIMITS, type JobDefinition } from '../../../src/core/job.ts';

const MINIMAL = {
  name: 'thing',
  topics: [{ name: 'things', op: 'update' }],
  schema: { type: 'object', properties: { id: { type: 'string' }, at: { type: 'string', format: 'date-time' } } },
  key: 'id',
  eventTime: 'at',
  models: ['current_thing'],
} as const satisfies JobInput;

/** What a user without a type checker may write. */
function define(changes: Readonly<Record<string, unknown>>): JobDefinition {
  return defineJob({ ...MINIMAL, ...changes });
}

function secretsOf(
  snapshot: JobDefinition['snapshot'],
  env: (name: string, fallback?: string) => string,
): readonly string[] {
  if (snapshot === null) throw new Error('the job has no snapshot');
  return endpointSecrets(snapshot, env);
}

function mistakes(changes: Readonly<Record<string, unknown>>): string[] {
  const error = failure(changes);
  return error.message
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
}

function failure(changes: Readonly<Record<string, unknown>>): SluiceError {
  try {
    define(changes);
  } catch (error) {
    if (isSluiceError(error, 'job_invalid')) return error;
    throw error;
  }
  throw new Error('the job was accepted');
}

function properties(property: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { schema: { type: 'object', properties: { ...MINIMAL.schema.properties, x: property } } };
}

describe('a small job', () => {
  test('gets every default', () => {
    expect(define({})).toEqual({
      name: 'thing',
      entity: 'thing',
      description: '',
      topics: [{ name: 'things', op: 'u' }],
      schema: MINIMAL.schema,
      columns: [
        { name: 'id', field: 'id', type: 'STRING', required: true },
        { name: 'at', field: 'at', type: 'TIMESTAMP', required: false },
      ],
      key: { field: 'id', column: 'id' },
      eventTime: { field: 'at', earliest: '2000-01-01', maxFutureMs: 3_600_000 },
      deletes: 'soft',
      deletedWhen: null,
      snapshot: null,
      historyStart: 'first_event',
      models: ['current_thing'],
      schedule: null,
      limits: DEFAULT_LIMITS,
      parameters: {},
    });
  });

  test('is frozen to the last leaf and known as a job', () => {
    const job = define({});
    expect(Object.isFrozen(job)).toBe(true);
    expect(Object.isFrozen(job.columns[0])).toBe(true);
    expect(isJob(job)).toBe(true);
    expect(isJob({ ...MINIMAL })).toBe(false);
  });

  test('keeps no hold on what the user passed in', () => {
    const schema = structuredClone(MINIMAL.schema);
    define({ schema });
    expect(Object.isFrozen(schema.properties)).toBe(false);
  });

  test('a name with dashes makes an entity with underscores', () => {
    expect(define({ name: 'web-shop-order' }).entity).toBe('web_shop_order');
  });
});

describe('limits', () => {
  test('the job wins over the project, the project over the defaults', () => {
    const job = define({ limits: { maxDeleteRatio: 0.9 } });
    const limits = withProjectLimits(job, { maxDeleteRatio: 0.1, maxRecomputeDays: 7 }).limits;
    expect(limits).toEqual({ ...DEFAULT_LIMITS, maxDeleteRatio: 0.9, maxRecomputeDays: 7 });
    expect(isJob(withProjectLimits(job, {}))).toBe(true);
  });
});

describe('columns', () => {
  test.each([
    [{ type: 'string' }, 'STRING'],
    [{ type: ['string', 'null'] }, 'STRING'],
    [{ type: 'string', format: 'date' }, 'DATE'],
    [{ type: 'string', format: 'date-time' }, 'TIMESTAMP'],
    [{ type: 'string', format: 'email' }, 'STRING'],
    [{ type: 'integer' }, 'INT64'],
    [{ type: 'number' }, 'FLOAT64'],
    [{ type: 'number', sqlType: 'NUMERIC(18,2)' }, 'NUMERIC(18,2)'],
    [{ type: 'number', sqlType: 'NUMERIC(18, 2)' }, 'NUMERIC(18,2)'],
    [{ type: 'string', sqlType: 'INT64' }, 'INT64'],
    [{ type: 'boolean' }, 'BOOL'],
    [{ type: 'object' }, 'JSON'],
    [{ type: 'array' }, 'JSON'],
    [{ type: ['string', 'integer'] }, 'JSON'],
    [{}, 'JSON'],
  ])('%j becomes %s', (property, type) => {
    expect(define(properties(property)).columns[2]?.type).toBe(type);
  });

  test('enum names the allowed texts', () => {
    expect(define(properties({ type: ['string', 'null'], enum: ['a', 'b', null] })).columns[2]?.values).toEqual([
      'a',
      'b',
    ]);
  });

  test('a field may have another column name', () => {
    expect(define(properties({ type: 'string', column: 'other' })).columns[2]).toMatchObject({
      name: 'other',
      field: 'x',
    });
  });
});

describe('mistakes', () => {
  test('are reported all at once with path, what came and what was expected', () => {
    expect(
      mistakes({
        nmae: 'x',
        name: 'Big Name',
        topics: [{ name: 'a/b', op: 'updated' }, { name: 'things' }],
        key: 'idd',
        deletes: 'sotf',
        historyStart: 'yesterday',
        models: [],
        schedule: 'hourly',
        limits: { maxDeleteRatio: 2, maxBatchRow: 1 },
      }),
    ).toEqual([
      'unknown key "nmae"; did you mean "name"?',
      'name: came "Big Name", expected a name of lower-case letters, digits, "_" and "-" (at most 48)',
      'topics[0].name: came "a/b", expected a topic name of letters, digits, ".", "_" and "-" (at most 249)',
      'topics[0].op: came "updated", expected one of create, update, delete; did you mean "update"?',
      'topics[1].op: is missing, expected one of create, update, delete',
      'deletes: came "sotf", expected one of soft, hard; did you mean "soft"?',
      'historyStart: came "yesterday", expected first_snapshot, first_event, or a date YYYY-MM-DD',
      'models: is missing, expected a list with at least one entry',
      'schedule: came "hourly", expected a cron expression of five fields such as \'5 * * * *\'',
      'limits: unknown key "maxBatchRow"; did you mean "maxBatchRows"?',
      'limits.maxDeleteRatio: came 2, expected a number from 0 to 1',
      'key: "idd" is no property of the schema; did you mean "id"?',
    ]);
  });

  test.each([
    [{ schema: undefined }, 'schema: is missing, expected the JSON Schema of the event value'],
    [
      properties({ type: 'strnig' }),
      'schema.properties.x.type: came "strnig", expected one of string, integer, number, boolean, object, array, null; did you mean "string"?',
    ],
    [
      properties({ type: 'boolean', sqlType: 'INT64' }),
      'schema.properties.x.sqlType: a JSON boolean cannot be read as INT64',
    ],
    [properties({ sqlType: 'VARCHAR' }), /schema\.properties\.x\.sqlType: came "VARCHAR", expected one of STRING/],
    [properties({ sqlType: 'NUMERIC(50,2)' }), /came "NUMERIC\(50,2\)"/],
    [properties({ type: 'string', column: 'x"; drop table y; --' }), /cannot be a column name/],
    [properties({ type: 'string', column: '_op' }), /cannot be a column name/],
    [properties({ type: 'string', column: 'day' }), /is the partition column/],
    [properties({ type: 'string', column: 'ID' }), /the fields "id" and "x" both become the column "ID"/],
    [{ schema: { ...MINIMAL.schema, required: ['idd'] } }, 'schema.required: "idd" is no property; did you mean "id"?'],
    [{ eventTime: 'id' }, 'eventTime: "id" is STRING, expected TIMESTAMP (type string with format date-time)'],
    [
      { eventTime: { field: 'at', earliest: '2000-02-30' } },
      'eventTime.earliest: came "2000-02-30", expected a date YYYY-MM-DD',
    ],
    [
      { eventTime: { field: 'at', maxFuture: 'an hour' } },
      `eventTime.maxFuture: came "an hour", expected a duration such as '5 minutes'`,
    ],
    [{ historyStart: 'first_snapshot' }, /the job has no snapshot/],
    [
      {
        topics: [
          { name: 'a', op: 'c' },
          { name: 'a', op: 'u' },
        ],
      },
      'topics[1].name: "a" stands twice',
    ],
    [
      { topics: [{ name: 'a', op: { field: 'kind', values: { x: 'create' } } }] },
      'topics[0].op.field: "kind" is no property of the schema',
    ],
    [
      { topics: [{ name: 'a', op: { field: 'id', values: { x: 'crate' } } }] },
      /topics\[0\]\.op\.values\.x: came "crate", expected one of create, update, delete; did you mean "create"/,
    ],
    [{ models: ['a', 'a'] }, 'models: "a" stands twice'],
    [{ models: ['a b'] }, 'models[0]: came "a b", expected the name of a model'],
    [{ parameters: { target: { type: 'string', description: 'x' } } }, /every job has an option --target already/],
    [{ parameters: { fullLoad: { type: 'string', description: 'x' } } }, /every job has an option --fullLoad already/],
    [
      { parameters: { region: { type: 'text', description: 'x' } } },
      'parameters.region.type: came "text", expected one of string, number, boolean',
    ],
    [
      { parameters: { region: { type: 'number', description: 'x', default: 'y' } } },
      'parameters.region.default: came "y", expected a number',
    ],
    [{ deletedWhen: ' ' }, 'deletedWhen: came " ", expected an SQL condition'],
  ])('%j', (changes, expected) => {
    const found = mistakes(changes);
    if (typeof expected === 'string') expect(found).toContain(expected);
    else expect(found.join('\n')).toMatch(expected);
  });

  test('an argument that is no map at all is said so', () => {
    expect(() => defineJob(null as unknown as JobInput)).toThrow(/the job has \d+ mistakes/);
  });
});

describe('the snapshot', () => {
  const REST = { type: 'rest', baseUrl: 'https://api.test', path: '/things', paginator: { type: 'header_link' } };
  const none = (): string => {
    throw new Error('no environment');
  };

  test('resolves to an endpoint with every default', () => {
    const { snapshot, historyStart } = define({ snapshot: REST });
    expect(historyStart).toBe('first_snapshot');
    expect(snapshot?.toleranceMs).toBe(300_000);
    expect(snapshot?.endpoint(none)).toEqual({
      baseUrl: 'https://api.test',
      path: '/things',
      params: {},
      headers: {},
      auth: null,
      paginator: { type: 'header_link' },
      itemsPath: '',
      totalPath: null,
      maxRequestsPerSecond: null,
      connectTimeoutMs: 10_000,
      bodyTimeoutMs: 60_000,
      maxRetries: 5,
      retryBudgetMs: 300_000,
      maxPageBytes: 64_000_000,
    });
  });

  test.each([
    [{ type: 'bearer', token: { env: 'T' } }, { type: 'bearer', token: 'value of T' }, ['value of T']],
    [
      { type: 'header', name: 'x-key', value: { env: 'T' } },
      { type: 'header', name: 'x-key', value: 'value of T' },
      ['value of T', 'of T'],
    ],
    [
      { type: 'basic', username: 'u', password: { env: 'T' } },
      { type: 'basic', username: 'u', password: 'value of T' },
      ['value of T', btoa('u:value of T')],
    ],
    [
      {
        type: 'oauth2_client_credentials',
        tokenUrl: 'https://a.test',
        clientId: 'c',
        clientSecret: { env: 'T' },
        scope: 's',
      },
      {
        type: 'oauth2_client_credentials',
        tokenUrl: 'https://a.test',
        clientId: 'c',
        clientSecret: 'value of T',
        scope: 's',
      },
      ['value of T', btoa('c:value of T')],
    ],
  ])('knows the auth %j and its secrets', (auth, resolved, secrets) => {
    const { snapshot } = define({ snapshot: { ...REST, auth } });
    const env = (name: string): string => `value of ${name}`;
    expect(snapshot?.endpoint(env).auth).toEqual(resolved);
    expect(secretsOf(snapshot, env)).toEqual(secrets);
  });

  test('counts a header as a secret by where its value comes from, or by its name', () => {
    const headers = {
      Accept: { env: 'ACCEPT' },
      'X-Client': 'sluice',
      'X-Tenant': { env: 'TENANT' },
      'X-Region': { env: 'NOT_SET', optional: true },
      'X-Api-Key': 'literal-key',
      Authorization: 'Bearer literal-token',
      cookie: 'sid=literal-cookie',
      'X-Db-Password': 'literal-password',
      'X-Client-Secret': 'literal-secret',
    };
    const params = { region: 'eu', access_token: 'token-in-the-url' };
    const { snapshot } = define({ snapshot: { ...REST, headers, params } });
    expect(secretsOf(snapshot, (name, fallback) => fallback ?? `value-of-${name}`)).toEqual([
      'value-of-TENANT',
      'literal-key',
      'Bearer literal-token',
      'literal-token',
      'sid=literal-cookie',
      'literal-cookie',
      'literal-password',
      'literal-secret',
      'token-in-the-url',
    ]);
  });

  test.each([
    [{ ...REST, baseUrl: 'ftp://x' }, 'snapshot.baseUrl: came "ftp://x", expected a URL with http:// or https://'],
    [{ ...REST, path: 'things' }, 'snapshot.path: came "things", expected a path that begins with "/"'],
    [{ ...REST, paginator: { type: 'curser' } }, /snapshot\.paginator\.type: came "curser".*did you mean "cursor"/],
    [
      { ...REST, paginator: { type: 'offset', parameter: 'offset', limitParameter: 'limit' } },
      'snapshot.paginator.limit: is missing, expected a whole number of at least 1',
    ],
    [{ ...REST, auth: { type: 'bearer' } }, `snapshot.auth.token: is missing, expected text or { env: 'NAME' }`],
    [{ ...REST, auth: { type: 'bearer', token: { env: 'A B' } } }, /snapshot\.auth\.token\.env: came "A B"/],
    [{ ...REST, tolerence: '1 minute' }, 'snapshot: unknown key "tolerence"; did you mean "tolerance"?'],
  ])('%j', (snapshot, expected) => {
    const found = mistakes({ snapshot });
    if (typeof expected === 'string') expect(found).toContain(expected);
    else expect(found.join('\n')).toMatch(expected);
  });
});
