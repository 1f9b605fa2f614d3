/** F46, F47: what the disk may answer, injected at each call. The order of the effects is what makes a power cut harmless. */
import type * as fsPromises from 'node:fs/promises';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLocalFilesObjectStore } from '../../../src/adapters/local-files/object-store.ts';
import type { ObjectStore } from '../../../src/ingest/ports.ts';
import { bytes, get, names, put } from '../../contract/object-store.ts';

interface Disk {
  /** `<call> <path below the root>`, in order. */
  trace: string[];
  /** Errors by call, thrown once each. */
  faults: Map<string, string>;
  root: string;
}

const disk = vi.hoisted((): Disk => ({ trace: [], faults: new Map(), root: '' }));

vi.mock('node:fs/promises', async (importOriginal) => {
  const actual = await importOriginal<typeof fsPromises>();
  const step = (call: string, path: string) => {
    disk.trace.push(`${call} ${path.includes('.tmp/') ? 'temporary' : relative(disk.root, path) || '.'}`);
    const code = disk.faults.get(call);
    if (code === undefined) return;
    disk.faults.delete(call);
    throw Object.assign(new Error(`${code}: injected`), { code });
  };
  return {
    ...actual,
    open: async (path: string, flags: string) => {
      step(flags === 'wx' ? 'create' : 'open', path);
      const handle = await actual.open(path, flags);
      const folder = (await handle.stat()).isDirectory();
      const { write, sync } = { write: handle.write.bind(handle), sync: handle.sync.bind(handle) };
      return Object.assign(handle, {
        write: (buffer: Uint8Array, offset: number, length: number) => {
          step('write', path);
          return write(buffer, offset, length);
        },
        sync: () => {
          step(folder ? 'sync folder' : 'sync file', path);
          return sync();
        },
      });
    },
    link: (from: string, to: string) => {
      step('link', to);
      return actual.link(from, to);
    },
    mkdir: (path: string, options: { recursive: true }) => {
      step('mkdir', path);
      return actual.mkdir(path, options);
    },
  };
});

describe('a local object store on a failing disk', () => {
  let store: ObjectStore;
  beforeEach(async () => {
    disk.root = await mkdtemp(join(tmpdir(), 'sluice-faults-'));
    disk.trace = [];
    disk.faults.clear();
    store = createLocalFilesObjectStore(disk.root);
  });
  afterEach(async () => {
    await rm(disk.root, { recursive: true });
  });

  const effects = () =>
    disk.trace.filter((entry) => !/^(open|mkdir|create|write) /.test(entry) && !entry.includes('..'));

  it('makes the file durable before its name, and the name with every new folder before commit returns (F47)', async () => {
    const writer = await store.create('job/stream/a.ndjson');
    await writer.write(bytes('x'));
    await writer.commit(async () => {
      disk.trace.push('guard .');
    });
    expect(effects()).toEqual([
      'sync file temporary',
      'guard .',
      'link job/stream/a.ndjson',
      'sync folder job/stream',
      'sync folder job',
      'sync folder .',
    ]);
  });

  it('fsyncs known folders once, and all of them again for an identical object that another process left', async () => {
    await put(store, 'job/stream/a.ndjson', [bytes('x')]);
    disk.trace = [];
    await put(store, 'job/stream/b.ndjson', [bytes('x')]);
    expect(effects()).toEqual(['sync file temporary', 'link job/stream/b.ndjson', 'sync folder job/stream']);
    disk.trace = [];
    expect((await put(createLocalFilesObjectStore(disk.root), 'job/stream/b.ndjson', [bytes('x')])).outcome).toBe(
      'identical',
    );
    expect(effects()).toContain('sync folder job');
    expect(effects()).toContain('sync folder .');
  });

  const full = [
    ['mkdir', 'ENOSPC'],
    ['create', 'ENOSPC'],
    ['write', 'ENOSPC'],
    ['write', 'EDQUOT'],
    ['sync file', 'ENOSPC'],
    ['link', 'ENOSPC'],
    ['sync folder', 'ENOSPC'],
  ] as const;
  for (const [call, code] of full) {
    it(`says that the disk is full when ${call} answers ${code}, and works again once there is space (F46)`, async () => {
      disk.faults.set(call, code);
      const failure: unknown = await put(store, 'job/a.ndjson', [bytes('content')]).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'store_full', hint: expect.stringMatching(/^Free space/) });
      expect(String(failure)).toContain(disk.root);
      expect((await put(store, 'job/a.ndjson', [bytes('content')])).outcome).toBe(
        call === 'sync folder' ? 'identical' : 'created',
      );
      expect((await get(store, 'job/a.ndjson')).toString()).toBe('content');
      expect(await readdir(join(disk.root, '.tmp'))).toEqual([]);
    });
  }

  const readOnly = [
    ['mkdir', 'EROFS'],
    ['mkdir', 'EACCES'],
    ['create', 'EACCES'],
    ['link', 'EACCES'],
  ] as const;
  for (const [call, code] of readOnly) {
    it(`says that the folder cannot be written to when ${call} answers ${code} (F46)`, async () => {
      disk.faults.set(call, code);
      const failure: unknown = await put(store, 'job/a.ndjson', [bytes('x')]).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'store_read_only', hint: expect.stringContaining('permission') });
      expect(String(failure)).toContain(disk.root);
      expect(await names(store, '')).toEqual([]);
    });
  }

  for (const call of ['write', 'sync file']) {
    it(`counts the object as lost after a failed ${call} and never tries the same descriptor again (F46)`, async () => {
      const writer = await store.create('job/a.ndjson');
      await writer.write(bytes('x'));
      disk.faults.set(call, 'EIO');
      await expect(writer.commit()).rejects.toMatchObject({ code: 'store_failed' });
      disk.trace = [];
      await expect(writer.commit()).rejects.toMatchObject({ code: 'internal' });
      await writer.abort();
      expect(disk.trace).toEqual([]);
      expect(await names(store, '')).toEqual([]);
    });
  }

  it('reports a write that failed behind its back at the next one', async () => {
    const writer = await store.create('job/a.ndjson');
    disk.faults.set('write', 'EIO');
    const chunk = new Uint8Array(700_000);
    const writes = async () => {
      for (let count = 0; count < 5; count++) await writer.write(chunk);
    };
    await expect(writes()).rejects.toMatchObject({ code: 'store_failed', message: expect.stringContaining('EIO') });
    await writer.abort();
    expect(await readdir(join(disk.root, '.tmp'))).toEqual([]);
  });

  it('says what to do on a file system without hard links', async () => {
    disk.faults.set('link', 'ENOTSUP');
    await expect(put(store, 'job/a.ndjson', [bytes('x')])).rejects.toMatchObject({
      code: 'store_failed',
      message: expect.stringContaining('hard links'),
    });
  });
});
