import type { Dialect, DialectName } from '../dialect.ts';
import { bigquery } from './bigquery.ts';
import { duckdb } from './duckdb.ts';

export function dialectOf(name: DialectName): Dialect {
  return name === 'duckdb' ? duckdb : bigquery;
}
