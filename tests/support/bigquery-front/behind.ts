/** A model warehouse that talks to the strict front as it would talk to BigQuery, with an emulator of its own behind. */
import { connectBigQuery } from '../../../src/adapters/bigquery/client.ts';
import { JobRunner } from '../../../src/adapters/bigquery/job-runner.ts';
import { BigQueryModelWarehouse } from '../../../src/adapters/bigquery/model-warehouse.ts';
import { MemoryJobLedger } from '../../../src/adapters/memory/job-ledger.ts';
import { startBigQueryEmulator, type BigQueryEmulator } from '../../services/bigquery/emulator.ts';
import { startBigQueryFront, type BigQueryFront, type FrontOptions } from './front.ts';
import { testTiming } from './timing.ts';

export interface Behind {
  readonly emulator: BigQueryEmulator;
  readonly front: BigQueryFront;
  readonly warehouse: BigQueryModelWarehouse;
  close(): Promise<void>;
}

export async function behindFront(options: Omit<FrontOptions, 'emulator'> = {}): Promise<Behind> {
  const emulator = await startBigQueryEmulator({ dataset: 'ds' });
  const { project } = emulator;
  const direct = await connectBigQuery({ project, location: 'EU', apiEndpoint: emulator.endpoint });
  const front = await startBigQueryFront({ emulator: direct, ...options });
  const api = await connectBigQuery({ project, location: 'EU', apiEndpoint: front.endpoint });
  // Sleeps really last up to 50 ms: an emulator on a busy machine is slow.
  const runner = new JobRunner({ api, ledger: new MemoryJobLedger(), run: 'run-1', timing: testTiming(50) });
  const warehouse = new BigQueryModelWarehouse({ runner, job: 'contract', batch: 'run-1', emulator: false });
  const close = async (): Promise<void> => {
    await front.stop();
    await emulator.stop();
  };
  return { emulator, front, warehouse, close };
}
