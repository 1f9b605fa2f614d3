/**
 * Builds fsouza/fake-gcs-server from the pinned tools module beside this file (`go.mod`, `go.sum`) into a cache folder of the user, keyed
 * by what is pinned. The first build takes about a minute and a half on two cores, every later start finds the binary.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PACKAGE = 'github.com/fsouza/fake-gcs-server';
const NAME = 'fake-gcs-server';
const HERE = import.meta.dirname;
/** Between two looks at a build that another process is doing. */
const WAIT_MS = 500;

export type Log = (line: string) => void;

/** The binary's path; builds it first when it is not there. `log` hears why the caller waits. */
export async function fakeGcsBinary(log: Log = () => {}): Promise<string> {
  const folder = await cacheFolder();
  const binary = join(folder, NAME);
  while (!(await exists(binary))) {
    await mkdir(folder, { recursive: true });
    const unlock = await lock(join(folder, 'building'));
    if (unlock === undefined) {
      await sleep(WAIT_MS);
      continue;
    }
    try {
      if (!(await exists(binary))) await build(binary, log);
    } finally {
      await unlock();
    }
  }
  return binary;
}

async function cacheFolder(): Promise<string> {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(HERE, file)));
  const root = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const name = `${NAME}-${process.platform}-${process.arch}-${hash.digest('hex').slice(0, 16)}`;
  return join(root, 'sluice', 'services', name);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** One build at a time per user; a lock whose process is dead is taken over. Undefined: somebody else is building. */
async function lock(path: string): Promise<(() => Promise<void>) | undefined> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return () => rm(path, { force: true });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    if (!(await isHeld(path))) await rm(path, { force: true });
    return undefined;
  }
}

async function isHeld(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => '');
  // Just made and not written yet: somebody has it.
  if (text === '') return true;
  try {
    process.kill(Number(text), 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function build(binary: string, log: Log): Promise<void> {
  log(`building ${PACKAGE} once into ${binary} (about 90 seconds on two cores)`);
  const partial = `${binary}.${String(process.pid)}.partial`;
  try {
    await goBuild(partial);
    await rename(partial, binary);
  } finally {
    await rm(partial, { force: true });
  }
}

async function goBuild(output: string): Promise<void> {
  // Stamping the version asks git, which refuses in a folder of another user.
  const args = ['build', '-trimpath', '-buildvcs=false', '-o', output, PACKAGE];
  const child = spawn('go', args, {
    cwd: HERE,
    env: { ...process.env, CGO_ENABLED: '0' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new Error(GO_MISSING) : error),
    );
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`go build of ${PACKAGE} failed:\n${stderr.slice(-4000)}`);
}

const GO_MISSING =
  'The tests against Google Cloud Storage need Go 1.25.8 or newer to build fake-gcs-server once: install it from https://go.dev/dl/ ' +
  'and put `go` on the PATH (`npm run test:core` is the part of the tests that needs nothing but Node).';
