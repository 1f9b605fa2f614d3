/**
 * `sluice init <folder>`: a new project with the reference example in it. The package's own top level is laid out as a project is
 * (DESIGN.md §6), so the example is copied from there; what only a user's project has (README, Dockerfile, workflow) lies in `scaffold/`.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { SluiceError } from '../../core/errors.ts';
import type { CliContext, CommandResult } from '../context.ts';
import { packageFolder } from '../package-version.ts';
import { sluiceDependency } from './sluice-dependency.ts';

const EXAMPLE_PARTS = ['project.yml', 'jobs', 'models', 'macros', 'seeds', 'tests/data'] as const;
/** npm takes a file of the name .gitignore for instructions about the package. */
const RENAMED: Readonly<Record<string, string>> = { gitignore: '.gitignore' };
const PLACEHOLDER = '__project__';

export function initProject({ cwd, output }: CliContext, folder: string): Promise<CommandResult> {
  const dir = resolve(cwd, folder);
  checkEmpty(dir);
  const name = projectName(basename(dir));
  const source = packageFolder();
  mkdirSync(dir, { recursive: true });
  for (const part of EXAMPLE_PARTS) cpSync(join(source, part), join(dir, part), { recursive: true });
  replaceIn(join(dir, 'project.yml'), 'kundenservice', name);
  for (const file of filesIn(join(source, 'scaffold'))) {
    const to = join(dir, RENAMED[file] ?? file);
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(join(source, 'scaffold', file), to);
    replaceIn(to, PLACEHOLDER, name);
  }
  writeFileSync(join(dir, 'package.json'), `${JSON.stringify(manifest(name, dir), null, 2)}\n`);
  const files = filesIn(dir);
  output.result(`made ${folder} with ${files.length} files`);
  output.note(`\nNext (README.md in it goes on from there):\n  cd ${folder}\n  npm install\n  npx sluice debug`);
  return Promise.resolve({ exitCode: 0, json: { project: name, folder: dir, files } });
}

function checkEmpty(dir: string): void {
  if (!existsSync(dir)) return;
  if (!statSync(dir).isDirectory()) {
    throw new SluiceError('usage', `${dir} is a file`, { hint: 'Name a folder that does not exist yet' });
  }
  if (readdirSync(dir).length > 0) {
    throw new SluiceError('usage', `${dir} is not empty`, { hint: 'Name a folder that does not exist yet' });
  }
}

function projectName(folder: string): string {
  const name = folder.replaceAll(/[^A-Za-z0-9_]+/g, '_').replace(/^[^A-Za-z]+/, '');
  return name === '' ? 'project' : name.slice(0, 60);
}

function replaceIn(file: string, from: string, to: string): void {
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(from, to));
}

/** Relative paths with `/`, sorted. */
function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
    .sort();
}

function manifest(name: string, dir: string): object {
  return {
    name: name.toLowerCase().replaceAll('_', '-'),
    private: true,
    type: 'module',
    scripts: { batch: 'sluice job run customer', test: 'sluice build' },
    dependencies: { sluice: sluiceDependency(dir) },
  };
}
