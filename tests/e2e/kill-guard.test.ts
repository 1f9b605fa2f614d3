/** The delete guard's decision and an operator's acceptance, killed at every effect from the load on: never half in, never untold. */
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KillProject, checkAgainstOracle, createTopics, produce } from '../support/kill-project.ts';
import type { History } from '../support/history-build.ts';
import { customer, FIRST_RUN, killStory, listing, SECOND_RUN } from '../support/kill-story.ts';

const timeout = 900_000;
const RUN = ['job', 'run', 'customer', '--logical-time', SECOND_RUN];

let project: KillProject;
let history: History;
/** Before the download, and after a run that kept it out. */
let before: string;
let refused: string;

beforeAll(async () => {
  project = await KillProject.create();
  // A listing of ten customers would make two thirds of them gone.
  const few = Array.from({ length: 10 }, (_, index) => customer(index + 1, '2026-03-29T12:00:00Z', { segment: 'few' }));
  const story = killStory('all', false);
  const [first, second] = story.runs;
  if (first === undefined || second === undefined) throw new Error('the story has two runs');
  history = { ...story, runs: [first, { ...second, fullLoad: listing(few) }] };
  before = await project.home();
  await createTopics(before, history);
  await produce(before, first.produced);
  project.server.script(first.fullLoad ?? []);
  await project.succeed(before, ['job', 'run', 'customer', '--logical-time', FIRST_RUN, '--full-load']);
  await produce(before, second.produced);
  project.server.script(listing(few));
  await project.succeed(before, [...RUN, '--full-load', '--only', 'land']);
  refused = await project.home(before);
  const { stderr } = await project.succeed(refused, RUN, 1);
  expect(stderr).toContain('delete_guard');
  await checkAgainstOracle(refused, history, 1);
}, timeout);
afterAll(() => project[Symbol.asyncDispose]());

async function effectsOf(from: string, args: readonly string[], exitCode: number): Promise<readonly string[]> {
  const home = await project.home(from);
  const outcome = await project.run(home, args, { SLUICE_FAILPOINT: 'trace' });
  expect(outcome.exitCode, outcome.stderr).toBe(exitCode);
  await rm(home, { recursive: true });
  return [...outcome.stderr.matchAll(/^failpoint \d+ (\S+)$/gm)].map(([, effect]) => effect ?? '');
}

describe('a snapshot that the guard keeps out', () => {
  test(
    'is told of by the next run, when the run that judged it was killed before it was loaded',
    { timeout },
    async () => {
      const effects = await effectsOf(before, RUN, 1);
      const end = effects.indexOf('state.markLoaded') + 1;
      for (let effect = effects.indexOf('raw.loadBatch') + 1; effect <= end; effect++) {
        const home = await project.home(before);
        const killed = await project.run(home, RUN, { SLUICE_FAILPOINT: `${effect}:before` });
        expect(killed.signal).toBe('SIGKILL');
        const { exitCode, stderr } = await project.run(home, RUN);
        // The admission is noted when the load stands; only then the next run has nothing to tell.
        const isTold = effects.indexOf('state.saveAdmission') + 1 >= effect;
        expect(exitCode, `killed before effect ${effect} ${effects[effect - 1]}\n${stderr}`).toBe(isTold ? 1 : 0);
        if (isTold) expect(stderr).toContain('delete_guard');
        await checkAgainstOracle(home, history, 1);
        await rm(home, { recursive: true });
      }
    },
  );

  test('is let in as a whole or not at all, wherever --accept-deletes is killed', { timeout }, async () => {
    const accept = [...RUN, '--accept-deletes'];
    const effects = await effectsOf(refused, accept, 0);
    expect(effects).toContain('state.markUnloaded');
    const end = effects.lastIndexOf('state.markPublished') + 1;
    for (let effect = effects.indexOf('state.markUnloaded') + 1; effect <= end; effect++) {
      const home = await project.home(refused);
      const killed = await project.run(home, accept, { SLUICE_FAILPOINT: `${effect}:after` });
      expect(killed.signal).toBe('SIGKILL');
      // Whoever comes next with or without the flag: landing and tables tell the same.
      if (effect % 2 === 0) {
        await project.succeed(home, RUN);
        await checkAgainstOracle(home, history, 1);
      }
      await project.succeed(home, accept);
      await checkAgainstOracle(home, history, 1);
      const letters = await project.succeed(home, ['job', 'status', 'customer', '--json']);
      expect(JSON.parse(letters.stdout)).toMatchObject({ unfinished: [] });
      await rm(home, { recursive: true });
    }
  });

  test('is let in by the run that judges it, when that one has the flag', { timeout }, async () => {
    const home = await project.home(before);
    await project.succeed(home, [...RUN, '--accept-deletes']);
    await checkAgainstOracle(home, history, 1);
  });
});
