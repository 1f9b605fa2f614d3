import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const FOLDER = join(import.meta.dirname, '../../oracle');

it('imports nothing but itself: the oracle shares no code with what it judges', () => {
  const imports = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [
      ...readFileSync(join(FOLDER, name), 'utf8').matchAll(/\bfrom '([^']+)'|\bimport\('([^']+)'\)/g),
    ])
    .map(([, from, dynamic]) => from ?? dynamic);
  expect(imports.length).toBeGreaterThan(5);
  expect(imports.filter((path) => path === undefined || !/^\.\/[a-z-]+\.ts$/.test(path))).toEqual([]);
});
