/**
 * The services of production around runs that are killed: a bucket of fake-gcs-server behind the fault proxy, the BigQuery emulator behind the
 * strict front, a PostgreSQL database behind a proxy. Each SLUICE_HOME has its own, and a copy of a home copies them. Topics are on disk: what a
 * broker adds is tested in `tests/integration/kafka-faults.test.ts`.
 */
import { ASIDE_SUFFIX } from '../../src/pipeline/full-refresh.ts';
import { connectBigQuery, type BigQueryApi } from '../../src/adapters/bigquery/client.ts';
import { createGcsObjectStore } from '../../src/adapters/gcs/object-store.ts';
import { startBigQueryEmulator, type BigQueryEmulator } from '../services/bigquery/emulator.ts';
import { startFaultProxy, type FaultProxy } from '../services/gcs/fault-proxy.ts';
import { startFakeGcs, type FakeGcs } from '../services/gcs/server.ts';
import { startProxy, type PostgresProxy } from '../services/postgres/proxy.ts';
import { startPostgres, type PostgresServer } from '../services/postgres/server.ts';
import { startBigQueryFront, type BigQueryFront } from './bigquery-front/front.ts';
import { BigQueryTables } from './bigquery-tables.ts';
import type { ProjectData } from './check-project.ts';
import type { Surroundings } from './kill-project.ts';

const LOCATION = 'EU';
const DATASET = 'analytics';

/** As `prod`, but with topics on disk. */
const TARGET = `
  cloud:
    stream: { type: topic_log, path: "{{ env_var('SLUICE_HOME') }}/topics" }
    landing:
      type: gcs
      bucket: "{{ env_var('GCS_BUCKET') }}"
      api_endpoint: "{{ env_var('GCS_API_ENDPOINT') }}"
      request_timeout_seconds: "{{ env_var('REQUEST_SECONDS', '60') }}"
    warehouse:
      type: bigquery
      project: "{{ env_var('BIGQUERY_PROJECT') }}"
      dataset: "{{ env_var('BIGQUERY_DATASET') }}"
      location: "{{ env_var('BIGQUERY_LOCATION') }}"
      api_endpoint: "{{ env_var('BIGQUERY_API_ENDPOINT') }}"
      request_timeout_seconds: "{{ env_var('REQUEST_SECONDS', '90') }}"
      job_execution_timeout_seconds: "{{ env_var('JOB_SECONDS', '600') }}"
    state:
      type: postgres
      url: "{{ env_var('STATE_DATABASE_URL') }}"
      request_timeout_seconds: "{{ env_var('STATE_SECONDS', '30') }}"
`;

/** What one home works on. */
export interface CloudHome {
  readonly bucket: string;
  readonly gcs: FaultProxy;
  /** Another one, on the same port, after `loseWarehouse`. */
  readonly emulator: BigQueryEmulator;
  /** The emulator, past the front. */
  readonly api: BigQueryApi;
  readonly front: BigQueryFront;
  /** URL, past the proxy. */
  readonly database: string;
  readonly postgres: PostgresProxy;
  readonly data: ProjectData;
}

/** What the emulator does not know of its tables goes with them. */
function copyFacts(from: BigQueryFront, to: BigQueryFront): void {
  if (from.tables !== undefined) to.tables?.become(from.tables);
}

export class KillCloud implements Surroundings {
  readonly storage: FakeGcs;
  readonly server: PostgresServer;
  readonly #homes = new Map<string, CloudHome>();
  #made = 0;

  private constructor(storage: FakeGcs, server: PostgresServer) {
    this.storage = storage;
    this.server = server;
  }

  static async start(): Promise<KillCloud> {
    const [storage, server] = await Promise.all([startFakeGcs(), startPostgres()]);
    return new KillCloud(storage, server);
  }

  settings(project: string): string {
    const ci = '\n  # Models, seeds and tests alone.';
    if (!project.includes(ci)) throw new Error('project.yml has no target "ci"');
    return project.replace(ci, TARGET + ci);
  }

  of(home: string): CloudHome {
    const found = this.#homes.get(home);
    if (found === undefined) throw new Error(`${home} has no services`);
    return found;
  }

  async open(home: string, from?: string): Promise<void> {
    const origin = from === undefined ? undefined : this.of(from);
    const bucket = `landing-${String((this.#made += 1))}`;
    if (origin === undefined) await this.storage.createBucket(bucket);
    else await this.storage.copyBucket(origin.bucket, bucket);
    const emulator = await startBigQueryEmulator({
      storageEndpoint: this.storage.endpoint,
      ...(origin === undefined ? {} : { from: origin.emulator.database }),
    });
    const { project, endpoint: apiEndpoint } = emulator;
    const api = await connectBigQuery({ project, location: LOCATION, apiEndpoint });
    const front = await startBigQueryFront({ emulator: api });
    if (origin !== undefined) copyFacts(origin.front, front);
    const gcs = await startFaultProxy(this.storage.endpoint);
    const database = await this.server.createDatabase(origin?.database);
    const postgres = await startProxy(this.server.port);
    const place = { bucket, prefix: '', project: null, keyfile: null, apiEndpoint: this.storage.endpoint };
    const data: ProjectData = {
      landing: createGcsObjectStore(place),
      tables: () => Promise.resolve(new BigQueryTables(api, DATASET)),
    };
    this.#homes.set(home, { bucket, gcs, emulator, api, front, database, postgres, data });
  }

  environment(home: string): Readonly<Record<string, string>> {
    const { bucket, gcs, emulator, front, database, postgres } = this.of(home);
    const state = new URL(database);
    state.port = String(postgres.port);
    return {
      SLUICE_TARGET: 'cloud',
      GCS_BUCKET: bucket,
      GCS_API_ENDPOINT: gcs.endpoint,
      BIGQUERY_PROJECT: emulator.project,
      BIGQUERY_DATASET: DATASET,
      BIGQUERY_LOCATION: LOCATION,
      BIGQUERY_API_ENDPOINT: front.endpoint,
      STATE_DATABASE_URL: state.href,
      METADATA_SERVER_DETECTION: 'none',
    };
  }

  data(home: string): ProjectData {
    return this.of(home).data;
  }

  /** A load has an id made from its batch: what was done twice stands here twice. Tables aside are made anew by every refresh. */
  check(home: string): void {
    const done = this.of(home).front.jobs.flatMap(({ configuration, executed, failure }) => {
      const table = configuration.load?.destinationTable.tableId;
      if (table === undefined || table.endsWith(ASIDE_SUFFIX) || !executed || failure !== undefined) return [];
      return [`${configuration.labels?.['sluice_batch'] ?? ''} into ${table}`];
    });
    const twice = done.filter((load, index) => done.indexOf(load) < index);
    if (twice.length > 0) throw new Error(`loaded twice: ${twice.join(', ')}`);
  }

  /** An empty state store, or that of another home as it is. */
  async replaceState(home: string, from?: string): Promise<void> {
    const known = this.of(home);
    await this.#dropDatabase(known.database);
    const database = await this.server.createDatabase(from === undefined ? undefined : this.of(from).database);
    this.#homes.set(home, { ...known, database });
  }

  /** A BigQuery project without datasets, or with those of another home. */
  async replaceWarehouse(home: string, from?: string): Promise<void> {
    const known = this.of(home);
    await known.emulator.stop();
    const emulator = await startBigQueryEmulator({
      storageEndpoint: this.storage.endpoint,
      port: Number(new URL(known.emulator.endpoint).port),
      ...(from === undefined ? {} : { from: this.of(from).emulator.database }),
    });
    known.front.forgetTables();
    if (from !== undefined) copyFacts(this.of(from).front, known.front);
    this.#homes.set(home, { ...known, emulator });
  }

  async #dropDatabase(url: string): Promise<void> {
    await this.server.admin(`drop database ${new URL(url).pathname.slice(1)} with (force)`);
  }

  async discard(home: string): Promise<void> {
    const { bucket, gcs, emulator, front, database, postgres } = this.of(home);
    this.#homes.delete(home);
    await front.stop();
    await emulator.stop();
    await gcs.stop();
    await this.storage.deleteBucket(bucket);
    await postgres.close();
    await this.#dropDatabase(database);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const home of this.#homes.keys()) await this.discard(home);
    await this.server.stop();
    await this.storage.stop();
  }
}
