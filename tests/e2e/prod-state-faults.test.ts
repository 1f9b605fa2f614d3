/** F07, F48, F55 on the services of production: PostgreSQL away or restarted in the middle of a run (silent: `prod-state-silence.test.ts`); the bucket gone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
