/**
 * What fake-gcs-server v1.55.1 does, and where it is not Google Cloud Storage. A test that fails here after an upgrade is good news: take
 * the work-around away that its comment names.
 */
import { Storage, type Bucket } from '@google-cloud/storage';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startFakeGcs, type FakeGcs } from '../services/gcs/server.ts';

let server: FakeGcs;
let bucket: Bucket;
beforeAll(async () => {
  server = await startFakeGcs({ buckets: ['sluice-pins'] });
  bucket = new Storage({ projectId: 'sluice-test', apiEndpoint: server.endpoint }).bucket('sluice-pins');
}, 300_000);
afterAll(() => server.stop());

const upload = (query: string) => `${server.endpoint}/upload/storage/v1/b/sluice-pins/o?${query}`;

async function startResumable(name: string): Promise<string> {
  const response = await fetch(upload(`uploadType=resumable&name=${name}&ifGenerationMatch=0`), {
    method: 'POST',
    body: '{}',
  });
  return response.headers.get('location') ?? '';
}

async function exists(name: string): Promise<boolean> {
  return (await bucket.file(name).exists())[0];
}

it('honours ifGenerationMatch: 0 for multipart and resumable uploads, as GCS does', async () => {
  for (const resumable of [false, true]) {
    const file = bucket.file(`once-${String(resumable)}`);
    const save = () => file.save('1', { resumable, preconditionOpts: { ifGenerationMatch: 0 } });
    await save();
    await expect(save()).rejects.toMatchObject({ code: 412 });
  }
});

it('gives CRC32C, size and generation of an object, and the head of a download, as GCS does', async () => {
  await bucket.file('facts').save('hello', { resumable: false });
  const [metadata] = await bucket.file('facts').getMetadata();
  expect(metadata).toMatchObject({ size: '5', crc32c: 'mnG7TA==' });
  const response = await fetch(`${server.endpoint}/storage/v1/b/sluice-pins/o/facts?alt=media`, {
    headers: { range: 'bytes=2-' },
  });
  expect([response.status, await response.text()]).toEqual([206, 'llo']);
  expect(response.headers.get('x-goog-generation')).toBe(String(metadata.generation));
});

it('lists by prefix in order of name, page by page, and sees an object as soon as it is there, as GCS does', async () => {
  for (const name of ['list/b', 'list/a', 'list/c', 'other']) await bucket.file(name).save('x', { resumable: false });
  const [first, next] = await bucket.getFiles({ prefix: 'list/', maxResults: 2, autoPaginate: false });
  expect(first.map(({ name }) => name)).toEqual(['list/a', 'list/b']);
  const [second] = await bucket.getFiles({ ...(next as object), autoPaginate: false });
  expect(second.map(({ name }) => name)).toEqual(['list/c']);
});

it('gives the address of a resumable upload that leads back to it, as GCS does', async () => {
  expect(await startResumable('address')).toMatch(new RegExp(`^${server.endpoint}/`));
});

it('lets the second write win where no precondition is named, as GCS does (nothing here writes without one)', async () => {
  for (const text of ['1', '2']) await bucket.file('over').save(text, { resumable: false });
  expect((await bucket.file('over').download())[0].toString()).toBe('2');
});

it('refuses a multipart upload whose declared CRC32C does not fit, as GCS does', async () => {
  const save = bucket.file('wrong-sum').save('x', { resumable: false, metadata: { crc32c: 'mnG7TA==' } });
  await expect(save).rejects.toMatchObject({ code: 400 });
  expect(await exists('wrong-sum')).toBe(false);
});

it('differs: ignores ifGenerationMatch for media uploads (nothing here makes one)', async () => {
  for (const body of ['1', '2']) {
    const response = await fetch(upload('uploadType=media&name=media&ifGenerationMatch=0'), { method: 'POST', body });
    expect(response.status).toBe(200);
  }
  expect((await bucket.file('media').download())[0].toString()).toBe('2');
});

it('differs: deletes whatever the generation that was asked for (a conditional delete cannot be tested on it)', async () => {
  await bucket.file('deleted').save('x', { resumable: false });
  await bucket.file('deleted').delete({ ifGenerationMatch: 1 });
  expect(await exists('deleted')).toBe(false);
});

it('differs: takes the question for the state of a resumable upload for its end (fault-proxy.ts answers it instead)', async () => {
  const uri = await startResumable('half');
  const chunk = await fetch(uri, { method: 'PUT', headers: { 'content-range': 'bytes 0-3/*' }, body: 'half' });
  expect([chunk.status, await exists('half')]).toEqual([308, false]);
  const state = await fetch(uri, { method: 'PUT', headers: { 'content-range': 'bytes */*' } });
  // GCS: 308 with Range: bytes=0-3, and no object.
  expect([state.status, await exists('half')]).toEqual([200, true]);
});

it('differs: knows a missing bucket only for uploads; for objects it says what it says for a missing object', async () => {
  const other = bucket.storage.bucket('sluice-no-bucket');
  await expect(other.file('x').save('x', { resumable: false })).rejects.toMatchObject({ code: 404 });
  // GCS: "The specified bucket does not exist."
  await expect(other.file('x').getMetadata()).rejects.toMatchObject({ code: 404, message: 'Not Found' });
});
