/**
 * F09, F61-F64: state store or warehouse lost, replaced by an older copy, or landing set back. Landing is the truth: what the others lack is
 * made from it, and a landing that lacks what the others know stops the run.
 */
import { copyFileSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLocalFilesObjectStore } from '../../src/adapters/local-files/object-store.ts';
import { TopicLog } from '../../src/adapters/topic-log/topic-log.ts';
import { readSealedBatches } from '../../src/ingest/manifest-store.ts';
import { KillScenario } from '../support/kill-effects.ts';
import { checkAgainstOracle, hashOf, produce } from '../support/kill-project.ts';
import { everythingOf } from '../support/kill-pause.ts';
import { killStory } from '../support/kill-story.ts';

const timeout = 900_000;
let scenario: KillScenario;
/** SLUICE_HOME before and after the second run. */
let older: string;
let newer: string;

beforeAll(async () => {
  scenario = await KillScenario.create('full load');
  older = await scenario.home();
  newer = await scenario.home();
  await scenario.project.succeed(newer, scenario.args);
}, timeout);
afterAll(() => scenario[Symbol.asyncDispose]());

function remove(home: string, ...names: string[]): void {
  const isMeant = (file: string): boolean => names.some((name) => file === name || file.startsWith(`${name}-`));
  for (const file of readdirSync(home).filter((found) => isMeant(found) || isMeant(found.replace('.wal', '')))) {
    rmSync(join(home, file), { recursive: true });
  }
}

function putBack(home: string, name: string, from: string): void {
  remove(home, name);
  copyFileSync(join(from, name), join(home, name));
}

async function withHome(from: string, work: (home: string) => Promise<void>): Promise<void> {
  const home = await scenario.project.home(from);
  try {
    await work(home);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** An hourly run, without the flags of the second one, sets everything right and says that it did. */
async function mended(home: string, warning: string): Promise<void> {
  const { stderr } = await scenario.project.succeed(home, scenario.hourly);
  expect(stderr).toContain(warning);
  await scenario.finish(home, scenario.hourly);
  await scenario.checkNew(home);
}

const REBUILT = 'the state is rebuilt from landing';

describe('what is lost comes back with the next run', () => {
  test.each([
    { what: 'the state store', lost: ['state.sqlite'], warning: REBUILT },
    { what: 'the warehouse', lost: ['warehouse.duckdb'], warning: 'the warehouse lacks 4 batch(es)' },
    { what: 'both', lost: ['state.sqlite', 'warehouse.duckdb'], warning: REBUILT },
  ])('$what', { timeout }, ({ lost, warning }) =>
    withHome(newer, async (home) => {
      const landing = hashOf(join(home, 'landing'));
      remove(home, ...lost);
      await mended(home, warning);
      expect(hashOf(join(home, 'landing')).replaceAll(home, '')).toBe(landing.replaceAll(home, ''));
    }),
  );

  test.each(['raw_customer_stream', 'raw_customer_dead_letter', '_sluice_batches'])(
    '%s, dropped by hand',
    { timeout },
    (table) =>
      withHome(newer, async (home) => {
        const warehouse = await DuckDBInstance.create(join(home, 'warehouse.duckdb'));
        const connection = await warehouse.connect();
        await connection.run(`drop table analytics_raw.${table}`);
        connection.closeSync();
        warehouse.closeSync();
        await mended(home, 'the warehouse lacks 4 batch(es)');
      }),
  );

  test.each(['rest.page', 'landing.commit', 'state.sealBatch', 'raw.loadBatch', 'state.markPublished'])(
    'the state store, after the run was killed at its last %s',
    { timeout },
    (effect) =>
      withHome(older, async (home) => {
        await scenario.disturb(home, scenario.effects.lastIndexOf(effect) + 1, 'after');
        remove(home, 'state.sqlite');
        await scenario.finish(home);
        await scenario.checkNew(home);
      }),
  );

  test('temporary files, after the run was killed in the middle of an object', { timeout }, () =>
    withHome(older, async (home) => {
      await scenario.disturb(home, scenario.effects.lastIndexOf('landing.write') + 1, 'after');
      expect(readdirSync(join(home, 'landing', '.tmp'))).not.toEqual([]);
      rmSync(join(home, 'landing', '.tmp'), { recursive: true });
      await scenario.finish(home);
    }),
  );

  test('a download that lost its state goes on with the S0 that it began with', { timeout }, () =>
    withHome(older, async (home) => {
      const store = createLocalFilesObjectStore(join(home, 'landing'));
      await scenario.disturb(home, scenario.effects.indexOf('state.saveProgress') + 5, 'after');
      const pages = join(home, 'landing', 'customer', 'snapshot', 's00000003', 'pages');
      const first = JSON.parse(readFileSync(join(pages, '0000001.json'), 'utf8')) as { startedAt: string };
      remove(home, 'state.sqlite');
      await scenario.finish(home);
      const sealed = await readSealedBatches(store, 'customer');
      expect(sealed.find(({ manifest }) => manifest.seq === 3)?.manifest.snapshot).toMatchObject({
        startedAt: first.startedAt,
      });
    }),
  );
});

describe('an older copy is noticed', () => {
  test('of the warehouse: what it lacks is loaded, its tables are built anew', { timeout }, () =>
    withHome(newer, async (home) => {
      putBack(home, 'warehouse.duckdb', older);
      await mended(home, 'the warehouse lacks 2 batch(es)');
    }),
  );

  test('of the warehouse, in which only models are older', { timeout }, () =>
    withHome(older, async (home) => {
      await scenario.project.succeed(home, [...scenario.args, '--only', 'land']);
      await scenario.project.succeed(home, [...scenario.hourly, '--only', 'load']);
      copyFileSync(join(home, 'warehouse.duckdb'), join(home, 'loaded'));
      await scenario.project.succeed(home, scenario.hourly);
      copyFileSync(join(home, 'loaded'), join(home, 'warehouse.duckdb'));
      await mended(home, 'current_customer in the warehouse is not what the last run left there');
    }),
  );

  test('of the state store: nothing is read or numbered twice', { timeout }, () =>
    withHome(newer, async (home) => {
      putBack(home, 'state.sqlite', older);
      // New records, which the older plan would take together with those that were landed.
      await produce(home, killStory('all', false).runs[0]?.produced.slice(0, 5) ?? []);
      const log = new TopicLog(join(home, 'topics'));
      // What was landed is gone from the topics.
      await log.trim('kundenservice-kunde-update', 0, 8n);
      const { stderr } = await scenario.project.succeed(home, scenario.hourly);
      expect(stderr).toContain(`landing holds batches behind customer-00000002`);
      const [first, second] = scenario.history.runs;
      if (first === undefined || second === undefined) throw new Error('the story has two runs');
      const produced = [...second.produced, ...first.produced.slice(0, 5)];
      const history = { ...scenario.history, runs: [first, { ...second, produced }] };
      await checkAgainstOracle(home, history, 1);
      expect(await scenario.unfinished(home)).toEqual([]);
    }),
  );

  test('of the state store, where the number behind its newest one was never sealed', { timeout }, () =>
    withHome(older, async (home) => {
      const page = scenario.effects.indexOf('rest.page') + 1;
      await scenario.disturb(home, page, 'after');
      // Without the API's address the download waits, and the stream lands behind it.
      const { stderr } = await scenario.project.run(home, scenario.hourly, { CUSTOMER_API_URL: '' });
      expect(stderr).toContain('waits');
      putBack(home, 'state.sqlite', older);
      const { stderr: told } = await scenario.project.run(home, scenario.hourly, { CUSTOMER_API_URL: '' });
      expect(told).toContain('landing holds batches behind customer-00000002');
      expect(told).toContain('1 of them unfinished');
      await scenario.project.succeed(home, scenario.hourly);
      expect(await scenario.unfinished(home)).toEqual([]);
      // The guard judged the download after the stream that was landed behind it; that is the one difference.
      await scenario.checkNew(home);
    }),
  );
});

describe('a landing that was set back', () => {
  test('stops the run; recovery and a rebuild go on with what it holds', { timeout }, () =>
    withHome(newer, async (home) => {
      const { project, hourly } = scenario;
      const manifests = join(home, 'landing', 'customer', 'manifests');
      for (const file of readdirSync(manifests).filter((name) => /^00000000000[34]/.test(name)))
        rmSync(join(manifests, file));
      const before = await everythingOf(home);
      const stops = await project.succeed(home, hourly, 1);
      expect(stops.stderr).toContain('landing lacks the manifest of customer-00000004');
      const { landing, warehouse } = await everythingOf(home);
      expect({ landing, warehouse }).toEqual({ landing: before.landing, warehouse: before.warehouse });
      await project.succeed(home, ['job', 'recover', 'customer']);
      // The stream is read again as batch 3; batch 4 is known to the warehouse alone.
      const unknown = await project.succeed(home, hourly, 1);
      expect(unknown.stderr).toContain('neither landing nor the state store knows (customer-00000004)');
      await project.succeed(home, [...hourly, '--full-refresh']);
      await checkAgainstOracle(home, killStory('all', false), 1);
      await scenario.finish(home);
    }),
  );
});
