/** The npm package as a stranger gets it: packed, installed into an empty folder, a project made with it, and the job run there. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildImage, runImage } from '../support/container-build.ts';
import { registryAccess } from '../support/registry-access.ts';
import { REPOSITORY } from '../support/sluice-command.ts';

interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-package-'));
const empty = join(folder, 'empty');
const demo = join(empty, 'demo');
const readme = (): string => readFileSync(join(demo, 'README.md'), 'utf8');
let tarball = '';
let packed: readonly string[] = [];

/** npm, npx and node of this run's Node; nothing of the repository's own environment. */
function run(command: string, args: readonly string[], cwd: string): Promise<Outcome> {
  const { PATH = '', HOME = tmpdir() } = process.env;
  const path = [
    dirname(process.execPath),
    ...PATH.split(delimiter).filter((entry) => !entry.startsWith(REPOSITORY)),
  ].join(delimiter);
  const child = spawn(command, args, {
    cwd,
    env: { PATH: path, HOME, npm_config_update_notifier: 'false', ...registryAccess() },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

async function succeed(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { exitCode, stdout, stderr } = await run(command, args, cwd);
  if (exitCode !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${exitCode}:\n${stdout}\n${stderr}`);
  return stdout;
}

/** A registry that falls silent is asked again after a minute; npm itself would wait for five. */
const INSTALLING = ['--prefer-offline', '--no-audit', '--no-fund', '--fetch-timeout=60000', '--fetch-retries=4'];

beforeAll(async () => {
  // The command builds dist/ when a source is newer; `npm pack` by hand does so itself.
  await succeed('node', [join(REPOSITORY, 'bin/sluice.mjs'), '--version'], REPOSITORY);
  if (!existsSync(join(REPOSITORY, 'dist/index.d.ts')))
    await succeed('node', [join(REPOSITORY, 'scripts/build.mjs')], REPOSITORY);
  const report: unknown = JSON.parse(
    await succeed('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], REPOSITORY),
  );
  const [entry] = (Array.isArray(report) ? report : Object.values(report as object)) as {
    readonly filename: string;
    readonly files: readonly { readonly path: string }[];
  }[];
  tarball = join(folder, basename(entry?.filename ?? ''));
  packed = entry?.files.map((file) => file.path) ?? [];
  mkdirSync(empty);
  writeFileSync(join(empty, 'package.json'), '{ "private": true }');
  await succeed('npm', ['install', ...INSTALLING, tarball], empty);
}, 600_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the package', () => {
  test('holds the compiled tool, its types, and the files that a new project is made of', () => {
    for (const file of [
      'bin/sluice.mjs',
      'dist/index.js',
      'dist/index.d.ts',
      'dist/cli/main.js',
      'project.yml',
      'jobs/customer.ts',
      'LICENSE',
      'CHANGELOG.md',
      'package.json',
      'docs/running.md',
      'scaffold/Dockerfile',
      'tests/services/bigquery/go.sum',
    ]) {
      expect(packed).toContain(file);
    }
    for (const part of ['models/', 'macros/', 'seeds/', 'tests/data/'])
      expect(packed.some((file) => file.startsWith(part))).toBe(true);
  });

  test('holds nothing else', () => {
    const parts = [
      ...new Set(
        packed.map((file) =>
          file.startsWith('tests/') ? file.split('/').slice(0, 2).join('/') : (file.split('/')[0] ?? ''),
        ),
      ),
    ].sort();
    const known = [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'bin',
      'dist',
      'docs',
      'jobs',
      'macros',
      'models',
      'package.json',
      'project.yml',
      'scaffold',
      'seeds',
      'tests/data',
      'tests/services',
    ];
    expect(parts.filter((part) => !known.includes(part))).toEqual([]);
    expect(statSync(tarball).size).toBeLessThan(3_000_000);
  });

  test('is found by npx', async () => {
    const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
      readonly version: string;
    };
    expect(await succeed('npx', ['sluice', '--version'], empty)).toBe(`${version}\n`);
  });
});

describe('a project made with it', () => {
  beforeAll(() => succeed('npx', ['sluice', 'init', 'demo'], empty));

  test('has all the parts, and its own name', () => {
    for (const file of [
      'project.yml',
      'jobs/customer.ts',
      'jobs/order.ts',
      'models',
      'macros',
      'seeds',
      'tests/data',
      'package.json',
      'tsconfig.json',
      '.gitignore',
      'README.md',
      'Dockerfile',
      '.dockerignore',
      '.github/workflows/models.yml',
      'examples/orders.ndjson',
      'sluice-0.1.0.tgz',
    ]) {
      expect(existsSync(join(demo, file)), file).toBe(true);
    }
    for (const file of ['README.md', 'Dockerfile', 'project.yml'])
      expect(readFileSync(join(demo, file), 'utf8')).not.toContain('__project__');
    expect(readFileSync(join(demo, 'project.yml'), 'utf8')).toMatch(/^name: demo$/m);
    // The topics keep the names of the system they come from.
    expect(readFileSync(join(demo, 'jobs/customer.ts'), 'utf8')).toContain('kundenservice-kunde-create');
    expect(JSON.parse(readFileSync(join(demo, 'package.json'), 'utf8'))).toMatchObject({
      name: 'demo',
      type: 'module',
      dependencies: { sluice: 'file:sluice-0.1.0.tgz' },
    });
  });

  test('asks npm for the very package that made it', () => {
    const { dependencies } = JSON.parse(readFileSync(join(demo, 'package.json'), 'utf8')) as {
      readonly dependencies: Readonly<Record<string, string>>;
    };
    expect(existsSync(join(demo, (dependencies['sluice'] ?? '').replace('file:', '')))).toBe(true);
  });

  test('is not written over', async () => {
    expect(await run('npx', ['sluice', 'init', 'demo'], empty)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('is not empty'),
    });
  });

  test('has its types: a wrong job does not compile, the shipped ones do', async () => {
    const tsc = join(REPOSITORY, 'node_modules/typescript/bin/tsc');
    expect(await run(process.execPath, [tsc, '-p', '.'], demo)).toMatchObject({ exitCode: 0, stdout: '' });
    const wrong = join(demo, 'jobs/wrong.ts');
    writeFileSync(
      wrong,
      readFileSync(join(demo, 'jobs/order.ts'), 'utf8').replace(`key: 'order_number'`, `key: 'order_numbr'`),
    );
    try {
      const { exitCode, stdout } = await run(process.execPath, [tsc, '-p', '.'], demo);
      expect(exitCode).not.toBe(0);
      expect(stdout).toMatch(/jobs\/wrong\.ts.*order_numbr/);
    } finally {
      rmSync(wrong);
    }
  });

  test('lists its jobs, and each job file runs by itself', async () => {
    expect(await succeed('npx', ['sluice', 'job', 'list'], demo)).toMatch(/customer .*\n.*order/);
    expect(await succeed('node', ['jobs/customer.ts', '--help'], demo)).toContain('--full-refresh');
  });

  test(
    'is installed from the package that made it, and does what its README says, line by line',
    { timeout: 300_000 },
    async () => {
      const [, block = ''] = /^## The first batch$[\s\S]*?^```$\n([\s\S]*?)^```$/m.exec(readme()) ?? [];
      const lines = block.split('\n').filter((line) => line !== '');
      expect(lines[0]).toBe('npm install');
      const outputs = new Map<string, string>();
      for (const line of lines) outputs.set(line, await succeed('bash', ['-c', line], demo));
      const output = (start: string): string => [...outputs].find(([line]) => line.startsWith(start))?.[1] ?? '';
      expect(output('npx sluice debug')).toContain('all checks passed');
      expect(output('npx sluice job run customer')).toMatch(/read 4, landed 3, 1 dead letter/);
      expect(output('npx sluice show --inline')).toContain('Heidenkampsweg 4');
      expect(output('npx sluice dlq list')).toContain('kundenservice-kunde-create');
      expect(output('npx sluice show --limit')).toMatch(/2026-03-02.*paid/);
      expect(output('npx sluice job status')).toContain('nothing is unfinished');
    },
  );

  test('becomes an image whose user can run its jobs and models', { timeout: 300_000 }, async () => {
    const work = join(folder, 'image');
    const home = join(work, 'home');
    mkdirSync(home, { recursive: true });
    for (const part of [folder, work]) chmodSync(part, 0o755);
    chmodSync(home, 0o777);
    const image = await buildImage(demo, work);
    expect(await runImage(image, ['job', 'list'], { SLUICE_TARGET: 'dev' })).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/customer .*\n.*order/),
    });
    const env = { SLUICE_TARGET: 'dev', SLUICE_HOME: home };
    expect(await runImage(image, ['build'], env)).toMatchObject({ exitCode: 0 });
  });
});

describe('a job of a project', () => {
  beforeAll(() => succeed('npx', ['sluice', 'init', 'other'], empty));
  const other = join(empty, 'other');

  test('runs its job: events become rows, by the command and by the job file', async () => {
    const sluice = (...args: string[]): Promise<string> => succeed('npx', ['sluice', ...args], other);
    for (const topic of ['create', 'update', 'delete'])
      await sluice('topic', 'create', `kundenservice-kunde-${topic}`, '--partitions', '2');
    const event = (id: string, street: string): string =>
      `{"key":"${id}","value":{"id":"${id}","updated_at":"2026-03-01T10:15:30.123Z","street":"${street}","external_ref":9007199254740993},"timestamp":"2026-03-01T10:15:31Z"}`;
    writeFileSync(
      join(other, 'one.ndjson'),
      [event('K-1', 'Wendenstraße 12'), event('K-2', 'Heidenkampsweg 1')].join('\n'),
    );
    await sluice('topic', 'produce', 'kundenservice-kunde-create', '--file', 'one.ndjson');
    expect(JSON.parse(await sluice('job', 'run', 'customer', '--json'))).toMatchObject({
      job: 'customer',
      exitCode: 0,
      batches: [{ id: 'customer-00000001', kind: 'stream', read: 2, landed: 2, quarantined: 0 }],
      errors: [],
    });
    writeFileSync(join(other, 'two.ndjson'), event('K-3', 'Hammer Landstraße 3'));
    await sluice('topic', 'produce', 'kundenservice-kunde-update', '--file', 'two.ndjson');
    expect(JSON.parse(await succeed('node', ['jobs/customer.ts', '--json'], other))).toMatchObject({
      exitCode: 0,
      batches: [{ read: 1, landed: 1 }],
    });
    const shown = JSON.parse(
      await sluice('show', '--inline', "select * from {{ ref('current_customer') }} order by customer_id", '--json'),
    ) as {
      readonly rows: readonly object[];
    };
    expect(shown.rows).toMatchObject([
      { customer_id: 'K-1', street: 'Wendenstraße 12', external_ref: '9007199254740993' },
      { customer_id: 'K-2', street: 'Heidenkampsweg 1' },
      { customer_id: 'K-3', street: 'Hammer Landstraße 3' },
    ]);
    await sluice('topic', 'create', 'shop-order-changes', '--partitions', '1');
    expect(await sluice('debug')).toContain('ok      warehouse');
  });

  test('runs on the oldest Node that the package takes', { timeout: 300_000 }, async () => {
    const { engines } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
      readonly engines: { readonly node: string };
    };
    const version = `${engines.node.replace('>=', '')}.0`;
    const old = join(folder, 'old');
    mkdirSync(old);
    writeFileSync(join(old, 'package.json'), '{ "private": true }');
    await succeed('npm', ['install', ...INSTALLING, `node@${version}`], old);
    const node = join(old, 'node_modules/node/bin/node');
    expect(await succeed(node, ['--version'], old)).toBe(`v${version}\n`);
    // Every part of the tool, whatever target needs it.
    const chunks = join(empty, 'node_modules/sluice/dist/chunk');
    const importAll = `for (const file of fs.readdirSync('.')) if (file.endsWith('.js')) await import(path.resolve(file))`;
    await succeed(
      node,
      ['--input-type=module', '-e', `import fs from 'fs'; import path from 'path'; ${importAll}`],
      chunks,
    );
    const binary = join(empty, 'node_modules/sluice/bin/sluice.mjs');
    writeFileSync(
      join(other, 'three.ndjson'),
      '{"key":"K-4","value":{"id":"K-4","updated_at":"2026-03-02T10:15:30Z","street":"Spaldingstraße 4"},"timestamp":"2026-03-02T10:15:31Z"}',
    );
    const produce = ['topic', 'produce', 'kundenservice-kunde-update', '--file', 'three.ndjson'];
    await succeed(node, [binary, ...produce], other);
    for (const args of [['--json'], ['--full-refresh', '--json']])
      expect(JSON.parse(await succeed(node, [binary, 'job', 'run', 'customer', ...args], other))).toMatchObject({
        exitCode: 0,
        errors: [],
      });
    const count = "select count(*) as n from {{ ref('current_customer') }}";
    expect(JSON.parse(await succeed(node, [binary, 'show', '--inline', count, '--json'], other))).toMatchObject({
      rows: [{ n: expect.anything() }],
    });
    await succeed(node, [binary, 'build'], other);
  });
});
