import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLocalFilesObjectStore } from '../../../src/adapters/local-files/object-store.ts';
import type { ObjectStore } from '../../../src/ingest/ports.ts';
import { bytes, get, names, put } from '../../contract/object-store.ts';

describe('the local object store', () => {
  let folder: string;
  let root: string;
  let store: ObjectStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-local-'));
    root = join(folder, 'landing');
    store = createLocalFilesObjectStore(root);
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  it('stores an object as the file that location names', async () => {
    await put(store, 'job/stream/t%2Fx/0/a.ndjson', [bytes('hi')]);
    const path = store.location('job/stream/t%2Fx/0/a.ndjson');
    expect(path).toBe(join(root, 'job', 'stream', 't%2Fx', '0', 'a.ndjson'));
    expect(await readFile(path, 'utf8')).toBe('hi');
    expect((await stat(path)).nlink).toBe(1);
  });

  it('writes nothing before the first object', async () => {
    expect(await names(store, '')).toEqual([]);
    expect(await store.stat('job/a.json')).toBeUndefined();
    await store.delete('job/a.json');
    expect(await readdir(folder)).toEqual([]);
  });

  it('lists neither the temporary files of a killed process nor anything else that is not an object', async () => {
    await put(store, 'job/a.json', [bytes('{}')]);
    await writeFile(join(root, '.tmp', '4711-left-over'), 'half');
    await writeFile(join(root, 'job', '.hidden'), 'x');
    expect(await names(store, '')).toEqual(['job/a.json']);
  });

  it('sweeps temporary files that are older than a day, and only those', async () => {
    await mkdir(join(root, '.tmp'), { recursive: true });
    const old = new Date(Date.now() - 25 * 60 * 60 * 1000);
    for (const name of ['1-old', '2-old', '3-new']) await writeFile(join(root, '.tmp', name), 'x');
    for (const name of ['1-old', '2-old']) await utimes(join(root, '.tmp', name), old, old);
    await put(store, 'job/a.json', [bytes('{}')]);
    expect(await readdir(join(root, '.tmp'))).toEqual(['3-new']);
  });

  it('fails at commit when its temporary file was swept away', async () => {
    const writer = await store.create('job/a.json');
    for (const name of await readdir(join(root, '.tmp'))) await rm(join(root, '.tmp', name));
    await expect(writer.commit()).rejects.toMatchObject({ code: 'store_failed' });
    expect(await names(store, '')).toEqual([]);
  });

  it('follows no symbolic link below the root (S06)', async () => {
    const outside = join(folder, 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'secret.json'), 'secret');
    await put(store, 'job/a.json', [bytes('{}')]);
    await symlink(outside, join(root, 'linked'));
    await symlink(join(outside, 'secret.json'), join(root, 'job', 'secret.json'));
    for (const name of ['linked/secret.json', 'job/secret.json']) {
      await expect(get(store, name)).rejects.toMatchObject({ message: expect.stringContaining('symbolic link') });
      await expect(store.stat(name)).rejects.toMatchObject({ message: expect.stringContaining('symbolic link') });
    }
    await expect(put(store, 'linked/new.json', [bytes('x')])).rejects.toMatchObject({ code: 'store_failed' });
    await expect(store.delete('linked/secret.json')).rejects.toMatchObject({ code: 'store_failed' });
    await expect(put(store, 'job/secret.json', [bytes('x')])).rejects.toMatchObject({ code: 'object_conflict' });
    expect(await readdir(outside)).toEqual(['secret.json']);
    expect(await readFile(join(outside, 'secret.json'), 'utf8')).toBe('secret');
    expect(await names(store, '')).toEqual(['job/a.json']);
  });

  it('works when the root itself is a symbolic link', async () => {
    await mkdir(join(folder, 'big-disk'));
    await symlink(join(folder, 'big-disk'), root);
    await put(store, 'job/a.json', [bytes('{}')]);
    expect((await get(store, 'job/a.json')).toString()).toBe('{}');
    expect(await names(store, '')).toEqual(['job/a.json']);
  });

  it('names the folder when its place is taken by a file', async () => {
    await writeFile(root, 'a file');
    await expect(put(store, 'job/a.json', [bytes('x')])).rejects.toMatchObject({
      code: 'store_failed',
      message: expect.stringContaining(root),
    });
  });

  it('makes folders again that someone removed while it was open', async () => {
    await put(store, 'job/stream/a.json', [bytes('1')]);
    await rm(root, { recursive: true });
    expect((await put(store, 'job/stream/a.json', [bytes('2')])).outcome).toBe('created');
    expect((await get(store, 'job/stream/a.json')).toString()).toBe('2');
  });
});
