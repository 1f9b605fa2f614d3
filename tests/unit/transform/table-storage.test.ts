import { describe, expect, it } from 'vitest';
import { storageOf } from '../../../src/adapters/bigquery/table-storage.ts';
import type { TableResource } from '../../../src/adapters/bigquery/rest-types.ts';
import type { PartitionBy } from '../../../src/transform/sql/build.ts';
import { isSameStorage, wantedStorage } from '../../../src/transform/sql/table-storage.ts';

const tableReference = { projectId: 'p', datasetId: 'd', tableId: 't' };

describe('how a table is stored', () => {
  it.each<[PartitionBy | null, readonly string[], Omit<TableResource, 'tableReference'>]>([
    [null, [], {}],
    [{ field: 'Day', dataType: 'date', granularity: 'day' }, [], { timePartitioning: { type: 'DAY', field: 'day' } }],
    [
      { field: 'at', dataType: 'timestamp', granularity: 'hour' },
      ['b', 'A'],
      { timePartitioning: { type: 'HOUR', field: 'at', expirationMs: '1000' }, clustering: { fields: ['B', 'a'] } },
    ],
    [
      { field: 'id', dataType: 'int64', granularity: 'day', range: { start: 0, end: 100, interval: 10 } },
      [],
      { rangePartitioning: { field: 'id', range: { start: '0', end: '100', interval: '10' } } },
    ],
  ])('is the same in a model %j and in the table that it made', (partitionBy, clusterBy, resource) => {
    const wanted = wantedStorage({ partitionBy, clusterBy });
    expect(isSameStorage(wanted, storageOf({ tableReference, ...resource }))).toBe(true);
  });

  it.each<Omit<TableResource, 'tableReference'>>([
    {},
    { timePartitioning: { type: 'MONTH', field: 'day' } },
    { timePartitioning: { type: 'DAY', field: 'other' } },
    { timePartitioning: { type: 'DAY' } },
    { timePartitioning: { type: 'DAY', field: 'day' }, clustering: { fields: ['b', 'a'] } },
    { rangePartitioning: { field: 'day', range: { start: '0', end: '10', interval: '1' } } },
  ])('is another one: %j', (resource) => {
    const wanted = wantedStorage({
      partitionBy: { field: 'day', dataType: 'date', granularity: 'day' },
      clusterBy: ['a', 'b'],
    });
    expect(isSameStorage(wanted, storageOf({ tableReference, ...resource }))).toBe(false);
  });
});
