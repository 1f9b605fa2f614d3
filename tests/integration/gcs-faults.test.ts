/** F41, F42, F48: what happens between us and Google Cloud Storage, by a proxy before the emulator. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createGcsObjectStore } from '../../src/adapters/gcs/object-store.ts';
import { LARGEST_CHUNK_BYTES, SMALLEST_CHUNK_BYTES, UploadMemory } from '../../src/adapters/gcs/upload-memory.ts';
import type { ObjectStore } from '../../src/ingest/ports.ts';
import { bytes, checksum, get, names, put, random } from '../contract/object-store.ts';
import { startFaultProxy, type FaultProxy, type ProxiedRequest, type ProxyFault } from '../services/gcs/fault-proxy.ts';
import { startFakeGcs, type FakeGcs } from '../services/gcs/server.ts';

const BUCKET = 'sluice-faults';
const RETRY = { maxAttempts: 4, firstDelayMs: 5, timeoutMs: 5000 };
const SETTINGS = { retry: RETRY, uploadMemoryBytes: 0, listPageSize: 3 };
const MIB = 1 << 20;

let server: FakeGcs;
let proxy: FaultProxy;
let store: ObjectStore;
let direct: ObjectStore;
beforeAll(async () => {
  server = await startFakeGcs({ buckets: [BUCKET] });
}, 300_000);
afterAll(() => server.stop());
beforeEach(async () => {
  proxy = await startFaultProxy(server.endpoint);
  store = createGcsObjectStore(optionsOf(proxy.endpoint), SETTINGS);
  direct = createGcsObjectStore(optionsOf(server.endpoint), SETTINGS);
});
afterEach(async () => {
  for (const name of await names(direct, '')) await direct.delete(name);
  await proxy.stop();
});

function optionsOf(apiEndpoint: string | null, change: { bucket?: string } = {}) {
  return { bucket: BUCKET, prefix: '', project: null, apiEndpoint, ...change };
}

/** The fault for the first `times` requests that match, nothing for the others. */
function failFirst(times: number, matches: (request: ProxiedRequest) => boolean, fault: ProxyFault): void {
  let left = times;
  proxy.fault = (request) => (matches(request) && left-- > 0 ? fault : undefined);
}

const isUpload = ({ method, path }: ProxiedRequest) => method === 'POST' && path.includes('uploadType=multipart');
const isChunk = (from: number) => (request: ProxiedRequest) =>
  request.contentRange?.startsWith(`bytes ${String(from)}-`) ?? false;
const isOpening = ({ method, path }: ProxiedRequest) => method === 'POST' && path.includes('uploadType=resumable');
const isRead = ({ path }: ProxiedRequest) => path.includes('alt=media');

describe('a small object', () => {
  const faults: ProxyFault[] = [{ type: 'status', status: 503 }, { type: 'status', status: 429 }, { type: 'reset' }];
  for (const fault of faults) {
    it(`is created after ${JSON.stringify(fault)}, the guard run before each attempt (F41)`, async () => {
      failFirst(2, isUpload, fault);
      let guarded = 0;
      const writer = await store.create('job/a.json');
      await writer.write(bytes('{}'));
      const stored = await writer.commit(async () => {
        guarded += 1;
      });
      expect([stored.outcome, guarded]).toEqual(['created', 3]);
      expect((await get(direct, 'job/a.json')).toString()).toBe('{}');
    });
  }

  it('costs one request', async () => {
    await put(store, 'job/a.json', [bytes('{}')]);
    expect(proxy.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `POST /upload/storage/v1/b/${BUCKET}/o?uploadType=multipart&name=job%2Fa.json&ifGenerationMatch=0`,
    ]);
  });

  it('counts as there when the reply was lost (F42)', async () => {
    failFirst(1, isUpload, { type: 'lose_reply' });
    expect((await put(store, 'job/a.json', [bytes('{}')])).outcome).toBe('identical');
    failFirst(1, isUpload, { type: 'lose_reply' });
    await expect(put(store, 'job/a.json', [bytes('[]')])).rejects.toMatchObject({ code: 'object_conflict' });
    expect((await get(direct, 'job/a.json')).toString()).toBe('{}');
  });

  it('is not created any more when the lease is lost while the service is not answering', async () => {
    failFirst(9, isUpload, { type: 'status', status: 503 });
    const writer = await store.create('job/a.json');
    let guarded = 0;
    const lost = new Error('lease lost');
    const commit = writer.commit(async () => {
      if ((guarded += 1) === 2) throw lost;
    });
    await expect(commit).rejects.toBe(lost);
    expect(proxy.requests.length).toBe(1);
  });

  it("does not mistake the guard's own broken connection for one that may be tried again", async () => {
    const broken = Object.assign(new Error('state store gone'), { code: 'ECONNRESET' });
    const writer = await store.create('job/a.json');
    await expect(writer.commit(() => Promise.reject(broken))).rejects.toBe(broken);
    expect(proxy.requests).toEqual([]);
  });

  it('is refused by the service when it arrives with other bytes', async () => {
    failFirst(9, isUpload, { type: 'flip_byte' });
    await expect(put(store, 'job/a.ndjson', [random(50_000)])).rejects.toMatchObject({ code: 'store_failed' });
    expect(await names(direct, '')).toEqual([]);
  });

  it('is tried again when nothing is answered', async () => {
    store = createGcsObjectStore(optionsOf(proxy.endpoint), { retry: { ...RETRY, timeoutMs: 1000 } });
    failFirst(1, isUpload, { type: 'hang' });
    expect((await put(store, 'job/a.json', [bytes('{}')])).outcome).toBe('created');
  });

  it('fails in the end, and nothing is there', async () => {
    failFirst(99, () => true, { type: 'status', status: 503, message: 'Backend Error' });
    await expect(put(store, 'job/a.json', [bytes('{}')])).rejects.toMatchObject({
      code: 'store_failed',
      message: expect.stringMatching(
        /^Cannot create the object job\/a\.json in the bucket sluice-faults after several attempts: 503 Backend Error\.$/,
      ),
      hint: expect.stringContaining('continues where it stopped'),
    });
    expect(proxy.requests.filter(isUpload).length).toBe(4);
  });
});

describe('an object in chunks', () => {
  const first = SMALLEST_CHUNK_BYTES;
  const parts = Array.from({ length: 9 }, (_, at) => random(MIB + at));
  const whole = Buffer.concat(parts);

  const faults: [string, number, ProxyFault][] = [
    ['its first chunk is answered with 503', 0, { type: 'status', status: 503 }],
    ['its first chunk does not arrive', 0, { type: 'reset' }],
    ['the reply to its first chunk is lost', 0, { type: 'lose_reply' }],
    ['its last chunk is answered with 503', first, { type: 'status', status: 503 }],
    ['its last chunk does not arrive', first, { type: 'reset' }],
    ['the reply to its last chunk is lost', first, { type: 'lose_reply' }],
  ];
  for (const [what, from, fault] of faults) {
    it(`is there whole when ${what} (F41, F42)`, async () => {
      failFirst(1, isChunk(from), fault);
      const stored = await put(store, 'job/big.ndjson', parts);
      expect(stored).toMatchObject({ bytes: whole.length, checksum: checksum(whole) });
      expect(checksum(await get(direct, 'job/big.ndjson'))).toBe(stored.checksum);
      expect(await names(direct, '')).toEqual(['job/big.ndjson']);
    });
  }

  it('compares what is there, and sends the chunks of an existing object in vain', async () => {
    expect((await put(store, 'job/big.ndjson', parts)).outcome).toBe('created');
    expect((await put(store, 'job/big.ndjson', parts)).outcome).toBe('identical');
    await expect(put(store, 'job/big.ndjson', parts.toReversed())).rejects.toMatchObject({ code: 'object_conflict' });
  });

  it('is compared as well when the service refuses a taken name from the start, without sending it', async () => {
    await put(direct, 'job/big.ndjson', parts);
    const sent = proxy.requests.length;
    failFirst(9, isOpening, { type: 'status', status: 412, message: 'conditionNotMet' });
    expect((await put(store, 'job/big.ndjson', [...parts, ...parts].slice(0, 9))).outcome).toBe('identical');
    await expect(put(store, 'job/big.ndjson', [...parts, ...parts])).rejects.toMatchObject({ code: 'object_conflict' });
    expect(proxy.requests.slice(sent).filter(({ contentRange }) => contentRange !== undefined)).toEqual([]);
  });

  it('goes on where the service stands when it took a part of a chunk only', async () => {
    failFirst(1, isChunk(0), { type: 'short', bytes: MIB });
    const stored = await put(store, 'job/big.ndjson', parts);
    expect(checksum(await get(direct, 'job/big.ndjson'))).toBe(stored.checksum);
    expect(proxy.requests.map(({ contentRange }) => contentRange).filter(Boolean)).toEqual([
      `bytes 0-${first - 1}/*`,
      `bytes ${MIB}-${first - 1}/*`,
      `bytes ${first}-${whole.length - 1}/${whole.length}`,
    ]);
  });

  it('takes the next bytes while a chunk is under way, and no more than one chunk of them', async () => {
    store = createGcsObjectStore(optionsOf(proxy.endpoint), { ...SETTINGS, retry: { ...RETRY, timeoutMs: 1500 } });
    failFirst(1, isChunk(0), { type: 'hang' });
    const writer = await store.create('job/big.ndjson');
    let written = 0;
    const all = (async () => {
      for (const part of [...parts, ...parts]) {
        await writer.write(part);
        written += part.length;
      }
    })();
    await vi.waitFor(() => expect(proxy.requests.filter(isChunk(0)).length).toBe(1));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(Math.floor(written / first)).toBe(1);
    await all;
    const stored = await writer.commit();
    expect(stored.bytes).toBe(2 * whole.length);
    expect(checksum(await get(direct, 'job/big.ndjson'))).toBe(checksum(Buffer.concat([whole, whole])));
  });

  it('is not completed any more when the lease is lost while the service is not answering', async () => {
    failFirst(9, isChunk(first), { type: 'status', status: 503 });
    const writer = await store.create('job/big.ndjson');
    for (const part of parts) await writer.write(part);
    let guarded = 0;
    const lost = new Error('lease lost');
    const commit = writer.commit(async () => {
      if ((guarded += 1) === 2) throw lost;
    });
    await expect(commit).rejects.toBe(lost);
    expect(proxy.requests.filter(isChunk(first)).length).toBe(1);
    expect(await names(direct, '')).toEqual([]);
  });

  it('is deleted again when it arrived with other bytes', async () => {
    failFirst(1, isChunk(first), { type: 'flip_byte' });
    await expect(put(store, 'job/big.ndjson', parts)).rejects.toMatchObject({
      code: 'store_failed',
      message: expect.stringContaining('arrived with other bytes than were sent; it was deleted again'),
    });
    expect(await names(direct, '')).toEqual([]);
  });

  it('fails when its upload is refused, and leaves nothing', async () => {
    failFirst(9, ({ contentRange }) => contentRange !== undefined, {
      type: 'status',
      status: 403,
      message: 'no storage.objects.create',
    });
    await expect(put(store, 'job/big.ndjson', parts)).rejects.toMatchObject({ code: 'store_read_only' });
    expect(await names(direct, '')).toEqual([]);
  });
});

describe('reading', () => {
  it('goes on at the byte where the connection broke', async () => {
    const content = random(3_000_000);
    await put(direct, 'job/a.ndjson', [content]);
    let cuts = 0;
    proxy.fault = (request) =>
      isRead(request) && (cuts += 1) <= 3 ? { type: 'cut_reply', after: 700_000 } : undefined;
    expect(checksum(await get(store, 'job/a.ndjson'))).toBe(checksum(content));
    const reads = proxy.requests.filter(isRead);
    expect(reads.length).toBe(4);
    expect(
      reads.slice(1).every(({ range, path }) => /^bytes=\d+-$/.test(range ?? '') && /generation=\d+/.test(path)),
    ).toBe(true);
  });

  it('tries again after 503 and silence, and gives up in the end', async () => {
    await put(direct, 'job/a.json', [bytes('{}')]);
    store = createGcsObjectStore(optionsOf(proxy.endpoint), { retry: { ...RETRY, timeoutMs: 1000 } });
    let count = 0;
    proxy.fault = () => [undefined, { type: 'status' as const, status: 503 }, { type: 'hang' as const }][(count += 1)];
    expect((await get(store, 'job/a.json')).toString()).toBe('{}');
    failFirst(99, isRead, { type: 'status', status: 503 });
    await expect(get(store, 'job/a.json')).rejects.toMatchObject({
      code: 'store_failed',
      message: expect.stringContaining('503'),
    });
    failFirst(99, () => true, { type: 'reset' });
    await expect(store.stat('job/a.json')).rejects.toMatchObject({ code: 'store_failed' });
    failFirst(1, ({ method }) => method === 'DELETE', { type: 'lose_reply' });
    await store.delete('job/a.json');
    expect(await store.stat('job/a.json')).toBeUndefined();
  });

  it('says nothing on stderr about listeners', async () => {
    await put(direct, 'job/a.ndjson', [random(3_000_000)]);
    const warnings: string[] = [];
    const note = (warning: Error) => warnings.push(warning.name);
    process.on('warning', note);
    await get(store, 'job/a.ndjson');
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  it('lists more objects than one page has (F45)', async () => {
    const all = Array.from({ length: 10 }, (_, at) => `many/${String(at)}.json`);
    for (const name of all.toReversed()) await put(direct, name, [bytes('1')]);
    failFirst(1, ({ path }) => path.includes('pageToken'), { type: 'status', status: 503 });
    expect(await names(store, 'many/')).toEqual(all);
    expect(proxy.requests.length).toBe(5);
  });
});

describe('what an operator has to know', () => {
  it('is that the bucket does not exist (F48)', async () => {
    const missing = createGcsObjectStore(optionsOf(server.endpoint, { bucket: 'sluice-not-there' }), SETTINGS);
    const failure = {
      code: 'store_failed',
      message: expect.stringContaining('sluice-not-there'),
      hint: expect.stringContaining('gcloud storage buckets create gs://sluice-not-there'),
    };
    await expect(put(missing, 'job/a.json', [bytes('x')])).rejects.toMatchObject(failure);
    await expect(put(missing, 'job/a.json', [random(9 * MIB)])).rejects.toMatchObject(failure);
    await expect(names(missing, '')).rejects.toMatchObject(failure);
  });

  it('is which permission is missing, without another attempt (F48)', async () => {
    const denied = 'me@x.iam.gserviceaccount.com does not have storage.objects.create access';
    failFirst(99, () => true, { type: 'status', status: 403, message: denied });
    await expect(put(store, 'job/a.json', [bytes('x')])).rejects.toMatchObject({
      code: 'store_read_only',
      message: expect.stringContaining(denied),
      hint: expect.stringMatching(/roles\/storage\.objectUser.*storage\.objects\.create/),
    });
    await expect(get(store, 'job/a.json')).rejects.toMatchObject({
      code: 'store_failed',
      hint: expect.stringContaining('storage.objects.get'),
    });
    await expect(names(store, '')).rejects.toMatchObject({ hint: expect.stringContaining('storage.objects.list') });
    await expect(store.delete('job/a.json')).rejects.toMatchObject({
      hint: expect.stringContaining('storage.objects.delete'),
    });
  });

  it('is that there are no credentials', async () => {
    // Without any the library asks as nobody; this is what the service answers then.
    const anonymous =
      'Anonymous caller does not have storage.objects.create access to the Google Cloud Storage object.';
    failFirst(99, () => true, { type: 'status', status: 401, message: anonymous });
    const failure = {
      code: 'store_failed',
      message: expect.stringContaining('no usable Google Cloud credentials (401 Anonymous caller'),
      hint: expect.stringContaining('gcloud auth application-default login'),
    };
    await expect(put(store, 'job/a.json', [bytes('x')])).rejects.toMatchObject(failure);
    await expect(store.stat('job/a.json')).rejects.toMatchObject(failure);
    await expect(put(store, 'job/a.json', [random(9 * MIB)])).rejects.toMatchObject(failure);
  });

  it('is that a key file cannot be used', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-gcs-'));
    const program = '{"type":"external_account","credential_source":{"executable":{"command":"sh"}}}';
    await writeFile(join(folder, 'text.json'), 'private canary');
    await writeFile(join(folder, 'program.json'), program);
    const files: [string, RegExp][] = [
      ['text.json', /it is not JSON\.$/],
      ['program.json', /names a program to run for credentials; that is not done/],
      ['absent.json', /ENOENT/],
    ];
    for (const [name, says] of files) {
      const identity = {
        keyfile: join(folder, name),
        defaultFile: null,
        impersonate: null,
        allowed: { executables: false, urls: false },
      };
      const unusable = createGcsObjectStore({ ...optionsOf(null), identity });
      await expect(unusable.create('a')).rejects.toMatchObject({
        code: 'config_invalid',
        message: expect.stringMatching(says),
      });
    }
    await rm(folder, { recursive: true });
  });

  it('is nothing that a request holds: the cause is text alone', async () => {
    failFirst(99, () => true, { type: 'status', status: 400, message: 'Invalid' });
    const failure: unknown = await put(store, 'job/a.json', [bytes('x')]).catch((error: unknown) => error);
    expect(Object.keys((failure as Error).cause as object)).toEqual([]);
  });
});

it('shares the memory for chunks among open uploads, and uses it again', () => {
  const memory = new UploadMemory();
  const taken = [1, 2, 3, 4, 5, 6].map(() => memory.take());
  expect(taken.map(({ filling }) => filling.byteLength / MIB)).toEqual([24, 8, 8, 8, 8, 8]);
  for (const chunks of taken.toReversed()) memory.giveBack(chunks, true);
  expect(memory.take() === taken[0]).toBe(true);
  const busy = memory.take();
  memory.giveBack(busy, false);
  expect(memory.take() === busy).toBe(false);
  expect((LARGEST_CHUNK_BYTES % (256 * 1024)) + (SMALLEST_CHUNK_BYTES % (256 * 1024))).toBe(0);
});
