/** The materializations as BigQuery would get them: whole scripts, rolled back when a test fails, against the strict front. */
import { materializationConformance } from '../contract/materializations.ts';
import { behindFront } from '../support/bigquery-front/behind.ts';

materializationConformance('BigQuery, behind the strict front', async () => {
  const behind = await behindFront();
  return {
    warehouse: behind.warehouse,
    schema: { schema: 'conformance' },
    rollsBack: true,
    close: () => behind.close(),
  };
});
