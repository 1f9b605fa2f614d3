/**
 * Random histories in which a run makes new rows from the published ones and the newest records alone (`src/pipeline/plan-base.ts`): one listing
 * at the start, then hours and days of the stream. The oracle knows nothing of it; that it happens is counted.
 */
import { describe, expect, it } from 'vitest';
import { checkHistories } from '../support/histories.ts';
import { playHistory } from '../support/project-run.ts';
import { inProcess } from '../support/run-in-process.ts';
import { countingSince, streaming } from '../support/since-usage.ts';

const HISTORIES = 40;

describe.each(['customer', 'order'] as const)('the %s tables of a stream that goes on for days', (entity) => {
  it(`are the oracle's, ${String(HISTORIES)} times, made from published rows`, { timeout: 900_000 }, async () => {
    const used = new Map<string, number>();
    const run = inProcess(countingSince(used));
    await checkHistories(entity, HISTORIES, (history) => playHistory(history, run), streaming);
    // A replayed case (SLUICE_SEED) or a smaller number may use it less.
    if (process.env['SLUICE_SEED'] === undefined && process.env['SLUICE_RUNS'] === undefined) {
      expect(used.get(`current_${entity}`) ?? 0).toBeGreaterThanOrEqual(10);
      expect(used.get(`history_${entity} on its own day`) ?? 0).toBeGreaterThanOrEqual(10);
      expect(used.get(`history_${entity} on the day before`) ?? 0).toBeGreaterThanOrEqual(1);
    }
  });
});
