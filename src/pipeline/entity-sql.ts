/** The entity SQL of a run: raw relations, dialect and time zone put together from its ports. */
import type { Manifest } from '../core/batch.ts';
import { SluiceError } from '../core/errors.ts';
import type { RelationName } from '../core/relation.ts';
import { changedKeys, changedKeysRelation } from '../transform/sql/entity/changed-keys.ts';
import { bigqueryEntityDialect, duckdbEntityDialect, type EntityDialect } from '../transform/sql/entity/dialect.ts';
import { rawRelations, type EntityScope, type RawRelations } from '../transform/sql/entity/records.ts';
import { snapshotGuard } from '../transform/sql/entity/snapshot-guard.ts';
import { changedPlaces } from './changed-places.ts';
import type { SnapshotSpan } from './plan-changes.ts';
import type { JobPorts } from './ports.ts';

type EntityPorts = Pick<JobPorts, 'job' | 'timezone' | 'warehouse'>;

export function entityDialect(ports: EntityPorts): EntityDialect {
  return ports.warehouse.dialect === 'duckdb' ? duckdbEntityDialect : bigqueryEntityDialect;
}

export function entityRelations(ports: EntityPorts, suffix = ''): RawRelations {
  return rawRelations(ports.job.entity, ports.warehouse.rawSchema, suffix, ports.warehouse.database);
}

export function entityScope(ports: EntityPorts, keys: RelationName | null, suffix = ''): EntityScope {
  return {
    job: ports.job,
    raw: entityRelations(ports, suffix),
    dialect: entityDialect(ports),
    timezone: ports.timezone,
    keys,
  };
}

/** The guard's query over a loaded, not yet admitted snapshot. */
export function snapshotGuardSql(ports: EntityPorts, manifest: Manifest): string {
  const { snapshot } = manifest;
  if (snapshot === undefined) throw new SluiceError('internal', `batch ${manifest.batchId} is no snapshot`);
  const candidate = { snapshotId: snapshot.snapshotId, startedAt: snapshot.startedAt, finishedAt: snapshot.finishedAt };
  return snapshotGuard({ ...entityScope(ports, null), candidate });
}

/** The ids of the batches whose snapshots count. */
export function admittedBatchesSql(ports: EntityPorts): string {
  return `select _batch_id from ${entityDialect(ports).relation(entityRelations(ports).snapshotLoad)}`;
}

/** Statement that (re)builds the table of changed keys, and its name. */
export function changedKeysTable(
  ports: EntityPorts,
  change: {
    /** What the models have not published. */
    readonly pending: readonly Manifest[];
    readonly snapshots: readonly SnapshotSpan[];
    readonly effectiveFrom: string | null;
  },
): { readonly relation: RelationName; readonly statement: string } {
  const raw = entityRelations(ports);
  const dialect = entityDialect(ports);
  const relation = changedKeysRelation(raw, ports.job.entity);
  const { pending, snapshots, effectiveFrom } = change;
  const select = changedKeys({ raw, dialect, ...changedPlaces(ports.job, pending, snapshots, effectiveFrom) });
  return { relation, statement: `create or replace table ${dialect.relation(relation)} as ${select}` };
}
