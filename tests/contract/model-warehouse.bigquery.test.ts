import { connectBigQuery, isEmulator } from '../../src/adapters/bigquery/client.ts';
import { MemoryJobLedger } from '../../src/adapters/memory/job-ledger.ts';
import { JobRunner } from '../../src/adapters/bigquery/job-runner.ts';
import { BigQueryModelWarehouse } from '../../src/adapters/bigquery/model-warehouse.ts';
import { startBigQueryEmulator } from '../services/bigquery/emulator.ts';
import { modelWarehouseContract } from './model-warehouse.ts';

modelWarehouseContract('the BigQuery emulator', async () => {
  const emulator = await startBigQueryEmulator();
  const { endpoint, project } = emulator;
  const api = await connectBigQuery({ project, location: 'EU', apiEndpoint: endpoint });
  const runner = new JobRunner({ api, ledger: new MemoryJobLedger(), run: 'run-1' });
  return {
    warehouse: new BigQueryModelWarehouse({ runner, job: 'contract', batch: 'run-1', emulator: isEmulator(endpoint) }),
    schema: { schema: 'contract' },
    rollsBack: false,
    guardsFirst: true,
    close: () => emulator.stop(),
  };
});
