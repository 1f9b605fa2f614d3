/** The warehouse of a target, opened late and closed early: DuckDB lets one process hold its file (FACTS.md §7). */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DuckdbConfig, WarehouseConfig } from '../config/target.ts';
import { SluiceError } from '../core/errors.ts';
import type { ObjectStore } from '../ingest/ports.ts';
import type { OpenWarehouse, WarehouseGate } from '../pipeline/ports.ts';
import { systemClock } from './system-clock.ts';

export function warehouseGate(
  config: WarehouseConfig,
  landing: () => Promise<ObjectStore>,
  signal: AbortSignal,
): WarehouseGate {
  if (config.type === 'duckdb') {
    return {
      schema: config.schema,
      rawSchema: config.rawSchema,
      dialect: 'duckdb',
      fingerprint: () => fileFingerprint(config.path),
      open: async () => openDuckdbWarehouse(config, await landing(), signal),
    };
  }
  throw new SluiceError('unsupported', 'BigQuery is not wired yet');
}

/** Size, time and identity of the file: whoever writes a DuckDB file changes them. null: there is no file. */
async function fileFingerprint(path: string): Promise<string | null> {
  const found = await stat(path, { bigint: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  });
  return found === null ? null : `${found.ino}:${found.size}:${found.mtimeNs}`;
}

async function openDuckdbWarehouse(
  config: DuckdbConfig,
  landing: ObjectStore,
  signal: AbortSignal,
): Promise<OpenWarehouse> {
  const [{ openDuckDb }, { DuckDbRawWarehouse }, { DuckDbModelWarehouse }] = await Promise.all([
    import('../adapters/duckdb/database.ts'),
    import('../adapters/duckdb/raw-warehouse.ts'),
    import('../adapters/duckdb/model-warehouse.ts'),
    mkdir(dirname(config.path), { recursive: true }),
  ]);
  const database = await openDuckDb({
    path: config.path,
    waitMs: config.lockTimeoutMs,
    signal,
    clock: systemClock,
    ...(config.memoryLimit === null ? {} : { memoryLimit: config.memoryLimit }),
    ...(config.threads === null ? {} : { threads: config.threads }),
  });
  return {
    raw: new DuckDbRawWarehouse(database, { schema: config.rawSchema, locate: (name) => landing.location(name) }),
    models: new DuckDbModelWarehouse(database),
    close: () => database.close(),
  };
}
