// The first thing that `npm test` and `npm start` do: install the dependencies when they are missing or not those of the lockfile. Plain JavaScript
// for an old Node, because in a fresh clone there is no other yet.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function isInstalled() {
  const installedFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || entry.link) return true;
    const found = installed[path];
    // Packages for other platforms are in the lockfile only.
    return found === undefined ? entry.optional || entry.devOptional || entry.peer : found.version === entry.version;
  });
}

if (!isInstalled()) {
  process.stderr.write('installing the dependencies …\n');
  // Not `npm ci`: it refuses a lockfile in which the binaries of some other platform are missing because a registry did not have them yet. `install`
  // takes the versions of the lockfile all the same.
  const args = ['install', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  const [file, all] = npm === undefined ? ['npm', args] : [process.execPath, [npm, ...args]];
  const result = spawnSync(file, all, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: npm === undefined && process.platform === 'win32',
  });
  if (result.status !== 0) {
    process.stderr.write('npm could not install the dependencies: is the registry reachable? (npm ping)\n');
    process.exit(1);
  }
}
