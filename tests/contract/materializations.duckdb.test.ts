import { openDuckDb } from '../../src/adapters/duckdb/database.ts';
import { DuckDbModelWarehouse } from '../../src/adapters/duckdb/model-warehouse.ts';
import { materializationConformance } from './materializations.ts';

materializationConformance('DuckDB', async () => {
  const database = await openDuckDb({ path: ':memory:', clock: { monotonic: () => performance.now() } });
  return {
    warehouse: new DuckDbModelWarehouse(database),
    schema: { schema: 'conformance' },
    rollsBack: true,
    close: () => database.close(),
  };
});
