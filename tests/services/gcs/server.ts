/** Starts and stops fake-gcs-server on a free port of 127.0.0.1. What it does differently from GCS: `tests/integration/gcs-emulator.test.ts`. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fakeGcsBinary, type Log } from './build.ts';

export interface FakeGcsOptions {
  /** Made at the start. */
  readonly buckets?: readonly string[];
  readonly port?: number;
  readonly log?: Log;
}

export interface FakeGcs {
  /** `http://127.0.0.1:<port>`: for GCS_API_ENDPOINT, and the STORAGE_EMULATOR_HOST of the BigQuery emulator. */
  readonly endpoint: string;
  createBucket(name: string): Promise<void>;
  /** A new bucket with the objects of another one. */
  copyBucket(from: string, to: string): Promise<void>;
  /** Takes the bucket away with all that is in it. */
  deleteBucket(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** It listens after 0.1 s on an idle machine; ours may be building something beside. */
const START_TIMEOUT_MS = 60_000;
/** A free port can be taken between asking for it and the server's bind. */
const PORT_TRIES = 5;

export async function startFakeGcs(options: FakeGcsOptions = {}): Promise<FakeGcs> {
  const binary = await fakeGcsBinary(options.log);
  for (let attempt = 1; ; attempt++) {
    const server = await tryStart(binary, options.port ?? (await freePort()));
    if (!(server instanceof Error)) {
      for (const bucket of options.buckets ?? []) await server.createBucket(bucket);
      return server;
    }
    const isTaken = /address already in use/.test(server.message);
    if (attempt === PORT_TRIES || options.port !== undefined || !isTaken) throw server;
  }
}

async function tryStart(binary: string, port: number): Promise<FakeGcs | Error> {
  const host = `127.0.0.1:${String(port)}`;
  const endpoint = `http://${host}`;
  // Without the external URL the address of a resumable upload cannot be reached.
  const args = ['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port), '-backend', 'memory'];
  args.push('-external-url', endpoint, '-public-host', host, '-log-level', 'error');
  // Only what it needs: its settings can also come from FAKE_GCS_* variables.
  const child = spawn(binary, args, { env: { PATH: process.env['PATH'] }, stdio: ['ignore', 'pipe', 'pipe'] });
  const killWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const stop = async (): Promise<void> => {
    await end(child);
    process.removeListener('exit', killWithUs);
  };
  const failure = await untilListening(child, `${endpoint}/_internal/healthcheck`);
  if (failure === undefined) {
    return {
      endpoint,
      createBucket: (name) => createBucket(endpoint, name),
      copyBucket: (from, to) => copyBucket(endpoint, from, to),
      deleteBucket: (name) => deleteBucket(endpoint, name),
      stop,
    };
  }
  await stop();
  return failure;
}

async function createBucket(endpoint: string, name: string): Promise<void> {
  const response = await fetch(`${endpoint}/storage/v1/b?project=sluice-test`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  const text = await response.text();
  if (!response.ok && response.status !== 409) throw new Error(`The bucket ${name} cannot be made: ${text}`);
}

async function objectNames(endpoint: string, bucket: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (let page = ''; ;) {
    const answer = await fetch(`${endpoint}/storage/v1/b/${bucket}/o?maxResults=1000&pageToken=${page}`);
    const { items = [], nextPageToken } = (await answer.json()) as {
      readonly items?: readonly { readonly name: string }[];
      readonly nextPageToken?: string;
    };
    names.push(...items.map(({ name }) => name));
    if (nextPageToken === undefined || nextPageToken === '') return names;
    page = encodeURIComponent(nextPageToken);
  }
}

async function copyBucket(endpoint: string, from: string, to: string): Promise<void> {
  await createBucket(endpoint, to);
  for (const name of (await objectNames(endpoint, from)).map(encodeURIComponent)) {
    const path = `/storage/v1/b/${from}/o/${name}/rewriteTo/b/${to}/o/${name}`;
    const response = await fetch(endpoint + path, { method: 'POST' });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${text}`);
  }
}

async function deleteBucket(endpoint: string, name: string): Promise<void> {
  for (const object of await objectNames(endpoint, name))
    await fetch(`${endpoint}/storage/v1/b/${name}/o/${encodeURIComponent(object)}`, { method: 'DELETE' });
  await fetch(`${endpoint}/storage/v1/b/${name}`, { method: 'DELETE' });
}

async function untilListening(child: ChildProcess, url: string): Promise<Error | undefined> {
  let output = '';
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString('utf8')).slice(-4000);
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  let failed: Error | undefined;
  child.once('error', (error) => (failed = error));
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline) {
    if (failed !== undefined) return failed;
    if (child.exitCode !== null) return new Error(`fake-gcs-server ended with ${String(child.exitCode)}: ${output}`);
    const answered = await fetch(url).then(
      async (response) => (await response.arrayBuffer(), response.ok),
      () => false,
    );
    if (answered) return undefined;
    await sleep(20);
  }
  return new Error(`fake-gcs-server did not listen within ${String(START_TIMEOUT_MS / 1000)} s: ${output}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.kill('SIGKILL');
  await closed;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
