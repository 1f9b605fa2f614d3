// src/ -> JavaScript in a few files. Node spends most of a short run on finding and reading modules: an hourly run with nothing new loads 680 of them as
// they lie in src/ and node_modules/ (0.75 s of processor time), and 60 out of the bundle (0.35 s). Not minified, so that stack traces stay readable.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Pure JavaScript of many small files. What has binaries, or is loaded by few targets, stays a package of its own. */
const INLINED = new Set(['@duckdb/node-api', 'ajv', 'commander', 'csv-parse', 'knex', 'nunjucks', 'yaml', 'yargs']);
/** What inlined packages ask for by name: DuckDB's binary, and the drivers of knex, ours and those that nobody installs. */
const DRIVERS =
  /^(?:@duckdb\/node-bindings|better-sqlite3|mysql2?|oracledb|pg|pg-native|pg-query-stream|sqlite3|tedious)$/;

export async function bundle(folder) {
  const build = await rolldown({
    cwd: root,
    input: {
      index: 'src/index.ts',
      'cli/main': 'src/cli/main.ts',
      'cli/job-main': 'src/cli/job-main.ts',
      'demo/play': 'src/demo/play.ts',
    },
    platform: 'node',
    // The oldest Node that the package takes (`engines`): it has no `using`.
    transform: { target: 'node22.18' },
    // `sluice` in tsconfig's paths is for job files; nothing in src/ imports it.
    tsconfig: false,
    external: isExternal,
    onLog: (level, log) => {
      if (level === 'warn' && log.code !== 'UNRESOLVED_IMPORT' && !log.message.includes('node_modules'))
        process.stderr.write(`${log.message}\n`);
    },
  });
  // Chunks lie as deep as the modules of src/cli: what is found by a path relative to the module (package.json) is found from both.
  const { output } = await build.write({ dir: folder, format: 'esm', chunkFileNames: 'chunk/[name]-[hash].js' });
  await build.close();
  const packages = Object.fromEntries(output.map((chunk) => [chunk.fileName, packagesOf(chunk.moduleIds ?? [])]));
  // What each file holds, for the test of what a start imports.
  writeFileSync(join(folder, 'chunks.json'), JSON.stringify(packages, null, 1));
  writeFileSync(
    join(folder, 'THIRD-PARTY-LICENSES.txt'),
    licences([...new Set(Object.values(packages).flat())].sort()),
  );
}

function packagesOf(modules) {
  const names = modules.flatMap((id) =>
    id.includes('/node_modules/') ? [packageOf(id.split('/node_modules/').at(-1))] : [],
  );
  return [...new Set(names)].sort();
}

function isExternal(id, importer) {
  if (id.startsWith('node:')) return true;
  // A file that is yet to be written fails when it is imported, and not whatever else is in the build.
  if (id.startsWith('.'))
    return (
      importer !== undefined && !importer.includes('/node_modules/') && !existsSync(resolve(dirname(importer), id))
    );
  if (id.startsWith('/')) return false;
  const name = packageOf(id);
  return importer?.includes('/node_modules/') === true ? DRIVERS.test(name) : !INLINED.has(name);
}

function packageOf(id) {
  return id
    .split('/')
    .slice(0, id.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The licences of the inlined packages ask for their text to stand beside every copy. */
function licences(names) {
  const texts = names.map((name) => {
    const folder = join(root, 'node_modules', name);
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file === undefined ? `Licence: ${license}` : readFileSync(join(folder, file), 'utf8').trim();
    return `${name} ${version}\n\n${text}\n`;
  });
  return `The JavaScript in this folder contains parts of the following packages.\n\n${texts.join(`\n${'-'.repeat(80)}\n\n`)}`;
}
