// npm links the commands of dependencies, not the package's own: `npx sluice` in a checkout needs node_modules/.bin/sluice.
import { chmodSync, mkdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'node_modules', '.bin');
const link = join(folder, 'sluice');
const target = join('..', '..', 'bin', 'sluice.mjs');

mkdirSync(folder, { recursive: true });
if (process.platform === 'win32') {
  writeFileSync(`${link}.cmd`, `@node "%~dp0\\${target}" %*\r\n`);
} else if (currentTarget() !== target) {
  rmSync(link, { force: true });
  symlinkSync(target, link);
  chmodSync(link, 0o755);
}

function currentTarget() {
  try {
    return readlinkSync(link);
  } catch {
    return undefined; // there is none yet
  }
}
