import { openDuckDb } from '../../src/adapters/duckdb/database.ts';
import { DuckDbModelWarehouse } from '../../src/adapters/duckdb/model-warehouse.ts';
import { modelWarehouseContract } from './model-warehouse.ts';

modelWarehouseContract('DuckDB', async () => {
  const database = await openDuckDb({ path: ':memory:', clock: { monotonic: () => performance.now() } });
  return {
    warehouse: new DuckDbModelWarehouse(database),
    schema: { schema: 'contract' },
    rollsBack: true,
    hasSessions: true,
    close: () => database.close(),
  };
});
