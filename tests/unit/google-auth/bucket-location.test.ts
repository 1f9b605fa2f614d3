import { expect, test } from 'vitest';
import { fits } from '../../../src/adapters/gcs/access.ts';

test.each([
  { bucket: 'EU', dataset: 'EU', fit: true },
  { bucket: 'EUROPE-WEST3', dataset: 'europe-west3', fit: true },
  { bucket: 'EUROPE-WEST3', dataset: 'EU', fit: true },
  { bucket: 'EUR4', dataset: 'EU', fit: true },
  { bucket: 'EUROPE-WEST2', dataset: 'EU', fit: false },
  { bucket: 'US-EAST1', dataset: 'EU', fit: false },
  { bucket: 'EU', dataset: 'europe-west3', fit: false },
  { bucket: 'EUROPE-WEST3', dataset: 'US', fit: true },
])('a bucket in $bucket fits datasets in $dataset: $fit', ({ bucket, dataset, fit }) => {
  expect(fits({ location: bucket, regions: [] }, dataset)).toBe(fit);
});

test('a dual-region bucket fits datasets in each of its regions', () => {
  const bucket = { location: 'EU', regions: ['EUROPE-WEST3', 'EUROPE-WEST4'] };
  expect(fits(bucket, 'europe-west3')).toBe(true);
  expect(fits(bucket, 'europe-west1')).toBe(false);
});
