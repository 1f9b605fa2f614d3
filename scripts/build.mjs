// Builds dist/ from src/: `node scripts/build.mjs`, and bin/sluice.mjs in a checkout when a source is newer. The result appears as a whole (built
// aside, then renamed), and one process builds at a time, so that commands started meanwhile never import half of it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stamp = join(dist, '.built');
const lock = join(root, 'node_modules', '.sluice-build');
/** A build takes about two seconds; a lock that is older than this was left by a process that died. */
const LOCK_STALE_MS = 60_000;

export function buildWhenStale() {
  if (!isStale()) return;
  process.stderr.write('sluice: building dist/ (a source is newer)\n');
  if (!build({ strict: false })) process.exit(1);
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
    const path = join(folder, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestMs(path, enough) : statSync(path).mtimeMs);
    if (newest > enough) break;
  }
  return newest;
}

/** strict: a type error fails the build; else the JavaScript is used as it is, with the errors shown. Gives false when it failed. */
function build({ strict }) {
  acquire();
  try {
    if (!strict && !isStale()) return true; // another process built it while this one waited
    const startedAt = new Date();
    const aside = join(root, 'node_modules', `.sluice-dist-${process.pid}`);
    rmSync(aside, { recursive: true, force: true });
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const result = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', aside], {
      stdio: ['ignore', 2, 2],
      cwd: root,
    });
    if ((strict && result.status !== 0) || !existsSync(join(aside, 'index.js'))) {
      rmSync(aside, { recursive: true, force: true });
      process.stderr.write('sluice: the build failed\n');
      return false;
    }
    writeFileSync(join(aside, '.built'), '');
    // The time before the build: what was edited while it ran is newer.
    utimesSync(join(aside, '.built'), startedAt, startedAt);
    const old = join(root, 'node_modules', `.sluice-dist-old-${process.pid}`);
    if (existsSync(dist)) renameSync(dist, old);
    renameSync(aside, dist);
    rmSync(old, { recursive: true, force: true });
    return true;
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
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
  if (!build({ strict: true })) process.exitCode = 1;
}
