/** What a new project's `package.json` has to ask for, so that `npm install` there finds the sluice that made it. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { packageFolder, packageVersion } from '../package-version.ts';

/** The version, where a registry has it; what the surrounding project asked for, where that is a file or an address; else this very folder. */
export function ownRequirement(dir: string): string {
  const own = resolve(packageFolder());
  if (dirname(own).endsWith('node_modules')) {
    const owner = dirname(dirname(own));
    const asked = askedBy(owner);
    if (asked?.startsWith('file:') === true) return fileRequirement(dir, resolve(owner, asked.slice('file:'.length)));
    return asked !== undefined && /[/:]/.test(asked) ? asked : packageVersion();
  }
  return fileRequirement(dir, own);
}

function fileRequirement(dir: string, target: string): string {
  return `file:${relative(dir, target).replaceAll('\\', '/')}`;
}

function askedBy(owner: string): string | undefined {
  const file = join(owner, 'package.json');
  if (!existsSync(file)) return undefined;
  const { dependencies, devDependencies } = JSON.parse(readFileSync(file, 'utf8')) as Readonly<
    Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>> | undefined>
  >;
  return dependencies?.['sluice'] ?? devDependencies?.['sluice'];
}
