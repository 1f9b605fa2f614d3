// Builds dist/ from src/: `node scripts/build.mjs` with types and type check, and bin/sluice.mjs in a checkout when a source is newer, then without. The result
// appears as a whole (built aside, then renamed), and one process builds at a time, so that commands started meanwhile never import half of it.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stamp = join(dist, '.built');
const lock = join(root, 'node_modules', '.sluice-build');
/** A build takes about two seconds; a lock that is older than this was left by a process that died. */
const LOCK_STALE_MS = 60_000;

export async function buildWhenStale() {
  if (!isStale()) return;
  process.stderr.write('sluice: building dist/ (a source is newer)\n');
  if ((await build({ strict: false })) || existsSync(dist)) return;
  process.exit(1);
}

function isStale() {
  if (!existsSync(stamp)) return true;
  const built = statSync(stamp).mtimeMs;
  if (statSync(join(root, 'tsconfig.build.json')).mtimeMs > built) return true;
  return newestMs(join(root, 'src'), built) > built;
}

/** The folders' own times tell of removed files. */
function newestMs(folder, enough) {
  let newest = statSync(folder).mtimeMs;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    // Every command of a checkout goes this way some 400 times: `join` doubles what it takes.
    const path = `${folder}/${entry.name}`;
    newest = Math.max(newest, entry.isDirectory() ? newestMs(path, enough) : statSync(path).mtimeMs);
    if (newest > enough) break;
  }
  return newest;
}

/** strict: with declarations, and a type error fails the build. Gives false when it failed; dist/ is then what it was. */
async function build({ strict }) {
  acquire();
  const aside = join(root, 'node_modules', `.sluice-dist-${process.pid}`);
  try {
    if (!strict && !isStale()) return true; // another process built it while this one waited
    const startedAt = new Date();
    const { bundle } = await import('./bundle.mjs');
    if (strict && !(await declare(aside))) return false;
    await bundle(aside);
    writeFileSync(join(aside, '.built'), '');
    // The time before the build: what was edited while it ran is newer.
    utimesSync(join(aside, '.built'), startedAt, startedAt);
    const old = join(root, 'node_modules', `.sluice-dist-old-${process.pid}`);
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(aside, dist);
    rmSync(old, { recursive: true, force: true });
    return true;
  } catch (error) {
    process.stderr.write(`sluice: the build failed: ${error.message}\n`);
    return false;
  } finally {
    rmSync(aside, { recursive: true, force: true });
    rmSync(lock, { recursive: true, force: true });
  }
}

async function declare(folder) {
  // Here, because every command of a checkout loads this file.
  const { spawnSync } = await import('node:child_process');
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', folder], {
    stdio: ['ignore', 2, 2],
    cwd: root,
  });
  return status === 0;
}

function acquire() {
  for (;;) {
    try {
      mkdirSync(lock);
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > LOCK_STALE_MS) rmSync(lock, { recursive: true, force: true });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!(await build({ strict: true }))) process.exitCode = 1;
}
