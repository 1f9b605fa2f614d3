/** Rows made from published rows (`src/pipeline/plan-base.ts`) on BigQuery: as `histories-since.test.ts`, on the services of production. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PRODUCTION_START_MS, startProduction, type Production } from '../services/production.ts';
import { checkHistories } from '../support/histories.ts';
import { ProductionProject } from '../support/production-project.ts';
import { playOn } from '../support/project-run.ts';
import { inProcess } from '../support/run-in-process.ts';
import { countingSince, streaming } from '../support/since-usage.ts';

const HISTORIES = 8;

describe('the tables in production of a stream that goes on for days', () => {
  let production: Production;

  beforeAll(async () => {
    production = await startProduction();
  }, PRODUCTION_START_MS);
  afterAll(() => production.stop());

  it.each(['customer', 'order'] as const)(
    `are the oracle's for the %s, ${String(HISTORIES)} times, made from published rows`,
    { timeout: 1_800_000 },
    async (entity) => {
      const used = new Map<string, number>();
      const play = async (history: Parameters<Parameters<typeof checkHistories>[2]>[0]): Promise<void> => {
        await using project = await ProductionProject.create(production, history.topics, { front: true });
        await playOn(project, history, inProcess(countingSince(used), project.target));
      };
      await checkHistories(entity, HISTORIES, play, streaming);
      if (process.env['SLUICE_SEED'] === undefined && process.env['SLUICE_RUNS'] === undefined)
        expect(used.get(`current_${entity}`) ?? 0).toBeGreaterThanOrEqual(1);
    },
  );
});
