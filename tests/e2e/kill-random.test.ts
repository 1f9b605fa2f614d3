/** F02, F03: fifty SIGKILLs at random moments of a longer sequence of runs; readers look after each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { killSequence, randomFrom, RUNS } from '../support/kill-sequence.ts';
import { KillProject, checkAgainstOracle, createTopics, produce, readPublished } from '../support/kill-project.ts';
import type { Published } from '../support/kill-project.ts';

const KILLS = 50;
/** SLUICE_KILL_SEED repeats what a failure printed. */
const seed = Number(process.env['SLUICE_KILL_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

/** Starts the command and kills it after a while; false when it was done before. */
async function killWithin(project: KillProject, home: string, args: readonly string[], ms: number): Promise<boolean> {
  const { child, outcome } = project.begin(home, args);
  const waiting = new AbortController();
  const ended = outcome.finally(() => waiting.abort());
  await sleep(ms, undefined, { signal: waiting.signal }).catch(() => undefined);
  child.kill('SIGKILL');
  const { signal, exitCode, stderr } = await ended;
  if (signal === null) expect(exitCode, stderr).toBe(0);
  return signal === 'SIGKILL';
}

async function readIfThere(home: string): Promise<Published | null> {
  try {
    return await readPublished(home);
  } catch (error) {
    // The first run was killed before it made the file, the schema or the table.
    if (/does not exist|Catalog Error/.test(String(error))) return null;
    throw error;
  }
}

test(`${KILLS} kills at random moments change nothing (SLUICE_KILL_SEED=${seed})`, { timeout: 1_800_000 }, async () => {
  await using project = await KillProject.create();
  const history = killSequence(seed);
  const random = randomFrom(seed + 1);
  const home = await project.home();
  await createTopics(home, history);
  let kills = 0;
  let seen: Published | null = null;
  // What a run takes on this machine, at first a guess.
  let usualMs = 2000;
  for (const [index, { logicalTime, mode, fullLoad, produced }] of history.runs.entries()) {
    await produce(home, produced);
    project.server.script(fullLoad ?? []);
    const step = mode === 'all' ? [] : mode === 'refresh' ? ['--full-refresh', '--accept-shrink'] : ['--only', mode];
    const args = ['job', 'run', 'customer', '--logical-time', logicalTime, ...step];
    const looks: (Published | null)[] = [];
    const wanted = Math.ceil(((index + 1) * KILLS) / RUNS);
    for (let attempt = 0; kills < wanted && attempt < 12; attempt++) {
      const flags = fullLoad === null ? args : [...args, '--full-load'];
      if (await killWithin(project, home, flags, random() * usualMs)) kills++;
      looks.push(await readIfThere(home));
    }
    const startedAt = performance.now();
    await project.succeed(home, fullLoad === null ? args : [...args, '--full-load']);
    usualMs = (usualMs + performance.now() - startedAt) / 2;
    const complete: Published = await readPublished(home);
    if (mode === 'all' || mode === 'refresh') await checkAgainstOracle(home, history, index);
    for (const look of looks) {
      for (const table of ['current', 'history'] as const) {
        const states: (string | undefined)[] = [complete[table], seen?.[table] ?? '', ''];
        if (look !== null && !states.slice(0, seen === null ? 3 : 2).includes(look[table])) {
          throw new Error(`run ${index + 1}: a reader saw a half-made ${table}:\n${look[table].slice(0, 2000)}`);
        }
      }
    }
    seen = complete;
  }
  expect(kills).toBeGreaterThanOrEqual(KILLS - 5);
});
