/** The error catalogue, proven in both directions: what is thrown is catalogued, what is catalogued is thrown, and the documentation names every code. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ERROR_CATALOGUE, isSluiceError, messageOf, SluiceError, type ErrorCode } from '../../../src/core/errors.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const codes = Object.keys(ERROR_CATALOGUE) as ErrorCode[];

function texts(folder: string, ending: RegExp): { readonly file: string; readonly text: string }[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ file: path.slice(root.length), text: readFileSync(path, 'utf8') }));
}

const sources = texts('src', /\.ts$/).filter(({ file }) => file !== 'src/core/errors.ts');

describe('the catalogue', () => {
  test('every catalogued code is thrown somewhere', () => {
    // bin/sluice.mjs stands before the compiled code: an old Node cannot read that.
    const places = [...sources, ...texts('bin', /\.mjs$/)];
    const unused = codes.filter((code) => !places.some(({ text }) => new RegExp(`['"(]${code}['")]`).test(text)));
    expect(unused).toEqual([]);
  });

  test('every code that is thrown is catalogued', () => {
    // The compiler says so for literals; this also sees what a cast would hide.
    const thrown = sources.flatMap(({ file, text }) =>
      [...text.matchAll(/new SluiceError\(\s*'([a-z_]+)'/g)].map((match) => ({ file, code: match[1] ?? '' })),
    );
    expect(thrown.length).toBeGreaterThan(50);
    expect(thrown.filter(({ code }) => !Object.hasOwn(ERROR_CATALOGUE, code))).toEqual([]);
  });

  test('every code ends with one of the documented exit statuses', () => {
    expect(codes.filter((code) => ![1, 2, 75, 130].includes(ERROR_CATALOGUE[code].exitCode))).toEqual([]);
    expect(ERROR_CATALOGUE.lease_held.exitCode).toBe(75);
    expect(ERROR_CATALOGUE.interrupted.exitCode).toBe(130);
  });

  test('the documentation lists every code with its exit status and title, and no other', () => {
    const documented = readFileSync(join(root, 'docs/errors.md'), 'utf8')
      .split('\n')
      .flatMap((line) =>
        [...line.matchAll(/^\| `([a-z_]+)` \| (\d+) \| (.+?) \|/g)].map((match) => ({
          code: match[1],
          exitCode: Number(match[2]),
          title: match[3],
        })),
      );
    expect(documented, 'docs/errors.md is old: npm run docs:errors').toEqual(
      codes.map((code) => ({ code, ...ERROR_CATALOGUE[code] })),
    );
  });
});

describe('SluiceError', () => {
  test('carries code, exit status, hint, details and cause', () => {
    const cause = new Error('socket closed');
    const error = new SluiceError('broker_unreachable', 'no broker of a:1 answers', {
      hint: 'Start one',
      details: { brokers: 1 },
      cause,
    });
    expect(error).toMatchObject({
      code: 'broker_unreachable',
      exitCode: 1,
      hint: 'Start one',
      details: { brokers: 1 },
      cause,
    });
    expect(error.name).toBe('SluiceError');
  });

  test('is told from other errors, and by its code', () => {
    const error = new SluiceError('usage', 'no');
    expect(isSluiceError(error)).toBe(true);
    expect(isSluiceError(error, 'usage')).toBe(true);
    expect(isSluiceError(error, 'internal')).toBe(false);
    expect(isSluiceError(new Error('no'))).toBe(false);
  });

  test('messageOf gives the text of anything thrown', () => {
    expect([messageOf(new Error('a')), messageOf('b'), messageOf(undefined)]).toEqual(['a', 'b', 'undefined']);
  });
});
