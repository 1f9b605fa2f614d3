/**
 * A shell remembers where it found `node`. In a fresh clone it finds the machine's own before the install and goes on with that one behind it: with
 * an old Node `npm start` crashed in a native module. What comes after the install has to be a new `npm run`, which looks anew.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};

test('what a script runs behind the install is not run by the node from before it', () => {
  const installing = Object.entries(scripts).filter(([, command]) => command.includes('ensure-installed'));
  expect(installing.length).toBeGreaterThan(3);
  for (const [name, command] of installing) {
    const [, ...behind] = command.split(' && ');
    for (const part of behind) expect(`${name}: ${part}`).toMatch(/^[\w:]+: (npm run|vitest) /);
  }
});
