/** F04, F05, F06: two processes at once, a process paused past its lease, Ctrl-C. */
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KillScenario } from '../support/kill-effects.ts';
import { everythingOf, stopped } from '../support/kill-pause.ts';

const timeout = 900_000;
const LEASE_MS = 1000;
let scenario: KillScenario;

beforeAll(async () => {
  scenario = await KillScenario.create('full load');
}, timeout);
afterAll(() => scenario[Symbol.asyncDispose]());

/** Number of the run's first (or last) effect of this name. */
function effectOf(name: string, place: 'first' | 'last' = 'first'): number {
  const index = place === 'first' ? scenario.effects.indexOf(name) : scenario.effects.lastIndexOf(name);
  if (index < 0) throw new Error(`the run has no effect ${name}: ${scenario.effects.join(', ')}`);
  return index + 1;
}

async function withHome(work: (home: string) => Promise<void>): Promise<void> {
  const home = await scenario.home();
  try {
    await work(home);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

describe('two processes at once', () => {
  test('the second is refused at once, with the name of the first', { timeout }, () =>
    withHome(async (home) => {
      const { project, args } = scenario;
      const first = project.begin(home, args, { SLUICE_FAILPOINT: `${effectOf('landing.commit')}:stop` });
      await stopped(first);
      const before = await everythingOf(home);
      const second = await project.run(home, [...args, '--json']);
      expect(second).toMatchObject({ exitCode: 75 });
      expect(second.stderr).toContain(`process ${first.child.pid} on `);
      expect(second.stderr).toContain('job run customer');
      expect(JSON.parse(second.stdout)).toMatchObject({ exitCode: 75, errors: [{ code: 'lease_held' }] });
      expect(await everythingOf(home)).toEqual(before);
      first.child.kill('SIGCONT');
      expect(await first.outcome).toMatchObject({ exitCode: 0 });
      await scenario.finish(home);
    }),
  );

  test('of five that start together one works, and the others say who', { timeout }, () =>
    withHome(async (home) => {
      const { project, args } = scenario;
      // The one that works waits, so that the slowest to start finds it at work.
      const env = { SLUICE_FAILPOINT: `${effectOf('state.planBatch')}:stop` };
      const all = Array.from({ length: 5 }, () => project.begin(home, args, env));
      const refused = all.map(async (command) => {
        const { exitCode, stderr } = await command.outcome;
        return { command, exitCode, stderr };
      });
      const worker = await Promise.any(all.map(async (command) => (await stopped(command), command)));
      const others = await Promise.all(refused.filter((_, index) => all[index] !== worker));
      for (const { exitCode, stderr } of others) {
        expect(exitCode, stderr).toBe(75);
        expect(stderr).toContain(`process ${worker.child.pid} on `);
      }
      worker.child.kill('SIGCONT');
      expect(await worker.outcome).toMatchObject({ exitCode: 0 });
      await scenario.finish(home);
    }),
  );
});

/** Where a process is paused past its lease. Between opening and closing the warehouse it holds the DuckDB file. */
const PAUSES: readonly (readonly [name: string, place: 'first' | 'last'])[] = [
  ['state.startRun', 'first'],
  ['state.planBatch', 'first'],
  ['rest.page', 'first'],
  ['landing.write', 'first'],
  ['landing.commit', 'first'],
  ['state.saveProgress', 'last'],
  ['state.sealBatch', 'first'],
  ['stream.read', 'last'],
  ['landing.commit', 'last'],
  ['state.sealBatch', 'last'],
  ['raw.loadBatch', 'first'],
  ['warehouse.commit', 'first'],
  ['state.saveAdmission', 'first'],
  ['state.markLoaded', 'last'],
  ['models.publish', 'last'],
  ['warehouse.commit', 'last'],
  ['state.markPublished', 'last'],
  ['warehouse.close', 'first'],
  ['state.setFact', 'last'],
  ['state.finishRun', 'first'],
];

describe('a process paused past its lease', () => {
  test.each(PAUSES)('before its %s (%s) writes nothing more when it wakes', { timeout }, (name, place) =>
    withHome(async (home) => {
      const { project, args } = scenario;
      const effect = effectOf(name, place);
      const holdsFile = effect > effectOf('warehouse.open') && effect <= effectOf('warehouse.close');
      const paused = project.begin(home, args, {
        SLUICE_FAILPOINT: `${effect}:stop`,
        SLUICE_LEASE_SECONDS: String(LEASE_MS / 1000),
      });
      await stopped(paused);
      await sleep(LEASE_MS + 200);
      const other = await project.run(home, args, { LOCK_SECONDS: '1' });
      if (holdsFile) {
        expect(other.exitCode, other.stderr).toBe(1);
        expect(other.stderr).toContain('warehouse_locked');
        expect(other.stderr).toContain(`(PID ${paused.child.pid})`);
      } else expect(other.exitCode, other.stderr).toBe(0);
      const before = await everythingOf(home);
      paused.child.kill('SIGCONT');
      const woken = await paused.outcome;
      expect(woken.exitCode, woken.stderr).toBe(1);
      expect(woken.stderr).toContain('lease_lost');
      expect(await everythingOf(home)).toEqual(before);
      await scenario.checkReader(home);
      await scenario.finish(home);
    }),
  );
});

const INTERRUPTIONS: readonly (readonly [name: string, place: 'first' | 'last'])[] = [
  ['state.planBatch', 'first'],
  ['rest.page', 'first'],
  ['landing.commit', 'last'],
  ['raw.loadBatch', 'last'],
  ['models.publish', 'last'],
  ['state.markPublished', 'first'],
];

describe('Ctrl-C', () => {
  test.each(INTERRUPTIONS)(
    'at %s (%s) ends the run with 130, and the next one finishes it',
    { timeout },
    (name, place) =>
      withHome(async (home) => {
        const { project, args } = scenario;
        const running = project.begin(home, args, { SLUICE_FAILPOINT: `${effectOf(name, place)}:stop` });
        await stopped(running);
        running.child.kill('SIGINT');
        running.child.kill('SIGCONT');
        const { exitCode, stderr } = await running.outcome;
        expect(exitCode, stderr).toBe(130);
        expect(stderr).toContain('stopping at the next safe point');
        await scenario.checkReader(home);
        await scenario.finish(home);
      }),
  );
});
