/** As `prod-wire-faults.test.ts`, for a full refresh: built aside, tested, and swapped in. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isExhaustive } from '../support/exhaustive.ts';
import { WireCases } from '../support/wire-cases.ts';
import type { PassingFault } from '../support/wire-faults.ts';

const timeout = 7_200_000;
let cases: WireCases;

beforeAll(async () => {
  cases = await WireCases.create('full refresh');
}, timeout);
afterAll(() => cases[Symbol.asyncDispose]());

describe('a request of a full refresh that changes something', () => {
  test('in BigQuery, killed around or refused, is made good by the next run', { timeout }, async () => {
    expect(cases.writes.bigquery).toBeGreaterThan(10);
    await cases.playSingle('bigquery', 5);
  });

  test('there is none to the bucket', () => {
    expect(cases.writes.gcs).toBe(0);
  });
});

describe('a full refresh in which every request fails once', () => {
  const types: readonly PassingFault[] = isExhaustive
    ? ['unavailable', 'burst', 'lost', 'hang', 'slow']
    : ['burst', 'lost', 'hang'];
  test.each(types)('(%s) is done all the same', { timeout }, (type) => cases.playEach(type));
});
