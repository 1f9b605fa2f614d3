/**
 * Landing in a bucket and a BigQuery warehouse for runs in this process: fake-gcs-server, and the emulator, alone or behind the strict front
 * (then the product believes that it talks to BigQuery). Topics and state stay in the run's folder.
 */
import { resolveTarget, type TargetConfig } from '../../src/config/target.ts';
import { connectBigQuery, type BigQueryApi } from '../../src/adapters/bigquery/client.ts';
import { startBigQueryEmulator } from '../services/bigquery/emulator.ts';
import { startFaultProxy, type FaultProxy } from '../services/gcs/fault-proxy.ts';
import { startFakeGcs } from '../services/gcs/server.ts';
import { startBigQueryFront, type BigQueryFront } from './bigquery-front/front.ts';
import { NO_CREDENTIALS } from './no-credentials.ts';
import { environmentOf, type TargetOf } from './run-in-process.ts';

export interface Cloud {
  readonly project: string;
  readonly bucket: string;
  readonly dataset: string;
  /** null: the product talks to the emulator itself. */
  readonly front: BigQueryFront | null;
  /** Before the bucket: `requests` is every call of the product. */
  readonly gcs: FaultProxy;
  /** The emulator, for looking at tables. */
  readonly emulator: BigQueryApi;
  /** For `inProcess`. */
  readonly target: TargetOf;
  stop(): Promise<void>;
}

const BUCKET = 'sluice-landing';
const DATASET = 'analytics';
const LOCATION = 'EU';

export async function startCloud({ strict }: { readonly strict: boolean }): Promise<Cloud> {
  const storage = await startFakeGcs({ buckets: [BUCKET] });
  const gcs = await startFaultProxy(storage.endpoint);
  const server = await startBigQueryEmulator({ dataset: DATASET, storageEndpoint: storage.endpoint });
  const { project } = server;
  const emulator = await connectBigQuery({ project, location: LOCATION, apiEndpoint: server.endpoint });
  const front = strict ? await startBigQueryFront({ emulator }) : null;
  return {
    project,
    bucket: BUCKET,
    dataset: DATASET,
    front,
    gcs,
    emulator,
    target: (config, call) =>
      cloudTarget(resolveTarget(config, 'dev', environmentOf(call)), {
        project,
        storage: gcs.endpoint,
        warehouse: front?.endpoint ?? server.endpoint,
      }),
    stop: async () => {
      await front?.stop();
      await server.stop();
      await gcs.stop();
      await storage.stop();
    },
  };
}

function cloudTarget(
  embedded: TargetConfig,
  endpoints: { readonly project: string; readonly storage: string; readonly warehouse: string },
): TargetConfig {
  return {
    ...embedded,
    landing: () => ({
      type: 'gcs',
      bucket: BUCKET,
      prefix: '',
      project: endpoints.project,
      ...NO_CREDENTIALS,
      apiEndpoint: endpoints.storage,
      compression: 'none',
      requestTimeoutMs: null,
    }),
    warehouse: () => ({
      type: 'bigquery',
      project: endpoints.project,
      dataset: DATASET,
      rawSchema: `${DATASET}_raw`,
      location: LOCATION,
      apiEndpoint: endpoints.warehouse,
      ...NO_CREDENTIALS,
      maximumBytesBilled: null,
      priority: 'interactive',
      jobTimeoutMs: null,
      keepReplacedDays: 7,
      requestTimeoutMs: null,
      threads: 1,
    }),
  };
}
