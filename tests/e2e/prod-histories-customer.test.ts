/** Random histories as on the embedded target, on real Kafka, fake GCS, the BigQuery emulator behind the strict front, and PostgreSQL. */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { PRODUCTION_START_MS, startProduction, type Production } from '../services/production.ts';
import { checkHistories } from '../support/histories.ts';
import { ProductionProject } from '../support/production-project.ts';
import { playOn } from '../support/project-run.ts';
import { inProcess } from '../support/run-in-process.ts';

const HISTORIES = 20;

describe('the customer tables in production after a random history', () => {
  let production: Production;

  beforeAll(async () => {
    production = await startProduction({ front: true });
  }, PRODUCTION_START_MS);
  afterAll(() => production.stop());

  it(`are the oracle's, ${HISTORIES} times`, { timeout: 1_800_000 }, async () => {
    await checkHistories('customer', HISTORIES, async (history) => {
      await using project = await ProductionProject.create(production, history.topics);
      await playOn(project, history, inProcess(undefined, project.target));
    });
  });
});
