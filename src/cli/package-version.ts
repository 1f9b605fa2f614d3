import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of the package: two levels above this module, in src/ and in dist/ (scripts/bundle.mjs sees to that). */
export function packageFolder(): string {
  return fileURLToPath(new URL('../../', import.meta.url));
}

/** Of sluice itself, as its package says. */
export function packageVersion(): string {
  const text = readFileSync(`${packageFolder()}package.json`, 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
