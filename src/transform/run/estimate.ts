/** What a query would read, for `--dry-run`. */
import { isSluiceError } from '../../core/errors.ts';
import type { ModelWarehouse } from './ports.ts';

export interface Estimate {
  /** null: not known. */
  readonly bytes: number | null;
  /** `reads about 1,234,567 bytes`, or why it is not known. */
  readonly text: string;
}

/**
 * null where the warehouse is not paid by use. A query over tables that no run has made yet cannot be estimated, which is no mistake; any other
 * refusal of the query is thrown (`model_failed`, `warehouse_auth`, …).
 */
export async function estimateOf(warehouse: ModelWarehouse, sql: string): Promise<Estimate | null> {
  if (warehouse.estimate === undefined) return null;
  try {
    const bytes = await warehouse.estimate(sql);
    return bytes === null
      ? { bytes, text: 'the warehouse does not say what it reads' }
      : { bytes, text: `reads about ${grouped(bytes)} bytes` };
  } catch (error) {
    if (!isSluiceError(error, 'model_failed') || !/not found/i.test(error.message)) throw error;
    return { bytes: null, text: 'what it reads is known once its inputs exist' };
  }
}

function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',');
}
