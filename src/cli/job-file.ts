/**
 * `node jobs/customer.ts …`: a job file is its own command line. `runJobFile(import.meta)` is its last line; it does nothing when the
 * file is imported, and when the file is the process's main module it hands over to the command line built with yargs. That happens after the
 * module has finished (it cannot import itself before), so the call returns at once.
 */
import { realpathSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

export function runJobFile(meta: ImportMeta): void {
  if (!isMain(meta)) return;
  enableCompileCache();
  setImmediate(() => {
    void import('./job-main.ts').then(({ jobMain }) => jobMain(meta.url));
  });
}

/** `import.meta.main` exists from Node 24.2 on. */
function isMain(meta: ImportMeta & { readonly main?: boolean }): boolean {
  if (meta.main !== undefined) return meta.main;
  const entry = process.argv[1];
  return entry !== undefined && realpathSync(entry) === fileURLToPath(meta.url);
}
