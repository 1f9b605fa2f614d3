/** The command line from outside: help, mistakes, exit codes, `--json`, signals, and what a start costs. */
import { existsSync } from 'node:fs';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ProjectFolder, REPOSITORY, sluice, start } from '../../support/sluice-command.ts';

const PROJECT = `name: demo
targets:
  dev:
    stream: { type: topic_log, path: home/topics }
    landing: { type: local, path: home/landing }
    warehouse: { type: duckdb, path: home/warehouse.duckdb }
    state: { type: sqlite, path: home/state.sqlite }
  far:
    stream: { type: kafka, brokers: "{{ env_var('BROKERS') }}", username: u, password: "{{ env_var('KAFKA_CANARY') }}" }
    landing: { type: local, path: home/landing }
    warehouse: { type: duckdb, path: home/warehouse.duckdb }
    state: { type: postgres, url: "{{ env_var('STATE_URL') }}" }
`;

const JOB = `import { defineJob, runJobFile } from 'sluice';
export default defineJob({
  name: 'thing', description: 'Things of the world', topics: [{ name: 'things', op: 'update' }], key: 'id', eventTime: 'at', models: ['current_thing'],
  schema: { type: 'object', properties: { id: { type: 'string' }, at: { type: 'string', format: 'date-time' } } },
  parameters: { region: { type: 'string', description: 'which part of the world', default: 'eu' }, days: { type: 'number', description: 'how many' } },
});
runJobFile(import.meta);
`;

function project(): ProjectFolder {
  return new ProjectFolder({ 'project.yml': PROJECT, 'jobs/thing.ts': JOB });
}

describe('help', () => {
  test('goes to stdout and ends with 0', async () => {
    for (const args of [['--help'], ['help'], ['job', 'run', '--help'], ['help', 'topic'], []]) {
      const { exitCode, stdout, stderr } = await sluice(args);
      expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 0, stderr: '' });
      expect(stdout).toContain('Usage: sluice');
    }
  });

  test('the version is the package version', async () => {
    const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string };
    expect(await sluice(['--version'])).toMatchObject({ exitCode: 0, stdout: `${version}\n` });
  });
});

/** Packages of a module: its own, and those that the bundle put into it (scripts/bundle.mjs). */
function packagesIn(url: string): readonly string[] {
  const path = fileURLToPath(url);
  const own = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
  if (own !== undefined) return [own];
  const dist = join(REPOSITORY, 'dist');
  const chunks = JSON.parse(readFileSync(join(dist, 'chunks.json'), 'utf8')) as Readonly<
    Record<string, readonly string[]>
  >;
  return chunks[relative(dist, path)] ?? [];
}

test('a reader that goes away while help is printed is no fault', async () => {
  const command = start([join(REPOSITORY, 'bin/sluice.mjs'), 'build', '--help']);
  command.child.stdout?.destroy();
  expect(await command.outcome).toMatchObject({ exitCode: 0, stderr: '' });
});

describe('what a start imports', () => {
  async function packagesOf(args: readonly string[], cwd: string): Promise<string[]> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-imports-'));
    try {
      const hook = join(folder, 'hook.mjs');
      const log = join(folder, 'log.txt');
      writeFileSync(log, '');
      writeFileSync(
        hook,
        `import { registerHooks } from 'node:module';
import { appendFileSync } from 'node:fs';
registerHooks({ load(url, context, next) { appendFileSync(${JSON.stringify(log)}, url + '\\n'); return next(url, context); } });`,
      );
      await sluice(args, { cwd, nodeOptions: ['--import', pathToFileURL(hook).href] });
      const urls = readFileSync(log, 'utf8')
        .split('\n')
        .filter((url) => url.startsWith('file:'));
      return [...new Set(urls.flatMap(packagesIn))].sort();
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  test('help: the command line parser and nothing else', async () => {
    await sluice(['--help']); // builds when a source is newer
    expect(await packagesOf(['--help'], REPOSITORY)).toEqual(['commander']);
  });

  test('a command over a known project: neither YAML nor ajv nor what it does not use', async () => {
    using folder = project();
    await sluice(['job', 'list'], { cwd: folder.dir });
    expect(await packagesOf(['job', 'list'], folder.dir)).toEqual(['commander']);
    const status = await packagesOf(['job', 'status', 'thing'], folder.dir);
    const unused = [
      'ajv',
      'yaml',
      'yargs',
      '@duckdb/node-api',
      'kafkajs',
      '@google-cloud/bigquery',
      '@google-cloud/storage',
      'nunjucks',
      'pg',
    ];
    expect(status.filter((name) => unused.includes(name))).toEqual([]);
  });
});

describe('mistakes', () => {
  test.each([
    [['rnu'], /error\[usage\]: unknown command 'rnu'; did you mean run\?/],
    [['job', 'statsu', 'x'], /error\[usage\]: unknown command 'statsu'; did you mean status\?/],
    [['job', 'list', '--tagret', 'dev'], /error\[usage\]: unknown option '--tagret'; did you mean --target\?/],
    [['job'], /error\[usage\]: a command is missing[\s\S]*Usage: sluice job/],
    [['job', 'run'], /error\[usage\]: missing required argument 'job'/],
    [['job', 'run', 'thing', '--only', 'lnad'], /error\[usage\].*'lnad' is invalid.*land, load, transform/],
    [['job', 'run', 'thing', '--ful-load'], /error\[usage\]: unknown option '--ful-load'; did you mean --full-load\?/],
    [['job', 'run', 'thing', '--days', 'many'], /error\[usage\]: --days: expected a number/],
    [['job', 'run', 'thing', 'other'], /error\[usage\]: unexpected argument 'other'/],
    [
      ['job', 'run', 'thing', '--logical-time', 'yesterday'],
      /error\[usage\]: --logical-time: came "yesterday", expected an RFC 3339 instant/,
    ],
    [['job', 'run', 'thing', '--full-load', '--only', 'load'], /error\[usage\]: --full-load downloads/],
    [
      ['job', 'run', 'thing', '--full-refresh', '--only', 'load'],
      /error\[usage\]: --full-refresh rebuilds .* --only load/,
    ],
    [
      ['job', 'run', 'thnig'],
      /error\[job_unknown\]: there is no job "thnig" in jobs; did you mean "thing"\?\nhint: Known jobs: thing/,
    ],
    [
      ['job', 'list', '--target', 'dve'],
      /error\[target_unknown\]: there is no target "dve" in project\.yml; did you mean "dev"\?/,
    ],
    [
      ['job', 'status', 'thing', '--target', 'far'],
      /error\[env_missing\]: project\.yml:\d+:\d+: targets\.far\.state\.url needs the environment variable STATE_URL/,
    ],
    [
      ['job', 'list', '--project-dir', 'nowhere'],
      /error\[config_invalid\]: there is no project\.yml in .*nowhere\nhint: /,
    ],
    [['topic', 'create', 'x', '--partitions', 'two'], /error\[usage\].*--partitions is a whole number of at least 1/],
    [['topic', 'trim', 'x', '--partition', '0'], /error\[usage\]: required option '--before-offset <n>' not specified/],
  ])('%j ends with 2 and says what to do', async (args, expected) => {
    using folder = project();
    const { exitCode, stdout, stderr } = await sluice(args, { cwd: folder.dir });
    expect(stderr).toMatch(expected);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  });

  test('a broken project.yml shows every mistake', async () => {
    using folder = new ProjectFolder({ 'project.yml': 'nmae: x\ntargets: { dev: { warehouse: { type: duckbd } } }\n' });
    const { exitCode, stderr } = await sluice(['job', 'list'], { cwd: folder.dir });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('project.yml:1:1: unknown key "nmae"; did you mean "name"?');
    expect(stderr).toContain('did you mean "duckdb"?');
  });
});

describe('--json', () => {
  test('prints one object on stdout, the rest on stderr', async () => {
    using folder = project();
    const { exitCode, stdout } = await sluice(['job', 'list', '--json'], { cwd: folder.dir });
    expect(exitCode).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({
      exitCode: 0,
      jobs: [{ name: 'thing', file: 'jobs/thing.ts', topics: ['things'] }],
    });
  });

  test('prints one object for a failure too, in the shape of a report', async () => {
    using folder = project();
    const failed = await sluice(['job', 'run', 'thing', '--json', '--logical-time', 'x'], { cwd: folder.dir });
    expect(failed.exitCode).toBe(2);
    expect(JSON.parse(failed.stdout)).toEqual({
      job: 'thing',
      logicalTime: null,
      batches: [],
      steps: [],
      models: [],
      exitCode: 2,
      errors: [{ code: 'usage', message: expect.stringContaining('--logical-time') }],
    });
    const refused = await sluice(['job', 'run', 'thing', '--only', 'lnad', '--json'], { cwd: folder.dir });
    expect(JSON.parse(refused.stdout)).toMatchObject({ job: 'thing', batches: [], steps: [], models: [], exitCode: 2 });
    const usage = await sluice(['rnu', '--json'], { cwd: folder.dir });
    expect(JSON.parse(usage.stdout)).toMatchObject({ exitCode: 2, errors: [{ code: 'usage' }] });
  });

  test('carries no colours, even when they are forced', async () => {
    using folder = project();
    const { stdout, stderr } = await sluice(['job', 'nix', '--json'], { cwd: folder.dir, env: { FORCE_COLOR: '1' } });
    expect(stdout).not.toContain('\u001B');
    expect(stderr).toContain('\u001B[');
  });
});

describe('a project from elsewhere', () => {
  test('is found from a folder inside it, and by --project-dir', async () => {
    using folder = project();
    for (const [cwd, args] of [
      [join(folder.dir, 'jobs'), []],
      [tmpdir(), ['--project-dir', folder.dir]],
    ] as const) {
      expect(await sluice(['job', 'list', ...args], { cwd })).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining('Things of the world'),
      });
    }
  });
});

describe('topics', () => {
  test('are made, filled, listed and trimmed; status shows the lag', async () => {
    using folder = project();
    const run = (...args: string[]) => sluice(args, { cwd: folder.dir });
    expect(await run('topic', 'create', 'things', '--partitions', '2')).toMatchObject({ exitCode: 0 });
    folder.write(
      'f.ndjson',
      ['{"key":"a","value":{"id":"a"},"partition":0}', '{"key":"b","value":{"id":"b"},"partition":0}'].join('\n'),
    );
    expect(await run('topic', 'produce', 'things', '--file', 'f.ndjson')).toMatchObject({ exitCode: 0 });
    expect((await run('topic', 'trim', 'things', '--partition', '0', '--before-offset', '1')).exitCode).toBe(0);
    const listed = await run('topic', 'ls', '--json');
    expect(JSON.parse(listed.stdout)).toMatchObject({
      topics: [{ topic: 'things', partitions: [{ partition: 0, start: '1', end: '2' }, { partition: 1 }] }],
    });
    const status = await run('job', 'status', 'thing', '--json');
    expect(JSON.parse(status.stdout)).toMatchObject({
      exitCode: 0,
      job: 'thing',
      target: 'dev',
      deadLetters: 0,
      unfinished: [],
      lag: [{ topic: 'things', partition: 0, next: null, lag: '1' }, { lag: '0' }],
    });
    // Status needs no warehouse, so none was made.
    expect(existsSync(join(folder.dir, 'home/warehouse.duckdb'))).toBe(false);
    expect(await run('dlq', 'list', 'thing')).toMatchObject({ exitCode: 0, stdout: 'no dead letters\n' });
  });
});

describe('signals', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends a waiting command with 130 and its error', async (signal) => {
    using folder = project();
    await sluice(['topic', 'create', 'things', '--partitions', '1'], { cwd: folder.dir });
    const command = start([join(REPOSITORY, 'bin/sluice.mjs'), 'topic', 'produce', 'things', '--file', '-', '--json'], {
      cwd: folder.dir,
    });
    // It waits for its standard input.
    await new Promise((resolve) => setTimeout(resolve, 5000));
    command.child.kill(signal);
    const { exitCode, stdout, stderr } = await command.outcome;
    expect(stderr).toContain('stopping at the next safe point');
    expect(exitCode).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ exitCode: 130, errors: [{ code: 'interrupted' }] });
  });
});

describe('a job file run by itself', () => {
  test('shows help with its own parameters', async () => {
    using folder = project();
    const { exitCode, stdout } = await start(['jobs/thing.ts', '--help'], { cwd: folder.dir }).outcome;
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Things of the world');
    for (const option of [
      '--full-load',
      '--full-refresh',
      '--only',
      '--logical-time',
      '--target',
      '--accept-gap',
      '--region',
      '--days',
    ])
      expect(stdout).toContain(option);
  });

  test.each([
    [['--ful-load'], /error\[usage\]: unknown option '--ful-load'; did you mean --full-load\?/],
    [['--only', 'lnad'], /error\[usage\].*lnad/],
    [['--days', 'many'], /error\[usage\]: --days: expected a number/],
    [['stray'], /error\[usage\]: unexpected argument 'stray'/],
    [['--full-refresh=maybe'], /error\[usage\]: --full-refresh is a switch and takes no value, came "maybe"/],
    [['--logical-time', 'x'], /error\[usage\]: --logical-time/],
    [['--target', 'dve'], /error\[target_unknown\].*did you mean "dev"/],
  ])('%j ends with 2', async (args, expected) => {
    using folder = project();
    // From another folder: the project is the one the file lies in.
    const { exitCode, stderr } = await start([join(folder.dir, 'jobs/thing.ts'), ...args], { cwd: tmpdir() }).outcome;
    expect(stderr).toMatch(expected);
    expect(exitCode).toBe(2);
  });

  test('does nothing when it is imported', async () => {
    using folder = project();
    const code = `await import(${JSON.stringify(pathToFileURL(join(folder.dir, 'jobs/thing.ts')).href)}); console.log('imported');`;
    expect(await start(['--input-type=module', '-e', code], { cwd: folder.dir }).outcome).toMatchObject({
      exitCode: 0,
      stdout: 'imported\n',
      stderr: '',
    });
  });
});

describe('an old Node', () => {
  /** Seen by bin/sluice.mjs alone: the pinned Node that it starts has its own version. */
  const PRETEND = `data:text/javascript,${encodeURIComponent(`Object.defineProperty(process.versions, 'node', { value: '20.11.1' });`)}`;

  test('starts the pinned one', async () => {
    const { exitCode, stdout } = await sluice(['--version'], { nodeOptions: ['--import', PRETEND] });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('passes exit status and signals on', async () => {
    expect((await sluice(['rnu'], { nodeOptions: ['--import', PRETEND] })).exitCode).toBe(2);
    using folder = project();
    await sluice(['topic', 'create', 'things', '--partitions', '1'], { cwd: folder.dir });
    const command = start(
      ['--import', PRETEND, join(REPOSITORY, 'bin/sluice.mjs'), 'topic', 'produce', 'things', '--file', '-'],
      { cwd: folder.dir },
    );
    await new Promise((resolve) => setTimeout(resolve, 8000));
    command.child.kill('SIGINT');
    expect((await command.outcome).exitCode).toBe(130);
  });

  test('without a pinned one is said so', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-old-'));
    try {
      cpSync(join(REPOSITORY, 'bin/sluice.mjs'), join(folder, 'bin/sluice.mjs'));
      const { exitCode, stdout, stderr } = await start(
        ['--import', PRETEND, join(folder, 'bin/sluice.mjs'), 'job', 'list', '--json'],
        { cwd: folder },
      ).outcome;
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/sluice needs Node\.js 22\.18 or newer, this is 20\.11\.1/);
      expect(JSON.parse(stdout)).toMatchObject({ exitCode: 2, errors: [{ code: 'node_too_old' }] });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('secrets', () => {
  test('of a connection that fails are not shown', async () => {
    using folder = project();
    const env = {
      STATE_URL: 'postgres://u:kanarienvogel-%C3%A4@127.0.0.1:1/db',
      BROKERS: '127.0.0.1:1',
      KAFKA_CANARY: 'zeisig-0815',
    };
    for (const flags of [[], ['--json']]) {
      const { exitCode, stdout, stderr } = await sluice(['job', 'status', 'thing', '--target', 'far', ...flags], {
        cwd: folder.dir,
        env,
      });
      expect(exitCode).not.toBe(0);
      for (const form of ['kanarienvogel', 'zeisig', Buffer.from(env.STATE_URL).toString('base64')])
        expect(stdout + stderr).not.toContain(form);
    }
  });
});
