/**
 * Where a new project gets sluice from: where the running one came from, so that `npm install` in it finds the same. A packed file is copied
 * into the project, which then is whole (its image is built from it); a checkout is linked; all others come from a registry by version.
 */
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { packageFolder, packageVersion } from '../package-version.ts';

interface InstalledPackages {
  readonly packages?: Readonly<Record<string, { readonly resolved?: string }>>;
}

/** A version, or `file:<path>`. Copies the packed file into `dir` when there is one. */
export function sluiceDependency(dir: string): string {
  const modules = dirname(packageFolder().replace(/[/\\]$/, ''));
  if (basename(modules) !== 'node_modules') return `file:${slashes(relative(dir, packageFolder()))}`;
  const packed = packedFile(modules);
  if (packed === undefined) return packageVersion();
  copyFileSync(packed, join(dir, basename(packed)));
  return `file:${basename(packed)}`;
}

/** npm remembers what it installed from where. */
function packedFile(modules: string): string | undefined {
  const record = join(modules, '.package-lock.json');
  if (!existsSync(record)) return undefined;
  const { packages } = JSON.parse(readFileSync(record, 'utf8')) as InstalledPackages;
  const resolved = packages?.['node_modules/sluice']?.resolved ?? '';
  const path = /^file:(.+\.tgz)$/.exec(resolved)?.[1];
  if (path === undefined) return undefined;
  const file = join(dirname(modules), path);
  return existsSync(file) ? file : undefined;
}

function slashes(path: string): string {
  return path.split(sep).join('/').replace(/\/$/, '');
}
