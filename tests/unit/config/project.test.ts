import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isSluiceError, type SluiceError } from '../../../src/core/errors.ts';
import { createYamlCache } from '../../../src/config/yaml-cache.ts';
import { secretsIn } from '../../../src/config/known-secrets.ts';
import { PROJECT_SCHEMA, SECTIONS } from '../../../src/config/project-schema.ts';
import { schemaCompiler } from '../../../src/config/schema-check.ts';
import { loadProject, parseProject, renderVars, targetName } from '../../../src/config/project.ts';
import { resolveTarget } from '../../../src/config/target.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const MINIMAL = `name: demo
targets:
  dev:
    warehouse: { type: duckdb, path: w.duckdb }
`;

async function mistakes(text: string): Promise<string[]> {
  const error = await failure(text);
  expect(error.code).toBe('config_invalid');
  return error.message
    .split('\n')
    .slice(1)
    .map((line) => line.trim());
}

async function failure(text: string): Promise<SluiceError> {
  try {
    await parseProject('/p', text);
  } catch (error) {
    if (isSluiceError(error)) return error;
    throw error;
  }
  throw new Error('the project was accepted');
}

describe('a correct project', () => {
  test('is typed, frozen and has its defaults', async () => {
    const config = await parseProject('/p', MINIMAL);
    expect(config).toMatchObject({
      dir: '/p',
      name: 'demo',
      timezone: 'UTC',
      defaultTarget: 'dev',
      modelPaths: ['models'],
      macroPaths: ['macros'],
      seedPaths: ['seeds'],
      testPaths: ['tests/data'],
      jobPaths: ['jobs'],
      targetPath: 'target',
      vars: {},
      limits: {},
    });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.targets['dev'])).toBe(true);
  });

  test('gives model defaults as a tree, the project name standing for the root', async () => {
    const config = await parseProject(
      '/p',
      `${MINIMAL}models:\n  +tags: [a]\n  demo:\n    +enabled: true\n    staging:\n      +materialized: view\n`,
    );
    expect(config.models).toEqual({
      config: { tags: ['a'], enabled: true },
      folders: { staging: { config: { materialized: 'view' }, folders: {} } },
    });
  });

  test('sets limits for all its jobs', async () => {
    const config = await parseProject('/p', `${MINIMAL}max_recompute_days: 30\nmax_delete_ratio: 0.5\n`);
    expect(config.limits).toEqual({ maxRecomputeDays: 30, maxDeleteRatio: 0.5 });
  });

  test('fills the environment into vars when they are asked for', async () => {
    const config = await parseProject(
      '/p',
      `${MINIMAL}vars:\n  region: "{{ env_var('REGION', 'eu') }}"\n  nested: { list: ["{{ env_var('A') }}", 2] }\n`,
    );
    expect(renderVars(config, { A: 'x' })).toEqual({ region: 'eu', nested: { list: ['x', 2] } });
    expect(() => renderVars(config, {})).toThrow(/vars\.nested\.list\[0\] needs the environment variable A/);
  });

  test('merges anchors as YAML 1.1 tools do, own keys winning', async () => {
    const config = await parseProject(
      '/p',
      'name: demo\ntargets:\n  dev:\n    warehouse: &w { type: duckdb, path: a, schema: s }\n  two:\n    warehouse: { <<: *w, path: b }\n',
    );
    expect(config.targets['two']?.['warehouse']).toEqual({ type: 'duckdb', path: 'b', schema: 's' });
  });
});

describe('mistakes', () => {
  test('are reported all at once, each with its place, what came and what was expected', async () => {
    expect(
      await mistakes(`name: 7up
timezone: Europe/Berlinn
model-pathes: [models]
max_delete_ratio: 2
targets:
  dev:
    warehous: {}
    warehouse:
      type: duckdb
      path: ""
      treads: 4
    stream: { type: kafkaa, brokers: a:1 }
    state: sqlite
`),
    ).toEqual([
      'project.yml:1:1: name: came "7up", expected a name of letters, digits and underscores',
      'project.yml:2:1: timezone: came "Europe/Berlinn", expected an IANA time zone such as Europe/Berlin',
      'project.yml:3:1: unknown key "model-pathes"; did you mean "model-paths"?',
      'project.yml:4:1: max_delete_ratio: came 2, expected a number from 0 to 1',
      'project.yml:7:5: targets.dev: unknown key "warehous"; did you mean "warehouse"?',
      'project.yml:10:7: targets.dev.warehouse.path: came "", expected text',
      'project.yml:11:7: targets.dev.warehouse: unknown key "treads"; did you mean "threads"?',
      'project.yml:12:5: targets.dev.stream: type: came "kafkaa", expected one of topic_log, kafka; did you mean "kafka"?',
      'project.yml:13:5: targets.dev.state: came "sqlite", expected a map',
    ]);
  });

  test('name what is missing', async () => {
    expect(await mistakes('targets: {}\n')).toEqual([
      'project.yml:1:1: "name" is missing',
      'project.yml:1:1: targets: is empty, expected at least one entry',
    ]);
    expect(await mistakes('name: a\ntargets: { dev: { warehouse: { type: duckdb } } }\n')).toEqual([
      'project.yml:2:19: targets.dev.warehouse: "path" is missing',
    ]);
    expect(await mistakes('name: a\ntargets: { dev: { warehouse: { path: x } } }\n')).toEqual([
      'project.yml:2:19: targets.dev.warehouse: "type" is missing, expected one of duckdb, bigquery',
    ]);
  });

  test('name a default target that is not there', async () => {
    expect(await mistakes(`${MINIMAL}target: dve\n`)).toEqual([
      'project.yml:5:1: target: came "dve", expected one of dev; did you mean "dev"?',
    ]);
  });

  test('show a setting that lacks its plus', async () => {
    expect(await mistakes(`${MINIMAL}models:\n  demo:\n    materialized: view\n`)).toEqual([
      'project.yml:7:5: models.demo: "materialized" came with "view": a folder takes a map, a setting is written "+materialized"',
    ]);
  });

  test('find a broken expression when the file is read, not when it is used', async () => {
    expect(
      await mistakes(
        'name: a\ntargets:\n  dev:\n    warehouse:\n      type: duckdb\n      path: "{{ env_vr(\'X\') }}"\n',
      ),
    ).toEqual([
      `project.yml:6:7: targets.dev.warehouse.path: cannot read {{ env_vr('X') }}, expected {{ env_var('NAME') }} or {{ env_var('NAME', 'default') }}`,
    ]);
    expect(
      await mistakes(
        'name: a\ntargets:\n  dev:\n    warehouse:\n      type: duckdb\n      path: "{{ env_var(\'X\') "\n',
      ),
    ).toEqual(['project.yml:6:7: targets.dev.warehouse.path: "{{" is not closed by "}}"']);
  });

  test('refuse an expression where every run must see the same value', async () => {
    expect(await mistakes(`${MINIMAL}timezone: "{{ env_var('TZ') }}"\n`)).toEqual([
      'project.yml:5:1: timezone: takes no {{ … }}: the same project must give the same days everywhere',
    ]);
  });

  test('never show a secret', async () => {
    const error = await failure(
      'name: a\ntargets: { dev: { warehouse: { type: duckdb, path: w }, stream: { type: kafka, brokers: a:1, password: [hunter2] } } }\n',
    );
    expect(error.message).not.toContain('hunter2');
    expect(JSON.stringify(error.details)).not.toContain('hunter2');
  });
});

describe('the traps of YAML', () => {
  test.each([
    ['broken syntax', 'name: [a\ntargets: {}\n', /project\.yml:\d+:\d+: not valid YAML/],
    ['a key that stands twice', `${MINIMAL}name: again\n`, /project\.yml:5:1: this key stands twice/],
    ['a custom tag', `${MINIMAL}vars: { a: !!js/function "x" }\n`, /project\.yml:5:\d+: custom tags are not read/],
    [
      '__proto__',
      `${MINIMAL}vars:\n  __proto__: { polluted: true }\n`,
      /project\.yml:6:3: vars: the key "__proto__" is not allowed/,
    ],
    ['a number beyond 2^53', `${MINIMAL}vars: { a: 9007199254740993 }\n`, /cannot be held exactly; put it in quotes/],
    ['an empty file', '', /the file is empty/],
    ['a list', '- a\n', /came a list, expected a map/],
  ])('%s', async (_name, text, expected) => {
    expect((await failure(text)).message).toMatch(expected);
  });

  test('an alias bomb is refused at once', async () => {
    const levels = Array.from(
      { length: 9 },
      (_, level) =>
        `  l${level}: &l${level} [${Array.from({ length: 9 }, () => (level === 0 ? 'x' : `*l${level - 1}`)).join(', ')}]`,
    );
    const startedAt = performance.now();
    expect((await failure(`${MINIMAL}vars:\n${levels.join('\n')}\n`)).message).toMatch(/more than 50000 values/);
    expect(performance.now() - startedAt).toBeLessThan(3000);
  });

  test('an alias that contains itself is refused', async () => {
    expect((await failure(`${MINIMAL}vars: &v { a: *v }\n`)).message).toMatch(/nested deeper|more than|Alias/i);
  });

  test('nesting is limited, with and without brackets', async () => {
    expect((await failure(`${MINIMAL}vars: ${'['.repeat(100_000)}\n`)).message).toMatch(/nested deeper/);
    const steps = Array.from({ length: 40 }, (_, depth) => `${'  '.repeat(depth + 1)}k:`).join('\n');
    expect((await failure(`${MINIMAL}vars:\n${steps}\n`)).message).toMatch(/nested deeper than 32 levels/);
  });

  test('size is limited', async () => {
    expect((await failure(`${MINIMAL}# ${'x'.repeat(1_000_001)}\n`)).message).toMatch(
      /the file has \d+ bytes, expected at most 1000000/,
    );
  });

  test('nothing of it reaches the prototype of objects', async () => {
    await failure(`${MINIMAL}vars:\n  __proto__: { polluted: true }\n`);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('targets of the reference project', () => {
  const everything = {
    KAFKA_BROKERS: 'a:9092, b:9092',
    GCS_BUCKET: 'landing-bucket',
    BIGQUERY_PROJECT: 'shop',
    BIGQUERY_DATASET: 'analytics_eu',
    BIGQUERY_LOCATION: 'EU',
    STATE_DATABASE_URL: 'postgres://sluice:geheim@db/state',
  };

  test('dev keeps everything in one folder, .sluice or SLUICE_HOME', async () => {
    const config = await loadProject(root);
    const target = resolveTarget(config, undefined, {});
    expect(target.name).toBe('dev');
    expect(target.stream()).toEqual({ type: 'topic_log', path: join(root, '.sluice/topics') });
    expect(target.landing()).toEqual({ type: 'local', path: join(root, '.sluice/landing'), compression: 'none' });
    expect(target.warehouse()).toMatchObject({
      type: 'duckdb',
      path: join(root, '.sluice/warehouse.duckdb'),
      schema: 'analytics',
      rawSchema: 'analytics_raw',
    });
    expect(target.state()).toEqual({ type: 'sqlite', path: join(root, '.sluice/state.sqlite') });
    expect(resolveTarget(config, 'dev', { SLUICE_HOME: '/data' }).state()).toEqual({
      type: 'sqlite',
      path: '/data/state.sqlite',
    });
  });

  test('kafka reads the broker settings, with and without credentials', async () => {
    const config = await loadProject(root);
    expect(resolveTarget(config, 'kafka', everything).stream()).toEqual({
      type: 'kafka',
      brokers: ['a:9092', 'b:9092'],
      sasl: null,
      ssl: null,
      clientId: 'sluice',
    });
    const secured = {
      ...everything,
      KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
      KAFKA_USERNAME: 'u',
      KAFKA_PASSWORD: 'geheim',
      KAFKA_SSL: 'true',
    };
    const stream = resolveTarget(config, 'kafka', secured).stream();
    if (stream.type !== 'kafka') throw new Error('not Kafka');
    expect(stream.ssl).toEqual({});
    expect(stream.sasl).toMatchObject({ mechanism: 'scram-sha-512', username: 'u' });
    expect(stream.sasl?.password.reveal()).toBe('geheim');
    expect(JSON.stringify(stream)).not.toContain('geheim');
  });

  test('prod and ci read theirs', async () => {
    const config = await loadProject(root);
    const prod = resolveTarget(config, 'prod', everything);
    expect(prod.landing()).toMatchObject({ type: 'gcs', bucket: 'landing-bucket', prefix: '', apiEndpoint: null });
    expect(prod.warehouse()).toMatchObject({
      type: 'bigquery',
      project: 'shop',
      dataset: 'analytics_eu',
      rawSchema: 'analytics_eu_raw',
      location: 'EU',
      apiEndpoint: null,
    });
    const state = prod.state();
    expect(state.type === 'postgres' && state.url.reveal()).toBe(everything.STATE_DATABASE_URL);
    const ci = resolveTarget(config, 'ci', { ...everything, BIGQUERY_API_ENDPOINT: 'http://127.0.0.1:9050' });
    expect(ci.warehouse()).toMatchObject({ apiEndpoint: 'http://127.0.0.1:9050' });
    expect(['stream', 'landing', 'state'].map((section) => ci.has(section as 'stream'))).toEqual([false, false, false]);
    expect(() => ci.stream()).toThrow(/target "ci" has no stream/);
  });

  test('a variable is needed only by what uses it', async () => {
    const config = await loadProject(root);
    const target = resolveTarget(config, 'prod', { GCS_BUCKET: 'b' });
    expect(target.landing()).toMatchObject({ bucket: 'b' });
    expect(() => target.stream()).toThrow(
      /project\.yml:\d+:\d+: targets\.prod\.stream\.brokers needs the environment variable KAFKA_BROKERS, which is not set/,
    );
  });

  test('a value of the wrong kind is named with its place, a secret without its value', async () => {
    const config = await loadProject(root);
    expect(() => resolveTarget(config, 'kafka', { ...everything, KAFKA_SSL: 'maybe' }).stream()).toThrow(
      /project\.yml:\d+:\d+: targets\.kafka\.stream\.ssl: came "maybe", expected true or false/,
    );
    expect(() =>
      resolveTarget(config, 'kafka', { ...everything, KAFKA_SASL_MECHANISM: 'gssapi', KAFKA_USERNAME: 'u' }).stream(),
    ).toThrow(/sasl_mechanism: came "gssapi", expected one of plain, scram-sha-256, scram-sha-512/);
  });

  test('the secrets of every target are known, as far as the environment has them', async () => {
    const { targets } = await loadProject(root);
    const env = {
      STATE_DATABASE_URL: 'postgres://a:b@c/d',
      KAFKA_PASSWORD: 'geheim',
      DBT_ENV_SECRET_X: 'drei',
      OTHER: 'no',
    };
    expect([...new Set(secretsIn(targets, env))].sort()).toEqual(['drei', 'geheim', 'postgres://a:b@c/d']);
    expect(secretsIn(targets, {}).filter((secret) => secret !== '')).toEqual([]);
  });

  test('an unknown target is named with a suggestion', async () => {
    const config = await loadProject(root);
    expect(() => targetName(config, 'porduction', {})).toThrow(/there is no target "porduction"/);
    expect(() => targetName(config, 'kafak', {})).toThrow(/did you mean "kafka"/);
    expect(targetName(config, undefined, { SLUICE_TARGET: 'ci' })).toBe('ci');
  });
});

describe('the memory of checked files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-config-'));
    writeFileSync(join(folder, 'project.yml'), MINIMAL);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('gives the same configuration, positions included', async () => {
    const cacheDir = join(folder, 'cache');
    const first = await loadProject(folder, createYamlCache(cacheDir, 'project', folder));
    expect(readdirSync(cacheDir)).toHaveLength(1);
    expect(await loadProject(folder, createYamlCache(cacheDir, 'project', folder))).toEqual(first);
  });

  test('is not used for another text', async () => {
    const cacheDir = join(folder, 'cache');
    await loadProject(folder, createYamlCache(cacheDir, 'project', folder));
    writeFileSync(join(folder, 'project.yml'), MINIMAL.replace('demo', 'other'));
    expect((await loadProject(folder, createYamlCache(cacheDir, 'project', folder))).name).toBe('other');
    writeFileSync(join(folder, 'project.yml'), `${MINIMAL}nmae: x\n`);
    await expect(loadProject(folder, createYamlCache(cacheDir, 'project', folder))).rejects.toThrow(
      /unknown key "nmae"/,
    );
  });

  test('is readable by its owner alone, and holds no project with a secret in its text', async () => {
    const cacheDir = join(folder, 'cache');
    await loadProject(folder, createYamlCache(cacheDir, 'project', folder));
    const [file = ''] = readdirSync(cacheDir);
    expect(statSync(join(cacheDir, file)).mode & 0o077).toBe(0);
    const text = `${MINIMAL}    state: { type: postgres, url: "postgres://u:kanarienvogel@h/d" }\n`;
    writeFileSync(join(folder, 'project.yml'), text);
    await loadProject(folder, createYamlCache(cacheDir, 'project', folder));
    for (const name of readdirSync(cacheDir))
      expect(readFileSync(join(cacheDir, name), 'utf8')).not.toContain('kanarienvogel');
  });

  test('does no harm when it cannot be written or read', async () => {
    const blocked = join(folder, 'project.yml', 'no-folder');
    expect((await loadProject(folder, createYamlCache(blocked, 'project', folder))).name).toBe('demo');
    const cacheDir = join(folder, 'cache');
    await loadProject(folder, createYamlCache(cacheDir, 'project', folder));
    for (const name of readdirSync(cacheDir)) writeFileSync(join(cacheDir, name), '{broken');
    expect((await loadProject(folder, createYamlCache(cacheDir, 'project', folder))).name).toBe('demo');
  });
});

test('a folder without project.yml is said so, with the way out', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-config-'));
  try {
    await expect(loadProject(folder)).rejects.toMatchObject({
      code: 'config_invalid',
      hint: expect.stringContaining('sluice init'),
    });
    writeFileSync(join(folder, 'project.yml'), Buffer.from([0x6e, 0xff, 0xfe]));
    await expect(loadProject(folder)).rejects.toThrow(/not UTF-8/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the schema of project.yml is a valid schema', () => {
  expect(() => schemaCompiler({}).compile(PROJECT_SCHEMA)).not.toThrow();
});

test('every key of project.yml is documented', () => {
  const documented = readFileSync(join(root, 'docs/configuration.md'), 'utf8');
  const keys = [
    ...Object.keys(PROJECT_SCHEMA.properties).filter((key) => key !== 'config-version'),
    ...Object.values(SECTIONS).flatMap((kinds) =>
      Object.entries<{ readonly keys: object }>(kinds).flatMap(([type, { keys: own }]) => [type, ...Object.keys(own)]),
    ),
  ];
  expect(keys.filter((key) => !documented.includes(`\`${key}\``))).toEqual([]);
});
