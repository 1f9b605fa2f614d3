/** Partitions and clustering of a table's resource, in the one form in which they are compared. */
import type { TableStorage } from '../../core/relation.ts';
import { partitionsText } from '../../transform/sql/table-storage.ts';
import type { TableResource } from './rest-types.ts';

const GRANULARITY: Readonly<Record<string, 'hour' | 'day' | 'month' | 'year'>> = {
  HOUR: 'hour',
  DAY: 'day',
  MONTH: 'month',
  YEAR: 'year',
};

export function storageOf({ timePartitioning, rangePartitioning, clustering }: TableResource): TableStorage {
  const clusters = (clustering?.fields ?? []).map((name) => name.toLowerCase());
  if (timePartitioning !== undefined) {
    const granularity = GRANULARITY[timePartitioning.type ?? 'DAY'] ?? 'day';
    return { partitions: partitionsText({ field: timePartitioning.field ?? 'ingestion time', granularity }), clusters };
  }
  if (rangePartitioning !== undefined) {
    const { start = '0', end = '0', interval = '1' } = rangePartitioning.range ?? {};
    const range = { start: Number(start), end: Number(end), interval: Number(interval) };
    return { partitions: partitionsText({ field: rangePartitioning.field ?? '', range }), clusters };
  }
  return { partitions: partitionsText(null), clusters };
}
