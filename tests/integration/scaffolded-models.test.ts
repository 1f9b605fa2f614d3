/** The workflow that `sluice init` writes, run step by step in a new project, on the emulator that it would build. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bigQueryEmulatorBinary } from '../services/bigquery/build.ts';
import { REPOSITORY, sluice } from '../support/sluice-command.ts';
import { onlyJob, readWorkflow, stepNamed, type WorkflowJob } from '../support/workflow-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-workflow-'));
const project = join(folder, 'shop');
const home = join(folder, 'home');
let job: WorkflowJob;
let ports: readonly number[];

beforeAll(async () => {
  expect(await sluice(['init', 'shop'], { cwd: folder })).toMatchObject({ exitCode: 0 });
  // What `npm install` does with a dependency on a checkout.
  mkdirSync(join(project, 'node_modules/.bin'), { recursive: true });
  symlinkSync(REPOSITORY, join(project, 'node_modules/sluice'));
  symlinkSync(join(REPOSITORY, 'bin/sluice.mjs'), join(project, 'node_modules/.bin/sluice'));
  job = onlyJob(readWorkflow(join(project, '.github/workflows/models.yml')));
  // The cache step found it.
  mkdirSync(join(home, '.cache/bigquery-emulator'), { recursive: true });
  symlinkSync(await bigQueryEmulatorBinary(), join(home, '.cache/bigquery-emulator/bigquery-emulator'));
  ports = [await freePort(), await freePort()];
}, 600_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

interface Outcome {
  readonly exitCode: number | null;
  readonly text: string;
}

/** As a runner does: bash -e, in the project, with the job's environment. 9050 and 9060 may be somebody's here. */
async function step(script: string): Promise<Outcome> {
  const moved = (text: string): string =>
    text.replaceAll('9050', String(ports[0])).replaceAll('9060', String(ports[1]));
  const variables = Object.entries(job.env ?? {}).map(([name, value]) => [name, moved(value)]);
  const child = spawn('bash', ['-e', '-o', 'pipefail', '-c', moved(script)], {
    cwd: project,
    env: {
      ...Object.fromEntries(variables),
      PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
      HOME: home,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    // Not `close`: what a step starts in the background goes on.
    child.on('exit', (exitCode) => resolve({ exitCode, text }));
  });
}

function script(name: string): string {
  return stepNamed(job, name).run ?? '';
}

describe('the workflow of a new project', () => {
  let emulator: number | undefined;
  afterAll(() => {
    if (emulator !== undefined) process.kill(emulator);
  });

  test('asks the Go module in the package for the emulator that it builds', async () => {
    const [, build = ''] = /go build (.*)$/m.exec(script('Build the emulator')) ?? [];
    const [, target = ''] = /(\S+)\s*$/.exec(build) ?? [];
    const listed = await step(`HOME=${process.env['HOME'] ?? ''} go list -C "$EMULATOR_MODULE" ${target}`);
    expect(listed).toEqual({ exitCode: 0, text: `${target}\n` });
  });

  test('starts the emulator, and builds and tests all models on it', async () => {
    const started = await step(`${script('Start the emulator')}\necho "pid $!"`);
    emulator = Number(/pid (\d+)/.exec(started.text)?.[1]);
    expect(started).toMatchObject({ exitCode: 0 });
    const built = await step(script('Build and test the models'));
    expect(built.text).toMatch(/7 done/);
    expect(built.exitCode).toBe(0);
    expect(readFileSync(join(project, 'target/run_results.json'), 'utf8')).toContain('"success"');
  });

  test('finds by sluice debug that the target is an emulator, and its datasets', async () => {
    const { exitCode, text } = await step('npx sluice debug --target ci');
    expect(text).toMatch(/ok +identity +none/);
    expect(text).toMatch(/ok +dataset +analytics is there/);
    expect(text).toMatch(/ok +permissions +not checked/);
    expect(exitCode).toBe(0);
  });
});
