/**
 * A PostgreSQL server of its own for tests: started in about a second, gone with its files when it is stopped, and also when the
 * process that started it dies in any way (the shell around it waits for the end of its standard input).
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { giveTo, postgresBinaries, serverUser } from './binaries.ts';
import type { PostgresBinaries, ServerUser } from './binaries.ts';

export interface PostgresServer {
  readonly port: number;
  /** Has a character that must be percent-encoded in URLs. */
  readonly password: string;
  /** URL of a database on this server; `postgres` is there from the start. */
  url(database?: string): string;
  /** A new database, empty or a copy of another one, whose sessions are ended; answers its URL. */
  createDatabase(from?: string): Promise<string>;
  /** A new, empty schema of database `postgres`, first in the search path: much cheaper than a database. */
  createSchema(): Promise<{ readonly url: string; readonly schema: string }>;
  /** One statement as superuser. */
  admin(sql: string, database?: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  stop(): Promise<void>;
}

const USER = 'sluice';
const PASSWORD = 'p@ss:geheim/1';
const START_TIMEOUT_MS = 60_000;

/** Tests need speed, not durability; many processes connect at once. */
const SETTINGS = [
  'fsync=off',
  'full_page_writes=off',
  'synchronous_commit=off',
  'shared_buffers=32MB',
  'max_connections=150',
  'autovacuum=off',
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
];

/** Runs the server, ends it when standard input ends, removes the folder. `$1` is the folder, the rest the command. */
const SUPERVISOR = `
folder=$1; shift
cd "$folder"
"$@" > server.log 2>&1 &
server=$!
cat > /dev/null
kill -INT $server
wait $server
cd /
rm -rf "$folder"
`;

export async function startPostgres(options: { readonly port?: number } = {}): Promise<PostgresServer> {
  const user = await serverUser();
  const binaries = await postgresBinaries(user);
  for (let attempt = 1; ; attempt += 1) {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-postgres-'));
    await giveTo(user, folder);
    const port = options.port ?? (await freePort());
    await initialise(binaries, user, folder);
    const supervisor = supervise(binaries, user, folder, port);
    try {
      await untilReady(supervisor, folder, port);
      return serverOn(port, supervisor);
    } catch (error) {
      await end(supervisor);
      // Another process may have taken the free port meanwhile.
      if (options.port !== undefined || attempt === 3) throw error;
    }
  }
}

function serverOn(port: number, supervisor: ChildProcess): PostgresServer {
  const url = (database = 'postgres'): string =>
    `postgres://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${database}`;
  const admin: PostgresServer['admin'] = async (sql, database) => {
    const client = new pg.Client({ connectionString: url(database) });
    await client.connect();
    try {
      return (await client.query<Readonly<Record<string, unknown>>>(sql)).rows;
    } finally {
      await client.end();
    }
  };
  let made = 0;
  return {
    port,
    password: PASSWORD,
    url,
    admin,
    createDatabase: async (from) => {
      made += 1;
      const name = `state_${made}`;
      if (from === undefined) await admin(`create database ${name}`);
      else {
        const template = new URL(from).pathname.slice(1);
        await admin(`select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '${template}'`);
        await admin(`create database ${name} template ${template}`);
      }
      return url(name);
    },
    createSchema: async () => {
      made += 1;
      const schema = `state_${made}`;
      await admin(`create schema ${schema}`);
      return { schema, url: `${url()}?options=${encodeURIComponent(`-c search_path=${schema}`)}` };
    },
    stop: () => end(supervisor),
  };
}

async function initialise(binaries: PostgresBinaries, user: ServerUser, folder: string): Promise<void> {
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, `${PASSWORD}\n`);
  await giveTo(user, passwordFile);
  const flags = [`--pgdata=${join(folder, 'data')}`, `--username=${USER}`, `--pwfile=${passwordFile}`];
  flags.push('--auth=scram-sha-256', '--encoding=UTF8', '--no-locale', '--no-sync', '--no-instructions');
  const initdb = spawn(binaries.initdb, flags, { ...user, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  initdb.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  initdb.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(initdb, 'close')) as [number | null];
  if (code !== 0) throw new Error(`initdb ended with ${code}: ${output}`);
}

function supervise(binaries: PostgresBinaries, user: ServerUser, folder: string, port: number): ChildProcess {
  const settings = SETTINGS.flatMap((setting) => ['-c', setting]);
  const command = [binaries.postgres, '-D', join(folder, 'data'), '-p', String(port), ...settings];
  return spawn('/bin/sh', ['-c', SUPERVISOR, 'sh', folder, ...command], {
    ...user,
    // A group of its own: Ctrl-C in a terminal reaches this process first, which then ends the server in order.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
}

async function untilReady(supervisor: ChildProcess, folder: string, port: number): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const log = await readFile(join(folder, 'server.log'), 'utf8').catch(() => '');
    if (log.includes('database system is ready to accept connections')) return;
    if (supervisor.exitCode !== null || log.includes('FATAL') || performance.now() > deadline) {
      throw new Error(`PostgreSQL did not start on port ${port}: ${log}`);
    }
    await delay(20);
  }
}

async function end(supervisor: ChildProcess): Promise<void> {
  if (supervisor.exitCode !== null || supervisor.signalCode !== null) return;
  const closed = once(supervisor, 'exit');
  supervisor.stdin?.end();
  await closed;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
