import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { createLocalFilesObjectStore } from '../../src/adapters/local-files/object-store.ts';
import { describeObjectStore } from './object-store.ts';

describeObjectStore('local files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-objects-'));
  const root = join(folder, 'not', 'yet', 'there');
  return {
    store: createLocalFilesObjectStore(root),
    other: createLocalFilesObjectStore(root),
    cleanUp: async () => {
      const temporary = await readdir(join(root, '.tmp')).catch(() => []);
      await rm(folder, { recursive: true });
      expect(temporary, 'no temporary file is left behind').toEqual([]);
    },
  };
});
