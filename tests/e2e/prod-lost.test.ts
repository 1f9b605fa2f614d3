/**
 * F61-F64 on the services of production: state store or datasets lost or replaced by an older copy, tables dropped by hand, a bucket set back.
 * Landing is the truth: what the others lack is made from it, and a landing that lacks what the others know stops the run.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { everythingIn } from '../support/kill-cloud-look.ts';
import { KillCloud } from '../support/kill-cloud.ts';
import { KillScenario } from '../support/kill-effects.ts';
import { checkAgainst } from '../support/kill-project.ts';
import { killStory } from '../support/kill-story.ts';

const timeout = 1_800_000;
let cloud: KillCloud;
let scenario: KillScenario;
/** Homes before and after the second run. */
let older: string;
let newer: string;

beforeAll(async () => {
  cloud = await KillCloud.start();
  scenario = await KillScenario.create('full load', cloud);
  older = await scenario.home();
  newer = await scenario.home();
  await scenario.project.succeed(newer, scenario.args);
}, timeout);
afterAll(() => scenario[Symbol.asyncDispose]());

async function withHome(from: string, work: (home: string) => Promise<void>): Promise<void> {
  const home = await scenario.project.home(from);
  try {
    await work(home);
  } finally {
    await scenario.project.discard(home);
  }
}

async function drop(home: string, ...tables: readonly string[]): Promise<void> {
  const { api } = cloud.of(home);
  for (const table of tables) {
    const sql = `drop table \`${api.project}\`.${table}`;
    await api.query({
      query: sql,
      useLegacySql: false,
      requestId: `drop ${table}`,
      timeoutMs: 60_000,
      formatOptions: { useInt64Timestamp: true },
    });
  }
}

/** An hourly run, without the flags of the second one, sets everything right and says that it did. */
async function mended(home: string, warning: string): Promise<void> {
  const { objects } = await everythingIn(cloud, newer);
  const { stderr } = await scenario.project.succeed(home, scenario.hourly);
  expect(stderr).toContain(warning);
  await scenario.finish(home, scenario.hourly);
  await scenario.checkNew(home);
  expect((await everythingIn(cloud, home)).objects).toBe(objects);
}

describe('what is lost comes back with the next run', () => {
  test('the state store', { timeout }, () =>
    withHome(newer, async (home) => {
      await cloud.replaceState(home);
      await mended(home, 'the state is rebuilt from landing');
    }),
  );

  test('the datasets', { timeout }, () =>
    withHome(newer, async (home) => {
      await cloud.replaceWarehouse(home);
      await mended(home, 'the warehouse lacks 4 batch(es)');
    }),
  );

  test('state store and datasets', { timeout }, () =>
    withHome(newer, async (home) => {
      await cloud.replaceState(home);
      await cloud.replaceWarehouse(home);
      await mended(home, 'the state is rebuilt from landing');
    }),
  );

  test.each(['current_customer', 'history_customer'])('%s, dropped by hand', { timeout }, (table) =>
    withHome(newer, async (home) => {
      await drop(home, `analytics.${table}`);
      await mended(home, `${table} in the warehouse is not what the last run left there`);
    }),
  );

  test.each(['raw_customer_stream', 'raw_customer_dead_letter', '_sluice_batches'])(
    '%s, dropped by hand',
    { timeout },
    (table) =>
      withHome(newer, async (home) => {
        await drop(home, `analytics_raw.${table}`);
        await mended(home, 'the warehouse lacks 4 batch(es)');
      }),
  );
});

describe('an older copy is noticed', () => {
  test('of the datasets: what they lack is loaded, their tables are built anew', { timeout }, () =>
    withHome(newer, async (home) => {
      await cloud.replaceWarehouse(home, older);
      await mended(home, 'the warehouse lacks 2 batch(es)');
    }),
  );

  test('of the state store: nothing is read or numbered twice', { timeout }, () =>
    withHome(newer, async (home) => {
      await cloud.replaceState(home, older);
      await mended(home, 'landing holds batches behind customer-00000002');
    }),
  );
});

describe('a bucket that was set back', () => {
  test('stops the run; recovery and a rebuild go on with what it holds', { timeout }, () =>
    withHome(newer, async (home) => {
      const { project, hourly } = scenario;
      const { landing } = project.data(home);
      for await (const name of landing.list('customer/manifests/'))
        if (/\/00000000000[34][^/]*$/.test(name)) await landing.delete(name);
      const before = await everythingIn(cloud, home);
      const stops = await project.succeed(home, hourly, 1);
      expect(stops.stderr).toContain('landing lacks the manifest of customer-00000004');
      const { objects, jobs, published } = await everythingIn(cloud, home);
      expect({ objects, jobs, published }).toEqual({
        objects: before.objects,
        jobs: before.jobs,
        published: before.published,
      });
      await project.succeed(home, ['job', 'recover', 'customer']);
      // The stream is read again as batch 3; batch 4 is known to the warehouse alone.
      const unknown = await project.succeed(home, hourly, 1);
      expect(unknown.stderr).toContain('neither landing nor the state store knows (customer-00000004)');
      await project.succeed(home, [...hourly, '--full-refresh']);
      await checkAgainst(project.data(home), killStory('all', false), 1);
      await scenario.finish(home);
    }),
  );
});
