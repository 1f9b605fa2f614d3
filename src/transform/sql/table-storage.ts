/**
 * How BigQuery is to store a table, as far as a table that exists may differ from it: `create or replace` refuses other partitions and other
 * clusters ("Cannot replace a table with a different partitioning spec"), so such a table is dropped first.
 */
import type { TableStorage } from '../../core/relation.ts';
import type { BuildOptions, PartitionBy } from './build.ts';

export function partitionsText(
  partition: (Pick<PartitionBy, 'field'> & Partial<Pick<PartitionBy, 'granularity' | 'range'>>) | null,
): string {
  if (partition === null) return 'none';
  const { field, granularity = 'day', range } = partition;
  const column = field.toLowerCase();
  return range === undefined
    ? `${granularity} of ${column}`
    : `ranges of ${column} from ${String(range.start)} to ${String(range.end)} by ${String(range.interval)}`;
}

export function wantedStorage({
  partitionBy,
  clusterBy,
}: Pick<BuildOptions, 'partitionBy' | 'clusterBy'>): TableStorage {
  return { partitions: partitionsText(partitionBy), clusters: clusterBy.map((name) => name.toLowerCase()) };
}

export function isSameStorage(left: TableStorage, right: TableStorage): boolean {
  return left.partitions === right.partitions && left.clusters.join() === right.clusters.join();
}
