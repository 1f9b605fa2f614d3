/** F05-F07 on the services of production: two processes at once, a process paused past its lease, requests that arrive late, no state store. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isExhaustive, ourPart } from '../support/exhaustive.ts';
import { everythingIn } from '../support/kill-cloud-look.ts';
import { KillCloud } from '../support/kill-cloud.ts';
import { KillScenario } from '../support/kill-effects.ts';
import { stopped } from '../support/kill-pause.ts';

const timeout = 1_800_000;
const LEASE_MS = 2000;
const SHORT_LEASE = { SLUICE_LEASE_SECONDS: String(LEASE_MS / 1000) };
let cloud: KillCloud;
let scenario: KillScenario;

beforeAll(async () => {
  cloud = await KillCloud.start();
  scenario = await KillScenario.create('full load', cloud);
}, timeout);
afterAll(() => scenario[Symbol.asyncDispose]());

type Place = 'first' | 'last';

/** Number of the run's first (or last) effect of this name. */
function effectOf(name: string, place: Place = 'first'): number {
  const index = place === 'first' ? scenario.effects.indexOf(name) : scenario.effects.lastIndexOf(name);
  if (index < 0) throw new Error(`the run has no effect ${name}: ${scenario.effects.join(', ')}`);
  return index + 1;
}

async function withHome(work: (home: string) => Promise<void>): Promise<void> {
  const home = await scenario.home();
  try {
    await work(home);
  } finally {
    await scenario.project.discard(home);
  }
}

test('of five that start together one works, and the others exit with 75 and say who', { timeout }, () =>
  withHome(async (home) => {
    const { project, args } = scenario;
    // The one that works waits, so that the slowest to start finds it at work.
    const env = { SLUICE_FAILPOINT: `${effectOf('state.planBatch')}:stop` };
    const all = Array.from({ length: 5 }, () => project.begin(home, args, env));
    const worker = await Promise.any(all.map(async (command) => (await stopped(command), command)));
    const before = await everythingIn(cloud, home);
    for (const command of all.filter((one) => one !== worker)) {
      const { exitCode, stderr } = await command.outcome;
      expect(exitCode, stderr).toBe(75);
      expect(stderr).toContain(`process ${String(worker.child.pid)} on `);
    }
    expect(await everythingIn(cloud, home)).toEqual(before);
    worker.child.kill('SIGCONT');
    expect(await worker.outcome).toMatchObject({ exitCode: 0 });
    await scenario.finish(home);
  }),
);

/** Where a process is paused past its lease; there is no file that keeps the other one waiting. */
const PAUSES: readonly (readonly [name: string, place: Place])[] = [
  ['landing.commit', 'last'],
  ['raw.prepare', 'first'],
  ['models.execute', 'last'],
  ['warehouse.commit', 'last'],
];
/** With SLUICE_KILL_ALL=1: what the guard keeps out there is the same. */
const MORE_PAUSES: typeof PAUSES = [
  ['rest.page', 'first'],
  ['state.sealBatch', 'last'],
  ['raw.loadBatch', 'first'],
  ['warehouse.commit', 'first'],
  ['state.markLoaded', 'last'],
  ['models.execute', 'first'],
  ['models.publish', 'last'],
  ['state.markPublished', 'last'],
  ['state.finishRun', 'first'],
];

describe('a process paused past its lease', () => {
  test.each(isExhaustive ? ourPart([...PAUSES, ...MORE_PAUSES]) : PAUSES)(
    'before its %s (%s): another one takes over and finishes, and it writes nothing more when it wakes',
    { timeout },
    (name, place) =>
      withHome(async (home) => {
        const { project, args } = scenario;
        const env = { ...SHORT_LEASE, SLUICE_FAILPOINT: `${String(effectOf(name, place))}:stop` };
        const paused = project.begin(home, args, env);
        await stopped(paused);
        await sleep(LEASE_MS + 200);
        const other = await project.run(home, args);
        expect(other.exitCode, other.stderr).toBe(0);
        const before = await everythingIn(cloud, home);
        paused.child.kill('SIGCONT');
        const woken = await paused.outcome;
        expect(woken.exitCode, woken.stderr).toBe(1);
        expect(woken.stderr).toContain('lease_lost');
        expect(await everythingIn(cloud, home)).toEqual(before);
        await scenario.finish(home);
      }),
  );
});

/** Requests by what they do: a load, the statement that notes it, and one that publishes. */
const LATE: readonly (readonly [what: string, fits: (body: string) => boolean])[] = [
  ['load job', (body) => body.includes('"sourceUris"')],
  [
    'statement that notes a batch',
    (body) => body.includes('insert into `sluice-test`.`analytics_raw`.`_sluice_batches`'),
  ],
  ['statement that publishes', (body) => body.includes('_sluice_models')],
];

describe('a request that arrives when another run has done the work', () => {
  test.each(LATE)('changes nothing: a %s', { timeout }, (_what, fits) =>
    withHome(async (home) => {
      const { project, args } = scenario;
      const arrival = Promise.withResolvers<void>();
      const paused = project.begin(home, args, SHORT_LEASE);
      let isHeld = false;
      cloud.of(home).front.faults.add({
        on: ({ kind, body }) => {
          if (kind !== 'job_insert' || isHeld || !fits(JSON.stringify(body))) return false;
          isHeld = paused.child.kill('SIGSTOP');
          return true;
        },
        fault: { type: 'hold', until: arrival.promise },
      });
      await stopped(paused);
      await sleep(LEASE_MS + 200);
      const other = await project.run(home, args);
      expect(other.exitCode, other.stderr).toBe(0);
      const { published, objects } = await everythingIn(cloud, home);
      const jobs = cloud.of(home).front.jobs.length;
      arrival.resolve();
      await sleep(200);
      expect(cloud.of(home).front.jobs).toHaveLength(jobs);
      paused.child.kill('SIGCONT');
      const woken = await paused.outcome;
      expect(woken.exitCode, woken.stderr).toBe(1);
      expect(woken.stderr).toContain('lease_lost');
      expect(await everythingIn(cloud, home)).toMatchObject({ published, objects });
      await scenario.finish(home);
    }),
  );
});
