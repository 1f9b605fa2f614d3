/** What every object store has to do (src/ingest/ports.ts). Each adapter's test file calls this with a way to make one. */
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../src/ingest/ports.ts';

export interface ObjectStoreUnderTest {
  readonly store: ObjectStore;
  /** A second instance over the same objects, as another process would have it. */
  readonly other: ObjectStore;
  readonly cleanUp: () => Promise<void>;
}

export function describeObjectStore(adapter: string, setUp: () => Promise<ObjectStoreUnderTest>): void {
  describe(`object store contract: ${adapter}`, () => {
    let store: ObjectStore;
    let other: ObjectStore;
    let cleanUp: () => Promise<void>;
    beforeEach(async () => {
      ({ store, other, cleanUp } = await setUp());
    });
    afterEach(async () => {
      await Promise.all([store.close(), other.close()]);
      await cleanUp();
    });

    it('gives back the bytes that were written, with their size and CRC-32', async () => {
      const chunks = [bytes('a\n'), bytes(''), random(70_000), random(3_000_000), bytes('ü\0')];
      const whole = Buffer.concat(chunks);
      const stored = await put(store, 'job/stream/t/0/0/a.ndjson', chunks);
      expect(stored).toEqual({ bytes: whole.byteLength, checksum: checksum(whole), outcome: 'created' });
      expect(Buffer.compare(await get(other, 'job/stream/t/0/0/a.ndjson'), whole)).toBe(0);
      const found = await other.stat('job/stream/t/0/0/a.ndjson');
      expect(found?.bytes).toBe(whole.byteLength);
      if (found?.checksum !== undefined) expect(found.checksum).toBe(checksum(whole));
    });

    it('keeps an empty object', async () => {
      expect(await put(store, 'job/empty.json', [])).toEqual({
        bytes: 0,
        checksum: 'crc32:00000000',
        outcome: 'created',
      });
      expect((await get(store, 'job/empty.json')).byteLength).toBe(0);
      expect(await store.stat('job/empty.json')).toMatchObject({ bytes: 0 });
    });

    it.each([
      ['an array', new Uint8Array(600_000)],
      ['a Buffer', Buffer.alloc(600_000)],
    ])('may reuse the chunk after write has resolved: %s', async (_what, chunk) => {
      const writer = await store.create('job/reuse.ndjson');
      for (const value of [1, 2, 3, 4, 5]) {
        chunk.fill(value);
        await writer.write(chunk);
      }
      await writer.commit();
      const read = await get(store, 'job/reuse.ndjson');
      expect([0, 1, 2, 3, 4].map((part) => read[part * 600_000 + 599_999])).toEqual([1, 2, 3, 4, 5]);
      expect(read.byteLength).toBe(3_000_000);
    });

    it('shows nothing under the name before commit', async () => {
      const writer = await store.create('job/manifests/000000000001.json');
      await writer.write(bytes('{"half":'));
      expect(await other.stat('job/manifests/000000000001.json')).toBeUndefined();
      expect(await names(other, '')).toEqual([]);
      await expect(get(other, 'job/manifests/000000000001.json')).rejects.toMatchObject({ code: 'object_missing' });
      await writer.write(bytes('1}'));
      await writer.commit();
      expect((await get(other, 'job/manifests/000000000001.json')).toString()).toBe('{"half":1}');
    });

    it('answers identical when the name holds the same bytes already', async () => {
      const content = [random(200_000)];
      const first = await put(store, 'job/a.ndjson', content);
      expect(await put(other, 'job/a.ndjson', content)).toEqual({ ...first, outcome: 'identical' });
      expect(await names(store, '')).toEqual(['job/a.ndjson']);
    });

    it('refuses other bytes under a name and keeps the first', async () => {
      await put(store, 'job/a.ndjson', [bytes('first')]);
      for (const content of ['other', 'firs', 'first!', '']) {
        await expect(put(store, 'job/a.ndjson', [bytes(content)])).rejects.toMatchObject({
          code: 'object_conflict',
          message: expect.stringContaining('job/a.ndjson'),
        });
      }
      expect((await get(store, 'job/a.ndjson')).toString()).toBe('first');
    });

    it('lets exactly one of many writers of a name win', async () => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, at) =>
          put(at % 2 === 0 ? store : other, 'job/race.json', [bytes(`w${String(at % 4)}`)]),
        ),
      );
      const created = outcomes.filter((result) => result.status === 'fulfilled' && result.value.outcome === 'created');
      const winner = (await get(store, 'job/race.json')).toString();
      expect(created.length).toBe(1);
      for (const [at, result] of outcomes.entries()) {
        if (`w${String(at % 4)}` === winner) expect(result.status).toBe('fulfilled');
        else expect(result).toMatchObject({ status: 'rejected', reason: { code: 'object_conflict' } });
      }
    });

    it('runs the guard before the object becomes visible, and creates nothing when it throws', async () => {
      const writer = await store.create('job/guarded.json');
      await writer.write(bytes('{}'));
      const lost = new Error('lease lost');
      let seen: unknown = 'not run';
      const commit = writer.commit(async () => {
        seen = await other.stat('job/guarded.json');
        throw lost;
      });
      await expect(commit).rejects.toBe(lost);
      await writer.abort();
      expect(seen).toBeUndefined();
      expect(await other.stat('job/guarded.json')).toBeUndefined();
      expect((await put(store, 'job/guarded.json', [bytes('later')])).outcome).toBe('created');
    });

    it('runs the guard before it creates nothing for large objects either', async () => {
      const writer = await store.create('job/guarded.ndjson');
      for (let part = 0; part < 40; part++) await writer.write(random(1 << 20));
      const lost = new Error('lease lost');
      await expect(writer.commit(() => Promise.reject(lost))).rejects.toBe(lost);
      expect(await names(other, '')).toEqual([]);
    });

    it('leaves no trace of an aborted object', async () => {
      const writer = await store.create('job/aborted.ndjson');
      await writer.write(random(2_000_000));
      await writer.abort();
      await writer.abort();
      expect(await names(store, '')).toEqual([]);
      expect((await put(store, 'job/aborted.ndjson', [bytes('x')])).outcome).toBe('created');
    });

    it('takes nothing after commit or abort', async () => {
      const committed = await store.create('job/one.json');
      await committed.commit();
      await expect(committed.write(bytes('x'))).rejects.toMatchObject({ code: 'internal' });
      await expect(committed.commit()).rejects.toMatchObject({ code: 'internal' });
      await committed.abort();
      expect(await store.stat('job/one.json')).toMatchObject({ bytes: 0 });
      const aborted = await store.create('job/two.json');
      await aborted.abort();
      await expect(aborted.commit()).rejects.toMatchObject({ code: 'internal' });
    });

    it('lists the names under a prefix in ascending order, across folders', async () => {
      const all = ['a/b.json', 'a/b/c.json', 'a/b/0.json', 'a/b-/x', 'a/b0/x', 'a/B/x', 'ab/x', 'a/%C3%BC', 'a/_'];
      for (const name of all.toReversed()) await put(store, name, [bytes(name)]);
      expect(await names(other, '')).toEqual(all.toSorted());
      expect(await names(other, 'a/')).toEqual(all.filter((name) => name.startsWith('a/')).toSorted());
      expect(await names(other, 'a/b/')).toEqual(['a/b/0.json', 'a/b/c.json']);
      expect(await names(other, 'a/c/')).toEqual([]);
      expect(await names(other, 'a/b.json/')).toEqual([]);
    });

    it('deletes, and deletes again', async () => {
      await put(store, 'job/x/a.json', [bytes('a')]);
      await store.delete('job/x/a.json');
      await store.delete('job/x/a.json');
      await store.delete('job/never/was.json');
      await put(store, 'job/y/b.json', [bytes('b')]);
      await store.delete('job/y');
      expect(await names(store, '')).toEqual(['job/y/b.json']);
      expect(await store.stat('job/x/a.json')).toBeUndefined();
      expect((await put(store, 'job/x/a.json', [bytes('b')])).outcome).toBe('created');
    });

    it('names the object that is missing', async () => {
      await expect(get(store, 'job/none.ndjson')).rejects.toMatchObject({
        code: 'object_missing',
        message: expect.stringContaining('job/none.ndjson'),
      });
      await expect(get(store, 'job')).rejects.toMatchObject({ code: 'object_missing' });
      expect(await store.stat('job/none.ndjson')).toBeUndefined();
    });

    it('takes no name that could leave its root', async () => {
      const bad = [
        '',
        '/a',
        'a/',
        'a//b',
        '.',
        '..',
        '../a',
        'a/../b',
        'a/./b',
        'a\\b',
        'a\0b',
        'ü',
        'a b',
        '.a',
        'a/.tmp/b',
      ];
      for (const name of [...bad, 'x'.repeat(256), `a/${'x/'.repeat(600)}x`]) {
        await expect(store.create(name)).rejects.toMatchObject({ code: 'internal' });
        await expect(get(store, name)).rejects.toMatchObject({ code: 'internal' });
        await expect(store.stat(name)).rejects.toMatchObject({ code: 'internal' });
        await expect(store.delete(name)).rejects.toMatchObject({ code: 'internal' });
        expect(() => store.location(name)).toThrow(/no name of a landing object/);
      }
      await expect(names(store, 'a')).rejects.toMatchObject({ code: 'internal' });
      await expect(names(store, '../')).rejects.toMatchObject({ code: 'internal' });
    });

    it('ends a read early without a leak', async () => {
      await put(store, 'job/long.ndjson', [random(2_500_000)]);
      for (let run = 0; run < 10; run++) {
        for await (const chunk of store.read('job/long.ndjson')) {
          expect(chunk.byteLength).toBeGreaterThan(0);
          break;
        }
      }
      await store.delete('job/long.ndjson');
    });
  });
}

export async function put(store: ObjectStore, name: string, chunks: readonly Uint8Array[]) {
  const writer = await store.create(name);
  for (const chunk of chunks) await writer.write(chunk);
  return writer.commit();
}

export async function get(store: ObjectStore, name: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.read(name)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function names(store: ObjectStore, prefix: string): Promise<string[]> {
  const listed: string[] = [];
  for await (const name of store.list(prefix)) listed.push(name);
  return listed;
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Reproducible noise: a pattern would hide chunks in the wrong order. */
export function random(length: number): Uint8Array {
  const noise = new Uint32Array(Math.ceil(length / 4));
  let state = length ^ 0x9e3779b9;
  for (let at = 0; at < noise.length; at++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + at;
    noise[at] = state;
  }
  return new Uint8Array(noise.buffer, 0, length);
}

export function checksum(content: Uint8Array): string {
  return `crc32:${crc32(content).toString(16).padStart(8, '0')}`;
}
