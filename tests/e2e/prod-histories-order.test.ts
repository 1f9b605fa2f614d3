/** Random histories as on the embedded target, on real Kafka, fake GCS, the BigQuery emulator (behind the strict front, and bare), and PostgreSQL. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { PRODUCTION_START_MS, startProduction, type Production } from '../services/production.ts';
import { checkHistories } from '../support/histories.ts';
import { ProductionProject } from '../support/production-project.ts';
import { playOn } from '../support/project-run.ts';
import { inProcess } from '../support/run-in-process.ts';

describe('the order tables in production after a random history', () => {
  let production: Production;

  beforeAll(async () => {
    production = await startProduction();
  }, PRODUCTION_START_MS);
  afterAll(() => production.stop());

  it.each([
    { warehouse: 'behind the strict front', front: true, times: 20 },
    { warehouse: 'on the bare emulator', front: false, times: 4 },
  ])("are the oracle's $warehouse, $times times", { timeout: 1_800_000 }, async ({ front, times }) => {
    await checkHistories('order', times, async (history) => {
      await using project = await ProductionProject.create(production, history.topics, { front });
      await playOn(project, history, inProcess(undefined, project.target));
    });
  });
});
