/**
 * Everything that `--target prod` talks to, on free ports of 127.0.0.1: Kafka, fake-gcs-server, the BigQuery emulator (which reads gs:// from
 * that fake) and PostgreSQL. One set serves many tests: each takes a `place` of its own. Started together they need about three seconds.
 */
import { connectBigQuery } from '../../src/adapters/bigquery/client.ts';
import { startBigQueryFront, type BigQueryFront, type FrontOptions } from '../support/bigquery-front/front.ts';
import { startBigQueryEmulator, type BigQueryEmulator } from './bigquery/emulator.ts';
import { startFakeGcs, type FakeGcs } from './gcs/server.ts';
import { startKafka, type KafkaBroker } from './kafka/broker.ts';
import { startPostgres, type PostgresServer } from './postgres/server.ts';

export type Log = (line: string) => void;

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

export interface Production {
  readonly kafka: KafkaBroker;
  readonly gcs: FakeGcs;
  readonly emulator: BigQueryEmulator;
  /** null: clients talk to the bare emulator. */
  readonly front: BigQueryFront | null;
  readonly postgres: PostgresServer;
  /** A bucket and an empty state database that nobody else uses, and a dataset that does not exist yet; `name` is bucket and dataset. */
  place(name?: string): Promise<ProductionEnvironment>;
  stop(): Promise<void>;
}

/** For hooks: the first start on a machine builds the emulators, about four minutes on two cores. */
export const PRODUCTION_START_MS = 900_000;

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
  try {
    const [kafka, postgres, [gcs, emulator]] = await settled([
      keep(startKafka({ log, ...port(ports.kafka) })),
      keep(startPostgres(port(ports.postgres))),
      warehouseServices(keep, ports, log),
    ]);
    const front =
      options.front === undefined || options.front === false ? null : await keep(frontOf(emulator, options));
    let places = 0;
    const place = async (name = `place_${(places += 1)}`): Promise<ProductionEnvironment> => {
      await gcs.createBucket(name);
      const { url } = await postgres.createSchema();
      return {
        KAFKA_BROKERS: kafka.brokers,
        GCS_BUCKET: name,
        GCS_API_ENDPOINT: gcs.endpoint,
        BIGQUERY_PROJECT: emulator.project,
        BIGQUERY_DATASET: name,
        BIGQUERY_LOCATION: 'EU',
        BIGQUERY_API_ENDPOINT: front?.endpoint ?? emulator.endpoint,
        STATE_DATABASE_URL: url,
        // Else Google's libraries look for a metadata server, which takes seconds and prints a warning.
        METADATA_SERVER_DETECTION: 'none',
      };
    };
    return { kafka, gcs, emulator, front, postgres, place, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Keep = <T extends { stop(): Promise<void> }>(starting: Promise<T>) => Promise<T>;

/** The emulator has to know where the objects are. */
async function warehouseServices(keep: Keep, ports: ProductionPorts, log: Log): Promise<[FakeGcs, BigQueryEmulator]> {
  const gcs = await keep(startFakeGcs({ log, ...port(ports.gcs) }));
  const storage = { storageEndpoint: gcs.endpoint };
  return [gcs, await keep(startBigQueryEmulator({ ...storage, log, ...port(ports.bigquery) }))];
}

async function frontOf(emulator: BigQueryEmulator, { front }: ProductionOptions): Promise<BigQueryFront> {
  const direct = await connectBigQuery({
    project: emulator.project,
    location: 'EU',
    apiEndpoint: emulator.endpoint,
  });
  return startBigQueryFront({ emulator: direct, ...(typeof front === 'object' ? front : {}) });
}

const port = (number: number | undefined): { port?: number } => (number === undefined ? {} : { port: number });

/** As Promise.all, but everything has come to its end before one failure is thrown: nothing is started behind the caller's back. */
async function settled<T extends readonly unknown[]>(all: readonly [...{ [K in keyof T]: Promise<T[K]> }]): Promise<T> {
  const ends = await Promise.allSettled(all);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return Promise.all(all) as Promise<unknown> as Promise<T>;
}
