/**
 * F01, F02, F41, F42, F51-F53 on the wire: requests of an hourly run to BigQuery and to the bucket are lost, refused, left hanging, or the
 * process dies around them. After one undisturbed run the tables are the oracle's, and nothing was loaded twice.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fault, FrontCall } from '../support/bigquery-front/faults.ts';
import { KillCloud } from '../support/kill-cloud.ts';
import { KillScenario } from '../support/kill-effects.ts';
import { arm, armEach, disarm, writesOf, type WireFault, type WireService } from '../support/wire-faults.ts';

const timeout = 7_200_000;
const isExhaustive = process.env['SLUICE_KILL_ALL'] === '1';
let cloud: KillCloud;
let scenario: KillScenario;
let writes: Readonly<Record<WireService, number>>;

beforeAll(async () => {
  cloud = await KillCloud.start();
  scenario = await KillScenario.create('hourly', cloud);
  const home = await scenario.home();
  await scenario.project.succeed(home, scenario.args);
  writes = writesOf(cloud.of(home));
  await scenario.project.discard(home);
}, timeout);
afterAll(() => scenario[Symbol.asyncDispose]());

async function withHome(work: (home: string) => Promise<void>): Promise<void> {
  const home = await scenario.home();
  try {
    await work(home);
  } finally {
    await scenario.project.discard(home);
  }
}

async function play(fault: WireFault): Promise<void> {
  await withHome(async (home) => {
    const { project, args } = scenario;
    const run = project.begin(home, args);
    const met = arm(cloud.of(home), fault, () => run.child.kill('SIGKILL'));
    const { exitCode, signal, stderr } = await run.outcome;
    expect(met(), 'the request came').not.toBeNull();
    if (fault.type.startsWith('killed')) expect(signal, stderr).toBe('SIGKILL');
    // What only tidies up may fail: the next run replaces it.
    else expect(exitCode, stderr).toBe(/"query":"drop table/.test(met() ?? '') ? 0 : 1);
    await scenario.checkReader(home, fault.type === 'refused' ? 'error' : 'before');
    disarm(cloud.of(home));
    await scenario.finish(home);
  });
}

/** Every request that changes something is killed around, or refused; the exhaustive form does both. */
function faultsOf(service: WireService): readonly WireFault[] {
  const types = ['killed after', 'refused', 'killed after', 'killed before'] as const;
  return Array.from({ length: writes[service] }, (_, index) => index + 1).flatMap((number): readonly WireFault[] => {
    if (isExhaustive) return [...new Set(types)].map((type) => ({ number, service, type }));
    return number % 2 === 1 ? [{ number, service, type: types[((number - 1) / 2) % types.length] ?? 'refused' }] : [];
  });
}

async function playAll(faults: readonly WireFault[]): Promise<void> {
  const problems: string[] = [];
  for (const fault of faults) {
    await play(fault).catch((error: unknown) => {
      problems.push(`${fault.type} ${fault.service} ${String(fault.number)}: ${String(error).slice(0, 3000)}`);
    });
  }
  if (problems.length > 0) throw new Error(`${problems.length} of ${faults.length} failed:\n${problems.join('\n\n')}`);
}

describe('a request that changes something', () => {
  test('in BigQuery, killed around or refused, is made good by the next run', { timeout }, async () => {
    expect(writes.bigquery).toBeGreaterThan(10);
    await playAll(faultsOf('bigquery'));
  });

  test('in the bucket, killed around or refused, is made good by the next run', { timeout }, async () => {
    expect(writes.gcs).toBeGreaterThan(5);
    await playAll(faultsOf('gcs'));
  });
});

describe('a run in which every request fails once', () => {
  test.each(['unavailable', 'lost', 'hang'] as const)('(%s) is done all the same', { timeout }, (type) =>
    withHome(async (home) => {
      const { project, args } = scenario;
      const met = armEach(cloud.of(home), type);
      const { exitCode, stderr } = await project.run(home, args, { REQUEST_SECONDS: type === 'hang' ? '1' : '60' });
      expect(exitCode, stderr).toBe(0);
      expect(met()).toBeGreaterThan(writes.bigquery + writes.gcs);
      project.check(home);
      await scenario.checkNew(home);
      disarm(cloud.of(home));
      await scenario.finish(home);
    }),
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
  ['is slow', { type: 'slow_job', ms: 2500 }, 0],
  ['takes longer than it may', { type: 'slow_job', ms: 60_000 }, 1],
  ['is cancelled by an admin', { type: 'cancel_job' }, 1],
  ['meets a quota that is used up', failed('quotaExceeded', 'Quota exceeded'), 1],
];

describe('a job that BigQuery has taken', () => {
  test.each(JOBS)('and that %s', { timeout }, (_what, fault, exitCode) =>
    withHome(async (home) => {
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
