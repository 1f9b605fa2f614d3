// The first thing that `npm test` and `npm start` do: install the dependencies when they are missing or not those of the lockfile. Plain JavaScript
// for an old Node, because in a fresh clone there is no other yet.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** `ci` for a fresh clone; `install` where only some packages differ, so that the others (and what was built into them) stay. */
function neededCommand() {
  const installedFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return 'ci';
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  const differs = Object.entries(wanted).some(([path, entry]) => {
    if (path === '' || entry.link) return false;
    const found = installed[path];
    // Packages for other platforms are in the lockfile only.
    return found === undefined ? !entry.optional && !entry.devOptional && !entry.peer : found.version !== entry.version;
  });
  return differs ? 'install' : undefined;
}

const command = neededCommand();
if (command !== undefined) {
  process.stderr.write(`installing the dependencies (npm ${command}) …\n`);
  const npm = process.env.npm_execpath;
  const [file, args] = npm === undefined ? ['npm', [command]] : [process.execPath, [npm, command]];
  const result = spawnSync(file, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: npm === undefined && process.platform === 'win32',
  });
  if (result.status !== 0) {
    process.stderr.write('npm could not install the dependencies: is the registry reachable? (npm ping)\n');
    process.exit(1);
  }
}
