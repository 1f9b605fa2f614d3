/** Starts and stops the BigQuery emulator on free ports of 127.0.0.1. What it does differently from BigQuery: `tests/integration/bigquery-emulator.test.ts`. */
import { spawn, type ChildProcess } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bigQueryEmulatorBinary, type Log } from './build.ts';

export interface BigQueryEmulatorOptions {
  readonly project?: string;
  /** Made at the start, so that it is there before any client asks. */
  readonly dataset?: string;
  /** `http://host:port` of a GCS emulator: where the emulator reads gs:// objects from. */
  readonly storageEndpoint?: string;
  readonly port?: number;
  readonly log?: Log;
  /** Begins with what another emulator held: its `database`, copied. */
  readonly from?: string;
}

export interface BigQueryEmulator {
  /** `http://127.0.0.1:<port>`: the client's `apiEndpoint`. */
  readonly endpoint: string;
  readonly project: string;
  /** The file that holds everything; `from` of another one, when nothing is being asked of this one. */
  readonly database: string;
  stop(): Promise<void>;
}

/** In memory where the system has such a folder: the emulator writes its whole catalogue at every turn. */
const ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
/** It listens after 0.2 s on an idle machine; ours may be building something beside. */
const START_TIMEOUT_MS = 60_000;
/** A free port can be taken between asking for it and the emulator's bind. */
const PORT_TRIES = 5;

export async function startBigQueryEmulator(options: BigQueryEmulatorOptions = {}): Promise<BigQueryEmulator> {
  const binary = await bigQueryEmulatorBinary(options.log);
  for (let attempt = 1; ; attempt++) {
    const emulator = await tryStart(binary, options);
    if (!(emulator instanceof Error)) return emulator;
    if (attempt === PORT_TRIES || options.port !== undefined || !/address already in use/.test(emulator.message))
      throw emulator;
  }
}

async function tryStart(binary: string, options: BigQueryEmulatorOptions): Promise<BigQueryEmulator | Error> {
  const project = options.project ?? 'sluice-test';
  const [port = 0, grpcPort = 0] = await freePorts(2);
  const httpPort = options.port ?? port;
  const folder = await mkdtemp(join(ROOT, 'sluice-bigquery-'));
  const args = [
    '--project',
    project,
    '--host',
    '127.0.0.1',
    '--port',
    String(httpPort),
    '--grpc-port',
    String(grpcPort),
  ];
  const database = join(folder, 'emulator.db');
  if (options.from !== undefined) await copyDatabase(options.from, database);
  args.push('--database', database, '--log-level', 'error');
  if (options.dataset !== undefined) args.push('--dataset', options.dataset);
  const child = spawn(binary, args, {
    env: emulatorEnvironment(options.storageEndpoint, folder),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const stop = async (): Promise<void> => {
    await end(child);
    process.removeListener('exit', killWithUs);
    await rm(folder, { recursive: true, force: true });
  };
  const endpoint = `http://127.0.0.1:${String(httpPort)}`;
  const failure = await untilListening(child, `${endpoint}/bigquery/v2/projects/${project}/datasets`);
  if (failure === undefined) return { endpoint, project, database, stop };
  await stop();
  return failure;
}

/** With its journal, in which the newest of it may stand. */
async function copyDatabase(from: string, to: string): Promise<void> {
  for (const suffix of ['', '-wal']) if (existsSync(from + suffix)) await copyFile(from + suffix, to + suffix);
}

/** Only what it needs: a developer's cloud credentials must not reach it, and STORAGE_EMULATOR_HOST must not reach anything else. */
function emulatorEnvironment(storageEndpoint: string | undefined, folder: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    TMPDIR: folder,
    ...(storageEndpoint === undefined ? {} : { STORAGE_EMULATOR_HOST: storageEndpoint }),
  };
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
    if (child.exitCode !== null)
      return new Error(`The BigQuery emulator ended with ${String(child.exitCode)}: ${output}`);
    const answered = await fetch(url).then(
      async (response) => (await response.arrayBuffer(), response.ok),
      () => false,
    );
    if (answered) return undefined;
    await sleep(20);
  }
  return new Error(`The BigQuery emulator did not listen within ${String(START_TIMEOUT_MS / 1000)} s: ${output}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.kill('SIGKILL');
  await closed;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, '127.0.0.1', resolve);
      });
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
