/** A copy of the reference project, for tests that break something in it. */
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './sluice-command.ts';

const PROJECT_FILES = ['project.yml', 'jobs', 'models', 'macros', 'seeds', 'tests/data'];

/** Fills an empty folder; `import … from 'sluice'` finds this repository there. */
export function copyProject(dir: string): void {
  for (const file of PROJECT_FILES) cpSync(join(REPOSITORY, file), join(dir, file), { recursive: true });
  mkdirSync(join(dir, 'node_modules'));
  symlinkSync(REPOSITORY, join(dir, 'node_modules', 'sluice'));
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
}
