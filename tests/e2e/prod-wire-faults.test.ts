/**
 * F01, F02, F41, F42, F51-F53 on the wire: requests of an hourly run to BigQuery and to the bucket are lost, refused, left hanging, or the
 * process dies around them. After one undisturbed run the tables are the oracle's, and nothing was loaded twice.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fault, FrontCall } from '../support/bigquery-front/faults.ts';
import { WireCases } from '../support/wire-cases.ts';
import { disarm } from '../support/wire-faults.ts';

const timeout = 7_200_000;
let cases: WireCases;

beforeAll(async () => {
  cases = await WireCases.create('hourly');
}, timeout);
afterAll(() => cases[Symbol.asyncDispose]());

describe('a request that changes something', () => {
  test('in BigQuery, killed around or refused, is made good by the next run', { timeout }, async () => {
    expect(cases.writes.bigquery).toBeGreaterThan(10);
    await cases.playSingle('bigquery', 2);
  });

  test('in the bucket, killed around or refused, is made good by the next run', { timeout }, async () => {
    expect(cases.writes.gcs).toBeGreaterThan(5);
    await cases.playSingle('gcs', 2);
  });
});

describe('a run in which every request fails once', () => {
  test.each(['unavailable', 'burst', 'lost', 'hang', 'slow'] as const)(
    '(%s) is done all the same',
    { timeout },
    (type) => cases.playEach(type),
  );
});

const failed = (reason: string, message = 'try again later'): Fault => ({ type: 'fail_job', reason, message });

/** What happens to the first job of each kind of work; the next ones go well. */
const JOBS: readonly (readonly [what: string, fault: Fault, exitCode: number])[] = [
  ['fails inside BigQuery', failed('backendError', 'Retrying may solve the problem.'), 0],
  ['meets the rate limit', failed('rateLimitExceeded', 'Exceeded rate limits'), 0],
  [
    'loses against another transaction',
    failed('invalidQuery', 'Transaction is aborted due to concurrent update against table t'),
    0,
  ],
  ['waits for slots', { type: 'pending_job', ms: 4000 }, 0],
  ['is slow', { type: 'slow_job', ms: 2500 }, 0],
  ['takes longer than it may', { type: 'slow_job', ms: 60_000 }, 1],
  ['is cancelled by an admin', { type: 'cancel_job' }, 1],
  ['meets a quota that is used up', failed('quotaExceeded', 'Quota exceeded'), 1],
];

describe('a job that BigQuery has taken', () => {
  test.each(JOBS)('and that %s', { timeout }, (_what, fault, exitCode) =>
    cases.withHome(async (home) => {
      const { cloud, scenario } = cases;
      const { project, args } = scenario;
      const { front } = cloud.of(home);
      const isLoad = (call: FrontCall): boolean =>
        call.kind === 'job_insert' && JSON.stringify(call.body).includes('sourceUris');
      front.faults.add({ on: isLoad, fault });
      front.faults.add({ on: (call) => call.kind === 'job_insert' && !isLoad(call), fault });
      const outcome = await project.run(home, args, { JOB_SECONDS: '5' });
      expect(outcome.exitCode, outcome.stderr).toBe(exitCode);
      // What was loaded by half must not reach models.
      if (exitCode === 1) expect(outcome.stderr).toContain('models wait');
      await scenario.checkReader(home, 'error');
      disarm(cloud.of(home));
      await scenario.finish(home);
    }),
  );
});
