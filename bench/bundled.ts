/** A process of the bench as the product is shipped: in one file of JavaScript. Taking the types out of the sources is no part of a run of `sluice`. */
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { REPOSITORY } from './workspace.ts';

/** Gives the file; it lies where the packages are found. */
export async function bundled(script: string): Promise<string> {
  const file = join(REPOSITORY, 'node_modules', '.sluice-bench', script.replace(/\.ts$/, '.mjs'));
  const build = await rolldown({
    cwd: REPOSITORY,
    input: join('bench', script),
    platform: 'node',
    tsconfig: false,
    external: (id) => !/^[./]/.test(id) && id !== join('bench', script),
  });
  await build.write({ file, format: 'esm' });
  await build.close();
  return file;
}
