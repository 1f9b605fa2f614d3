/**
 * S05 (RELIABILITY.md): unique canaries in every secret slot; whatever the commands print or leave behind, failures included, holds none of
 * them, in no encoding. And what a dry run leaves behind: nothing.
 */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { REPOSITORY, sluice, type CommandOutcome } from '../support/sluice-command.ts';

const CANARIES = {
  CUSTOMER_API_TOKEN: 'kanarienvogel-ä/+token-77',
  KAFKA_PASSWORD: 'zeisig?&=password-88',
  STATE_DATABASE_URL: 'postgres://sluice:stieglitz-99@127.0.0.1:1/state',
} as const;

const parent = mkdtempSync(join(tmpdir(), 'sluice-secrets-'));
const folder = join(parent, 'demo');
let server: Server;
let env: Readonly<Record<string, string>>;
/** Echoes what it was sent, as careless services do. */
let answer: (token: string) => { readonly status: number; readonly body: string } = () => ({ status: 401, body: '' });

function run(...args: string[]): Promise<CommandOutcome> {
  return sluice(args, { cwd: folder, env });
}

beforeAll(async () => {
  await sluice(['init', 'demo'], { cwd: parent });
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(REPOSITORY, join(folder, 'node_modules', 'sluice'));
  server = createServer((request, response) => {
    const { status, body } = answer(request.headers.authorization ?? '');
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  env = {
    ...CANARIES,
    CUSTOMER_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    KAFKA_BROKERS: '127.0.0.1:1',
    KAFKA_USERNAME: 'u',
    KAFKA_SASL_MECHANISM: 'plain',
    GCS_BUCKET: 'b',
    BIGQUERY_PROJECT: 'p',
    BIGQUERY_DATASET: 'd',
    BIGQUERY_LOCATION: 'EU',
  };
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(parent, { recursive: true, force: true });
});

function filesBelow(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The secret parts, plain and encoded. */
function forms(): readonly string[] {
  return [CANARIES.CUSTOMER_API_TOKEN, CANARIES.KAFKA_PASSWORD, 'stieglitz-99'].flatMap((canary) => [
    canary,
    canary.slice(0, 9),
    encodeURIComponent(canary),
    JSON.stringify(canary).slice(1, -1),
    Buffer.from(canary).toString('base64'),
    Buffer.from(canary).toString('base64url'),
    Buffer.from(canary).toString('hex'),
  ]);
}

function expectNoCanary(text: string, where: string): void {
  for (const form of forms()) expect(text.includes(form), `${where} holds ${form}`).toBe(false);
}

test('no secret is printed or stored, whatever fails', async () => {
  for (const topic of [
    'kundenservice-kunde-create',
    'kundenservice-kunde-update',
    'kundenservice-kunde-delete',
    'shop-order-changes',
  ]) {
    await run('topic', 'create', topic, '--partitions', '1');
  }
  // A template that repeats the environment: into compiled SQL, an error message and the logs.
  writeFileSync(
    join(folder, 'models', 'leak.sql'),
    `{{ config(materialized='view') }} select '{{ env_var('CUSTOMER_API_TOKEN') }}' as token, {{ log(env_var('KAFKA_PASSWORD'), info=true) }} no_such_column`,
  );
  const outcomes: [string, CommandOutcome][] = [];
  const look = async (...args: string[]): Promise<void> => {
    outcomes.push([args.join(' '), await run(...args)]);
  };
  answer = (token) => ({ status: 401, body: JSON.stringify({ error: `bad token ${token}` }) });
  await look('job', 'run', 'customer', '--full-load');
  answer = (token) => ({ status: 404, body: `<html>${token}</html>` });
  await look('job', 'run', 'customer', '--full-load', '--json');
  await look('job', 'run', 'customer', '--full-load', '--dry-run');
  await look('job', 'status', 'customer', '--json');
  await look('run', '--select', 'leak');
  await look('compile', '--select', 'leak');
  await look('show', '--inline', `select '{{ env_var('KAFKA_PASSWORD') }}' as a, {{ env_var('STATE_DATABASE_URL') }}`);
  await look('parse');
  await look('debug', '--target', 'kafka', '--json');
  await look('debug', '--target', 'prod');
  await look('topic', 'ls', '--target', 'kafka');
  await look('job', 'run', 'customer', '--target', 'prod', '--json');
  // Each canary came as far as its slot.
  const told = outcomes.map(([command, { stdout, stderr }]) => `${command}: ${stdout}${stderr}`).join('\n');
  for (const code of ['rest_unauthorized', 'rest_failed', 'broker_unreachable', 'state_unavailable', 'model_failed'])
    expect(told).toContain(code);
  expect(told).toContain('***');
  for (const [command, { stdout, stderr }] of outcomes) expectNoCanary(stdout + stderr, `sluice ${command}`);
  for (const file of filesBelow(folder)) expectNoCanary(readFileSync(file, 'latin1'), file);
  for (const file of filesBelow(folder)) expectNoCanary(readFileSync(file, 'utf8'), file);
}, 300_000);

test('what a job says of itself in a header is no secret, and a credential in one is', async () => {
  const job = join(folder, 'jobs', 'customer.ts');
  const text = readFileSync(job, 'utf8');
  const headers = `headers: { 'x-client': 'sluice', 'x-api-key': 'wellensittich-66' },`;
  writeFileSync(job, text.replace("path: '/customers',", `path: '/customers', ${headers}`));
  answer = () => ({ status: 404, body: 'no such client: sluice with wellensittich-66' });
  const { stdout, stderr } = await run('job', 'run', 'customer', '--full-load');
  writeFileSync(job, text);
  expect(stdout + stderr).toContain('no such client: sluice with ***');
  expect(stdout + stderr).not.toContain('wellensittich-66');
}, 300_000);

test('a dry run writes nothing, on a new project and on one that has run', async () => {
  const home = join(parent, 'dry');
  const dry = (...args: string[]) => sluice(args, { cwd: folder, env: { ...env, SLUICE_HOME: home } });
  for (const topic of ['create', 'update', 'delete'])
    await dry('topic', 'create', `kundenservice-kunde-${topic}`, '--partitions', '1');
  const before = filesBelow(parent);
  expect(await dry('job', 'run', 'customer', '--dry-run')).toMatchObject({ exitCode: 0 });
  expect(await dry('job', 'status', 'customer')).toMatchObject({ exitCode: 0 });
  expect(await dry('dlq', 'list', 'customer')).toMatchObject({ exitCode: 0 });
  expect(filesBelow(parent)).toEqual(before);
  expect(existsSync(join(home, 'state.sqlite'))).toBe(false);
  expect(await dry('job', 'run', 'customer')).toMatchObject({ exitCode: 0 });
  const state = new Map(filesBelow(home).map((file) => [file, readFileSync(file, 'hex')]));
  expect(await dry('job', 'run', 'customer', '--dry-run')).toMatchObject({ exitCode: 0 });
  expect(new Map(filesBelow(home).map((file) => [file, readFileSync(file, 'hex')]))).toEqual(state);
}, 300_000);

test('a home that cannot be made is said so', async () => {
  const file = join(parent, 'a-file');
  writeFileSync(file, '');
  chmodSync(file, 0o400);
  const { exitCode, stderr } = await sluice(['job', 'run', 'order'], {
    cwd: folder,
    env: { SLUICE_HOME: join(file, 'home') },
  });
  expect(stderr).toMatch(/error\[store_\w+\]: .*a-file\/home/);
  expect(exitCode).toBe(1);
});
