import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeFolders } from '../../../src/adapters/folders/make-folders.ts';

const root = mkdtempSync(join(tmpdir(), 'sluice-folders-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('making folders', () => {
  it('makes a folder with its parents and names the first one that was missing', async () => {
    expect(await makeFolders(join(root, 'a', 'b', 'c'))).toBe(join(root, 'a'));
    expect(statSync(join(root, 'a', 'b', 'c')).isDirectory()).toBe(true);
    expect(await makeFolders(join(root, 'a', 'b', 'd'))).toBe(join(root, 'a', 'b', 'd'));
    expect(await makeFolders(join(root, 'a', 'b'))).toBeUndefined();
  });

  it('may be done by several at once', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => makeFolders(join(root, 'x', 'y', 'z'))));
    expect(made.filter((first) => first === join(root, 'x'))).toHaveLength(1);
  });

  it('ends with an error where a file is in the way', async () => {
    writeFileSync(join(root, 'file'), '');
    await expect(makeFolders(join(root, 'file'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(makeFolders(join(root, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it.runIf(process.platform === 'linux')('ends with an error where the file system makes no folders', async () => {
    await expect(makeFolders('/proc/sluice/landing')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
