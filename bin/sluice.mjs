#!/usr/bin/env node
// The `sluice` command. Plain JavaScript that an old Node can read: it starts the pinned Node (npm package `node`) where the machine's own is too
// old for the tool, and in a checkout of the repository it builds what was edited. Then it hands over to dist/cli/main.js.
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MINIMUM = [22, 18];
const root = dirname(dirname(fileURLToPath(import.meta.url)));

if (isOldNode()) await startPinnedNode();
else await start();

function isOldNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1]);
}

/** node_modules/node/bin/node of the project in the working folder, else of the folder this package lies in. */
function findPinnedNode() {
  for (const start of [process.cwd(), root]) {
    for (let folder = start; ; folder = dirname(folder)) {
      const binary = join(folder, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
      if (existsSync(binary)) return binary;
      if (dirname(folder) === folder) break;
    }
  }
  return undefined;
}

async function startPinnedNode() {
  // A pinned Node that is too old itself would start itself for ever.
  const startedPinned = process.env.SLUICE_PINNED_BY === String(process.ppid);
  const binary = startedPinned ? undefined : findPinnedNode();
  if (binary === undefined) {
    const text = `sluice needs Node.js ${MINIMUM.join('.')} or newer, this is ${process.versions.node} (node_too_old)`;
    if (process.argv.includes('--json'))
      console.log(JSON.stringify({ exitCode: 2, errors: [{ code: 'node_too_old', message: text }] }));
    console.error(`${text}\nInstall a newer Node.js, or add one to the project: npm install --save-dev node@26`);
    process.exitCode = 2;
    return;
  }
  const { spawn } = await import('node:child_process');
  const child = spawn(binary, process.argv.slice(1), {
    stdio: 'inherit',
    env: { ...process.env, SLUICE_PINNED_BY: String(process.pid) },
  });
  child.on('error', (error) => {
    console.error(`sluice: cannot start ${binary}: ${error.message} (node_too_old)`);
    process.exitCode = 2;
  });
  // A terminal sends Ctrl-C to both processes; other senders know this one only, so it passes signals on and waits for the child.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code === null ? 1 : code);
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}

async function start() {
  if (nodeModule.enableCompileCache !== undefined) nodeModule.enableCompileCache();
  // A published package has no sources; a checkout is built again when they are newer than what was built.
  if (existsSync(join(root, 'src', 'index.ts'))) {
    const { buildWhenStale } = await import('../scripts/build.mjs');
    await buildWhenStale();
  }
  const { main } = await import('../dist/cli/main.js');
  await main();
}
