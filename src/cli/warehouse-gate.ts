/** The warehouse of a target, opened late and closed early: DuckDB lets one process hold its file (FACTS.md §7). */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ConnectionOptions } from '../adapters/bigquery/client.ts';
import type { GoogleIdentity } from '../adapters/google-auth/identity.ts';
import type { BigQueryConfig, DuckdbConfig, GoogleCredentialsConfig, WarehouseConfig } from '../config/target.ts';
import type { ObjectStore } from '../ingest/ports.ts';
import type { JobLedger } from '../state/job-ledger.ts';
import type { OpenOptions, OpenWarehouse, WarehouseGate } from '../pipeline/ports.ts';
import { makeFolder } from './make-folder.ts';
import { systemClock } from './system-clock.ts';

export interface GateSurroundings {
  /** Where the warehouse reads landing objects; null for models alone, which load nothing. */
  readonly landing: () => Promise<ObjectStore | null>;
  /** Where BigQuery's jobs are remembered. */
  readonly ledger: () => Promise<JobLedger>;
  readonly signal: AbortSignal;
  /** Whom a target in Google Cloud is used as. */
  readonly identity: (config: GoogleCredentialsConfig) => GoogleIdentity;
  /** Asked before BigQuery is told to change anything; absent: the work is done without a lease. */
  readonly guard?: () => Promise<void>;
  /** What the work is done for: names and labels of BigQuery jobs. */
  readonly job: string;
  readonly runId: string;
}

export function warehouseGate(config: WarehouseConfig, surroundings: GateSurroundings): WarehouseGate {
  if (config.type === 'duckdb') {
    return {
      schema: config.schema,
      rawSchema: config.rawSchema,
      dialect: 'duckdb',
      keepReplacedHours: null,
      fingerprint: () => fileFingerprint(config.path),
      isSlowToOpen: true,
      open: (options = {}) => openDuckdbWarehouse(config, surroundings, options),
    };
  }
  return {
    schema: config.dataset,
    rawSchema: config.rawSchema,
    database: config.project,
    dialect: 'bigquery',
    keepReplacedHours: config.keepReplacedDays === 0 ? null : config.keepReplacedDays * 24,
    // BigQuery has no cheap identity of a dataset; the state store's ledger decides there.
    fingerprint: () => Promise.resolve(null),
    isSlowToOpen: false,
    open: (options = {}) => openBigQueryWarehouse(config, underLease(surroundings, options)),
  };
}

function underLease(surroundings: GateSurroundings, { signal, guard }: OpenOptions): GateSurroundings {
  return {
    ...surroundings,
    ...(signal === undefined ? {} : { signal }),
    ...(guard === undefined ? {} : { guard }),
  };
}

/**
 * Size, time and identity of the file: whoever writes a DuckDB file changes them. What a killed process committed may stand in the log beside it,
 * which the next one that opens the file takes in. null: there is no file.
 */
async function fileFingerprint(path: string): Promise<string | null> {
  const [database, log] = await Promise.all([identity(path), identity(`${path}.wal`)]);
  return database === null || log === null ? database : `${database}+${log}`;
}

async function identity(path: string): Promise<string | null> {
  const found = await stat(path, { bigint: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  });
  return found === null ? null : `${found.ino}:${found.size}:${found.mtimeNs}`;
}

async function openDuckdbWarehouse(
  config: DuckdbConfig,
  surroundings: GateSurroundings,
  options: OpenOptions,
): Promise<OpenWarehouse> {
  const { landing, signal } = underLease(surroundings, options);
  const [store, { openDuckDb }, { DuckDbRawWarehouse }, { DuckDbModelWarehouse }] = await Promise.all([
    landing(),
    import('../adapters/duckdb/database.ts'),
    import('../adapters/duckdb/raw-warehouse.ts'),
    import('../adapters/duckdb/model-warehouse.ts'),
    makeFolder(dirname(config.path)),
  ]);
  const database = await openDuckDb({
    path: config.path,
    waitMs: config.lockTimeoutMs,
    signal,
    clock: systemClock,
    replaceDamaged: options.replaceDamaged ?? false,
    ...(config.memoryLimit === null ? {} : { memoryLimit: config.memoryLimit }),
    ...(config.threads === null ? {} : { threads: config.threads }),
  });
  return {
    raw: new DuckDbRawWarehouse(database, { schema: config.rawSchema, locate: locator(store) }),
    models: new DuckDbModelWarehouse(database),
    close: () => database.close(),
  };
}

async function openBigQueryWarehouse(
  config: BigQueryConfig,
  { landing, ledger, signal, guard, job, runId, identity }: GateSurroundings,
): Promise<OpenWarehouse> {
  const [
    store,
    { connectBigQuery, isEmulator },
    { JobRunner },
    { UsageSum },
    { BigQueryRawWarehouse },
    { BigQueryModelWarehouse },
  ] = await Promise.all([
    landing(),
    import('../adapters/bigquery/client.ts'),
    import('../adapters/bigquery/job-runner.ts'),
    import('../adapters/bigquery/job-usage.ts'),
    import('../adapters/bigquery/raw-warehouse.ts'),
    import('../adapters/bigquery/model-warehouse.ts'),
  ]);
  const api = await connectBigQuery(bigQueryConnection(config, identity(config)));
  const cost = new UsageSum(api);
  const runner = new JobRunner({
    api,
    ledger: await ledger(),
    run: runId,
    signal,
    onJob: (usage) => cost.add(usage),
    ...(guard === undefined ? {} : { guard }),
    priority: config.priority === 'batch' ? 'BATCH' : 'INTERACTIVE',
    ...(config.jobTimeoutMs === null ? {} : { jobTimeoutMs: config.jobTimeoutMs }),
    ...(config.maximumBytesBilled === null ? {} : { maximumBytesBilled: BigInt(config.maximumBytesBilled) }),
  });
  const emulator = isEmulator(config.apiEndpoint ?? undefined);
  const raw = new BigQueryRawWarehouse({ runner, dataset: config.rawSchema, locate: locator(store), emulator });
  const models = new BigQueryModelWarehouse({ runner, job, batch: runId, emulator });
  return {
    raw,
    models,
    usage: () => cost.total(),
    close: async () => {
      await models.close();
      await raw.close();
    },
  };
}

/** How a target's BigQuery is reached, and as whom. */
export function bigQueryConnection(config: BigQueryConfig, identity: GoogleIdentity): ConnectionOptions {
  return {
    project: config.project,
    location: config.location,
    identity,
    ...(config.requestTimeoutMs === null ? {} : { requestTimeoutMs: config.requestTimeoutMs }),
    ...(config.apiEndpoint === null ? {} : { apiEndpoint: config.apiEndpoint }),
  };
}

function locator(store: ObjectStore | null): (name: string) => string {
  return (name) => {
    if (store === null) throw new TypeError(`landing object ${name} was asked for where nothing is loaded`);
    return store.location(name);
  };
}
