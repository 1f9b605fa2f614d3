/** What `sluice debug` finds out about a bucket, on an emulator that knows no permissions. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bucketAccess } from '../../src/adapters/gcs/access.ts';
import type { GcsOptions } from '../../src/adapters/gcs/bucket.ts';
import { startFakeGcs, type FakeGcs } from '../services/gcs/server.ts';

let server: FakeGcs;
beforeAll(async () => {
  server = await startFakeGcs({ buckets: ['sluice-access'] });
}, 300_000);
afterAll(() => server.stop());

const options = (bucket: string): GcsOptions => ({ bucket, prefix: '', project: null, apiEndpoint: server.endpoint });

test('a bucket of an emulator is there, its permissions are not known', async () => {
  expect(await bucketAccess(options('sluice-access'))).toMatchObject({ missing: null, location: expect.any(String) });
});

test('a bucket that is not there is said so, with the command that makes it', async () => {
  await expect(bucketAccess(options('sluice-nowhere'))).rejects.toMatchObject({
    code: 'store_failed',
    message: 'Cannot look in the bucket sluice-nowhere: the bucket does not exist.',
    hint: expect.stringContaining('gcloud storage buckets create gs://sluice-nowhere'),
  });
});
