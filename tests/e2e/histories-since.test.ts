/**
 * Random histories in which a run makes new rows from the published ones and the newest records alone (`src/pipeline/plan-since.ts`): one listing
 * at the start, then hours and days of the stream. The oracle knows nothing of it; that it happens is counted.
 */
import { describe, expect, it } from 'vitest';
import { jobModelRunner } from '../../src/cli/job/model-runner.ts';
import { checkHistories, type RawHistory } from '../support/histories.ts';
import { playHistory } from '../support/project-run.ts';
import { inProcess, type ModelsOf } from '../support/run-in-process.ts';

const HISTORIES = 40;

/** The first run at the very start, with the listing; no other listing, and only whole runs on what is there. */
function streaming(raw: RawHistory): RawHistory {
  const [first, ...later] = raw.runs;
  const whole = { fullLoad: null, mode: 'all', lost: null } as const;
  const runs = [
    ...(first === undefined ? [] : [{ ...first, ...whole, at: { near: 'spot', permille: 0 } as const }]),
    ...later.map((run) => ({ ...run, ...whole })),
  ];
  return { ...raw, days: Math.min(raw.days + 2, 9), runs };
}

function counting(used: Map<string, number>): ModelsOf {
  return async (call, request) => {
    const runner = await jobModelRunner(call, request);
    return {
      nodes: () => runner.nodes(),
      preview: (asked) => runner.preview(asked),
      buildAside: (asked) => runner.buildAside(asked),
      finish: () => runner.finish(),
      run: (asked) => {
        for (const [name, { since, keys }] of asked.changes)
          if (keys !== null && since != null) used.set(name, (used.get(name) ?? 0) + 1);
        return runner.run(asked);
      },
    };
  };
}

describe.each(['customer', 'order'] as const)('the %s tables of a stream that goes on for days', (entity) => {
  it(`are the oracle's, ${String(HISTORIES)} times, made from published rows`, { timeout: 900_000 }, async () => {
    const used = new Map<string, number>();
    const run = inProcess(counting(used));
    await checkHistories(entity, HISTORIES, (history) => playHistory(history, run), streaming);
    // A replayed case (SLUICE_SEED) or a smaller number may use it less.
    if (process.env['SLUICE_SEED'] === undefined && process.env['SLUICE_RUNS'] === undefined) {
      expect(used.get(`current_${entity}`) ?? 0).toBeGreaterThanOrEqual(10);
      expect(used.get(`history_${entity}`) ?? 0).toBeGreaterThanOrEqual(10);
    }
  });
});
