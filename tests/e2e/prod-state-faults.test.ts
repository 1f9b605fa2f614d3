/** F07, F48, F55 on the services of production: PostgreSQL away, restarted, or silent in the middle of a run; the bucket gone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isExhaustive, ourPart } from '../support/exhaustive.ts';
import { everythingIn } from '../support/kill-cloud-look.ts';
import { KillCloud } from '../support/kill-cloud.ts';
import { KillScenario } from '../support/kill-effects.ts';

const timeout = 1_800_000;
let cloud: KillCloud;
let scenario: KillScenario;

beforeAll(async () => {
  cloud = await KillCloud.start();
  scenario = await KillScenario.create('hourly', cloud);
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

/** Calls `what` once, when a run sends the first job of this kind to BigQuery. */
function whenSent(home: string, text: string, what: () => void): void {
  let isSent = false;
  cloud.of(home).front.faults.add({
    on: ({ kind, body }) => {
      if (isSent || kind !== 'job_insert' || !JSON.stringify(body).includes(text)) return false;
      isSent = true;
      what();
      return true;
    },
    fault: { type: 'delay', ms: 0 },
  });
}

const LOAD = '"sourceUris"';
const PUBLISH = '_sluice_models';

describe('PostgreSQL', () => {
  test('that is away when a run starts keeps it from doing anything', { timeout }, () =>
    withHome(async (home) => {
      const before = await everythingIn(cloud, home);
      cloud.of(home).postgres.cut();
      const outcome = await scenario.project.run(home, scenario.args);
      expect(outcome.exitCode, outcome.stderr).toBe(1);
      expect(outcome.stderr).toContain('state_unavailable');
      expect(await everythingIn(cloud, home)).toEqual(before);
      cloud.of(home).postgres.restore();
      await scenario.finish(home);
    }),
  );

  test.each([
    ['loads', LOAD],
    ['publishes', PUBLISH],
  ])('that goes away while a run %s stops it: no job is sent without a lease', { timeout }, (_what, text) =>
    withHome(async (home) => {
      const { front, postgres } = cloud.of(home);
      let sent = 0;
      whenSent(home, text, () => {
        postgres.cut();
        sent = front.jobs.length + 1;
      });
      const outcome = await scenario.project.run(home, scenario.args);
      expect(outcome.exitCode, outcome.stderr).toBe(1);
      expect(outcome.stderr).toContain('state_unavailable');
      // Loads of one batch are sent side by side.
      expect(front.jobs.length).toBeLessThanOrEqual(sent + (text === LOAD ? 1 : 0));
      postgres.restore();
      await scenario.finish(home);
    }),
  );

  test.each([
    ['loads', LOAD],
    ['publishes', PUBLISH],
  ])('that is restarted while a run %s', { timeout }, (_what, text) =>
    withHome(async (home) => {
      const { postgres } = cloud.of(home);
      whenSent(home, text, () => {
        postgres.cut();
        setTimeout(() => postgres.restore(), 300);
      });
      await scenario.project.run(home, scenario.args);
      await scenario.finish(home);
    }),
  );

  test.each([
    ['loads', LOAD],
    ['publishes', PUBLISH],
  ])('whose answer to a commit is lost while a run %s', { timeout }, (_what, text) =>
    withHome(async (home) => {
      whenSent(home, text, () => cloud.of(home).postgres.loseReplyTo('commit'));
      await scenario.project.run(home, scenario.args);
      await scenario.finish(home);
    }),
  );
});

describe('PostgreSQL that goes silent', () => {
  /** Every transaction of an hourly run ends with one. */
  const COMMIT = 'commit';

  test('at any commit of a run ends it, done or not, and the next one goes on', { timeout }, async () => {
    let commits = 0;
    await withHome(async (home) => {
      await scenario.project.succeed(home, scenario.args);
      commits = cloud.of(home).postgres.count(COMMIT);
    });
    expect(commits).toBeGreaterThan(8);
    const all = Array.from({ length: commits }, (_, index) => index + 1).flatMap((number) => [
      { number, moment: 'before' as const },
      { number, moment: 'after' as const },
    ]);
    // A sample of four; an odd step takes both moments.
    const step = Math.ceil(all.length / 4) | 1;
    const cases = isExhaustive ? ourPart(all) : all.filter((_, index) => index % step === 0);
    for (const { number, moment } of cases) {
      await withHome(async (home) => {
        const { postgres } = cloud.of(home);
        postgres.freezeAt(COMMIT, number, moment);
        const startedAt = performance.now();
        const { exitCode, stderr } = await scenario.project.run(home, scenario.args, { STATE_SECONDS: '1' });
        const what = `${moment} commit ${String(number)} of ${String(commits)}: ${stderr}`;
        // 1 s for the server and 1 s more for the client, each time that something is still to be said.
        expect(performance.now() - startedAt, what).toBeLessThan(60_000);
        expect(exitCode, what).toBe(1);
        expect(stderr, what).toContain('state_unavailable');
        await scenario.checkReader(home, 'error');
        postgres.thaw();
        await scenario.finish(home);
      });
    }
  });
});

describe('a bucket that is gone', () => {
  test('fails the run and changes nothing; when it is back, the next run does the work', { timeout }, () =>
    withHome(async (home) => {
      const { bucket, gcs } = cloud.of(home);
      const before = await everythingIn(cloud, home);
      // fake-gcs-server has the status without the text.
      gcs.fault = () => ({ type: 'status', status: 404, message: 'The specified bucket does not exist.' });
      const outcome = await scenario.project.run(home, scenario.args);
      expect(outcome.exitCode, outcome.stderr).toBe(1);
      expect(outcome.stderr).toContain(`gcloud storage buckets create gs://${bucket}`);
      expect(await everythingIn(cloud, home)).toMatchObject({ objects: before.objects, jobs: before.jobs });
      gcs.fault = () => undefined;
      await scenario.finish(home);
    }),
  );
});
