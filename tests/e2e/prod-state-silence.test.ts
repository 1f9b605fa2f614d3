/** F48 at every effect on the state store: PostgreSQL goes silent before a commit of a run reaches it, or before its answer comes back. */
import { expect, test } from 'vitest';
import { isExhaustive, ourPart } from '../support/exhaustive.ts';
import { KillCloud } from '../support/kill-cloud.ts';
import { KillScenario } from '../support/kill-effects.ts';

const timeout = 7_200_000;
/** Every transaction ends with one. */
const COMMIT = 'commit';

async function withHome<T>(scenario: KillScenario, work: (home: string) => Promise<T>): Promise<T> {
  const home = await scenario.home();
  try {
    return await work(home);
  } finally {
    await scenario.project.discard(home);
  }
}

test.each(['hourly', 'full refresh'] as const)(
  'silence at any commit of a run (%s) ends it, and the next one does the work',
  { timeout },
  async (name) => {
    const cloud = await KillCloud.start();
    await using scenario = await KillScenario.create(name, cloud);
    const commits = await withHome(scenario, async (home) => {
      await scenario.project.succeed(home, scenario.args);
      return cloud.of(home).postgres.count(COMMIT);
    });
    expect(commits).toBeGreaterThan(8);
    const all = Array.from({ length: commits }, (_, index) => index + 1).flatMap((number) => [
      { number, moment: 'before' as const },
      { number, moment: 'after' as const },
    ]);
    // A sample of three; an odd step takes both moments.
    const step = Math.ceil(all.length / 3) | 1;
    const cases = isExhaustive ? ourPart(all) : all.filter((_, index) => index % step === 0);
    const problems: string[] = [];
    for (const { number, moment } of cases) {
      await withHome(scenario, async (home) => {
        const { postgres } = cloud.of(home);
        postgres.freezeAt(COMMIT, number, moment);
        const startedAt = performance.now();
        const { exitCode, stderr } = await scenario.project.run(home, scenario.args, { STATE_SECONDS: '1' });
        // 1 s for the server and 1 s more for the client, each time that something is still to be said.
        expect(performance.now() - startedAt).toBeLessThan(60_000);
        expect(exitCode, stderr).toBe(1);
        expect(stderr).toContain('state_unavailable');
        await scenario.checkReader(home, 'error');
        postgres.thaw();
        await scenario.finish(home);
      }).catch((error: unknown) => {
        problems.push(`${moment} commit ${String(number)} of ${String(commits)}: ${String(error).slice(0, 3000)}`);
      });
    }
    if (problems.length > 0)
      throw new Error(`${problems.length} of ${cases.length} cases failed:\n${problems.join('\n\n')}`);
  },
);
