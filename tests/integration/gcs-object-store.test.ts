import { afterAll, beforeAll } from 'vitest';
import { createGcsObjectStore } from '../../src/adapters/gcs/object-store.ts';
import { describeObjectStore } from '../contract/object-store.ts';
import { startFakeGcs, type FakeGcs } from '../services/gcs/server.ts';

let server: FakeGcs;
let bucketNumber = 0;
beforeAll(async () => {
  server = await startFakeGcs();
}, 300_000);
afterAll(() => server.stop());

for (const prefix of ['', 'some/prefix/']) {
  describeObjectStore(`Google Cloud Storage${prefix && ' below a prefix'}`, async () => {
    const bucket = `sluice-test-${String((bucketNumber += 1))}`;
    await server.createBucket(bucket);
    const options = { bucket, prefix, project: null, apiEndpoint: server.endpoint };
    return { store: createGcsObjectStore(options), other: createGcsObjectStore(options), cleanUp: async () => {} };
  });
}
