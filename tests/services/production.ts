/**
 * Everything that `--target prod` talks to, on free ports of 127.0.0.1: Kafka, fake-gcs-server, the BigQuery emulator (which reads gs:// from
 * that fake) and PostgreSQL. One set serves many tests: each takes a `place` of its own. Started together they need about three seconds.
 */
import { connectBigQuery, type BigQueryApi } from '../../src/adapters/bigquery/client.ts';
import { startBigQueryFront, type BigQueryFront, type FrontOptions } from '../support/bigquery-front/front.ts';
import { startBigQueryEmulator, type BigQueryEmulator } from './bigquery/emulator.ts';
import { startFakeGcs, type FakeGcs } from './gcs/server.ts';
import { startKafka, type KafkaBroker } from './kafka/broker.ts';
import { startPostgres, type PostgresServer } from './postgres/server.ts';

type Log = (line: string) => void;

export interface ProductionOptions {
  /** Puts the strict front before the emulator; an object holds its options. */
  readonly front?: boolean | Omit<FrontOptions, 'emulator'>;
  /** Free ones where absent. */
  readonly ports?: ProductionPorts;
  /** Hears why a first start takes minutes: services are fetched and built then. */
  readonly log?: Log;
}

export interface ProductionPorts {
  readonly kafka?: number;
  readonly gcs?: number;
  readonly bigquery?: number;
  readonly postgres?: number;
}

/** The variables of project.yml's target `prod`. */
export type ProductionEnvironment = Readonly<Record<ProductionVariable, string>>;

type ProductionVariable =
  | 'KAFKA_BROKERS'
  | 'GCS_BUCKET'
  | 'GCS_API_ENDPOINT'
  | 'BIGQUERY_PROJECT'
  | 'BIGQUERY_DATASET'
  | 'BIGQUERY_LOCATION'
  | 'BIGQUERY_API_ENDPOINT'
  | 'STATE_DATABASE_URL'
  | 'METADATA_SERVER_DETECTION';

export interface ProductionWarehouse {
  readonly emulator: BigQueryEmulator;
  /** null: clients talk to the bare emulator. */
  readonly front: BigQueryFront | null;
  /** Past the front, for looking at tables. */
  readonly api: BigQueryApi;
  /** The emulator ends and another one listens in its place, with nothing in it. */
  lose(): Promise<void>;
  stop(): Promise<void>;
}

export interface Production {
  readonly kafka: KafkaBroker;
  readonly gcs: FakeGcs;
  readonly warehouse: ProductionWarehouse;
  readonly postgres: PostgresServer;
  /**
   * A bucket and an empty state database that nobody else uses, and a dataset that does not exist yet; `name` is bucket and dataset. The emulator
   * becomes slower with every table, so long suites bring a warehouse of their own.
   */
  place(options?: { readonly name?: string; readonly warehouse?: ProductionWarehouse }): Promise<ProductionEnvironment>;
  /** Another warehouse that reads the same buckets; `front` as in the options, whose own is taken where it is absent. */
  newWarehouse(front?: ProductionOptions['front']): Promise<ProductionWarehouse>;
  stop(): Promise<void>;
}

/** For hooks: the first start on a machine builds the emulators, about four minutes on two cores. */
export const PRODUCTION_START_MS = 900_000;

/** Tests and demonstrations live in other years than the broker: it neither deletes their past nor refuses their future. */
const ANY_TIME = { 'log.retention.ms': '-1', 'log.message.timestamp.after.max.ms': '9223372036854775807' };

export async function startProduction(options: ProductionOptions = {}): Promise<Production> {
  const started: { stop(): Promise<void> }[] = [];
  const keep = async <T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> => {
    const service = await starting;
    started.push(service);
    return service;
  };
  const stop = async (): Promise<void> => {
    for (const service of started.splice(0).reverse()) await service.stop();
  };
  const { ports = {}, log = () => undefined } = options;
  const starting = [
    keep(startKafka({ log, settings: ANY_TIME, ...port(ports.kafka) })),
    keep(startPostgres(port(ports.postgres))),
    keep(startFakeGcs({ log, ...port(ports.gcs) })),
  ] as const;
  try {
    // All have come to an end before one failure is thrown, so that nothing is started behind the caller's back.
    await Promise.allSettled(starting);
    const [kafka, postgres, gcs] = await Promise.all(starting);
    const newWarehouse: Production['newWarehouse'] = (front = options.front ?? false) =>
      keep(startWarehouse(gcs.endpoint, { ...options, front }));
    const own = await keep(startWarehouse(gcs.endpoint, { ...options, ...port(ports.bigquery) }));
    let places = 0;
    const place: Production['place'] = async ({ name = `place_${(places += 1)}`, warehouse = own } = {}) => {
      await gcs.createBucket(name);
      const { url } = await postgres.createSchema();
      return {
        KAFKA_BROKERS: kafka.brokers,
        GCS_BUCKET: name,
        GCS_API_ENDPOINT: gcs.endpoint,
        BIGQUERY_PROJECT: warehouse.emulator.project,
        BIGQUERY_DATASET: name,
        BIGQUERY_LOCATION: LOCATION,
        BIGQUERY_API_ENDPOINT: warehouse.front?.endpoint ?? warehouse.emulator.endpoint,
        STATE_DATABASE_URL: url,
        // Else Google's libraries look for a metadata server, which takes seconds and prints a warning.
        METADATA_SERVER_DETECTION: 'none',
      };
    };
    return { kafka, gcs, warehouse: own, postgres, place, newWarehouse, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const LOCATION = 'EU';
const port = (number: number | undefined): { port?: number } => (number === undefined ? {} : { port: number });

async function startWarehouse(
  storageEndpoint: string,
  options: ProductionOptions & { readonly port?: number },
): Promise<ProductionWarehouse> {
  const settings = { storageEndpoint, ...(options.log === undefined ? {} : { log: options.log }) };
  let emulator = await startBigQueryEmulator({ ...settings, ...port(options.port) });
  const { project, endpoint: apiEndpoint } = emulator;
  const api = await connectBigQuery({ project, location: LOCATION, apiEndpoint });
  const { front: wanted = false } = options;
  const front =
    wanted === false ? null : await startBigQueryFront({ emulator: api, ...(wanted === true ? {} : wanted) });
  return {
    emulator,
    front,
    api,
    lose: async () => {
      await emulator.stop();
      emulator = await startBigQueryEmulator({ ...settings, port: Number(new URL(apiEndpoint).port) });
      front?.forgetTables();
    },
    stop: async () => {
      await front?.stop();
      await emulator.stop();
    },
  };
}
