/** Batches as landing has them, for tests of loading: a job, objects with the envelope's members, a manifest that fits. */
import { crc32 } from 'node:zlib';
import type { Manifest, ManifestObject, SnapshotSummary } from '../../../src/core/batch.ts';
import { DEFAULT_LIMITS, type JobDefinition } from '../../../src/core/job.ts';

export const BUCKET = 'gs://landing';

export const CUSTOMER: JobDefinition = {
  name: 'customer',
  entity: 'customer',
  description: 'Customers',
  topics: [{ name: 'customer-events', op: 'u' }],
  schema: {},
  columns: [],
  key: { field: 'id', column: 'customer_id' },
  eventTime: { field: 'updated_at', earliest: '2000-01-01T00:00:00Z', maxFutureMs: 3_600_000 },
  deletes: 'soft',
  deletedWhen: null,
  snapshot: null,
  historyStart: 'first_event',
  models: ['current_customer'],
  schedule: null,
  limits: DEFAULT_LIMITS,
  parameters: {},
};

export interface StreamRow {
  readonly key: string;
  readonly offset: number;
  readonly eventAt: string;
  readonly value: string | null;
}

export interface LandedBatch {
  readonly manifest: Manifest;
  /** `gs://…` -> text of the object. */
  readonly objects: ReadonlyMap<string, string>;
}

interface ObjectPart {
  readonly role: ManifestObject['role'];
  readonly name: string;
  readonly lines: readonly object[];
}

function landed(
  seq: number,
  kind: Manifest['kind'],
  parts: readonly ObjectPart[],
  more: Partial<Manifest>,
): LandedBatch {
  const batchId = `customer-${String(seq).padStart(8, '0')}`;
  const objects = new Map<string, string>();
  const listed = parts.map(({ role, name, lines }): ManifestObject => {
    const text = lines
      .map((line) => `${JSON.stringify({ _seq: seq, _batch_id: batchId, _object: name, ...line })}\n`)
      .join('');
    objects.set(`${BUCKET}/${name}`, text);
    const checksum = `crc32:${crc32(text).toString(16).padStart(8, '0')}`;
    return { name, role, rows: lines.length, bytes: Buffer.byteLength(text), checksum };
  });
  const rows = (role: string): number =>
    listed.filter((object) => object.role === role).reduce((sum, { rows: count }) => sum + count, 0);
  const landedRows = rows('stream') + rows('snapshot');
  const counts = { read: landedRows + rows('dead'), landed: landedRows, quarantined: rows('dead') };
  const manifest: Manifest = {
    version: 1,
    job: 'customer',
    seq,
    batchId,
    kind,
    logicalTime: '2026-03-01T12:00:00Z',
    ranges: [],
    gaps: [],
    objects: listed,
    counts,
    times: null,
    drift: [],
    ...more,
  };
  return { manifest, objects };
}

export function streamLine(row: StreamRow): object {
  return {
    _topic: 'customer-events',
    _epoch: 0,
    _partition: 0,
    _topic_partition: 0,
    _offset: row.offset,
    _timestamp: row.eventAt,
    _key: row.key,
    _op: 'u',
    _event_at: row.eventAt,
    _has_value: row.value !== null,
    ...(row.value === null ? {} : { value: row.value }),
  };
}

/** One object per inner list. */
export function streamBatch(
  seq: number,
  objects: readonly (readonly StreamRow[])[],
  dead: readonly object[] = [],
): LandedBatch {
  const times = objects
    .flat()
    .map((row) => row.eventAt)
    .sort();
  const first = times[0] ?? '2026-03-01T00:00:00Z';
  const last = times.at(-1) ?? first;
  const parts: ObjectPart[] = objects.map((rows, index) => ({
    role: 'stream',
    name: `customer/stream/customer-events/0/0/${String(seq)}-${String(index)}.ndjson`,
    lines: rows.map(streamLine),
  }));
  if (dead.length > 0) parts.push({ role: 'dead', name: `customer/dead-letter/${String(seq)}.ndjson`, lines: dead });
  return landed(seq, 'stream', parts, {
    times: { minEventAt: first, maxEventAt: last, minBrokerAt: first, maxBrokerAt: last },
  });
}

export function snapshotBatch(seq: number, ids: readonly string[], complete = true): LandedBatch {
  const startedAt = '2026-03-02T08:00:00Z';
  const snapshotId = `s${String(seq).padStart(8, '0')}`;
  const snapshot: SnapshotSummary = {
    snapshotId,
    startedAt,
    finishedAt: '2026-03-02T08:05:00Z',
    complete,
    reason: null,
    rows: ids.length,
    distinctIds: ids.length,
    total: ids.length,
    pages: 1,
    toleranceMs: 300_000,
  };
  const lines = ids.map((id, row) => ({
    _snapshot_id: snapshotId,
    _snapshot_started_at: startedAt,
    _page: 1,
    _row: row,
    _key: id,
    value: JSON.stringify({ id }),
  }));
  return landed(
    seq,
    'snapshot',
    [{ role: 'snapshot', name: `customer/snapshot/${snapshotId}/rows-00001.ndjson`, lines }],
    { snapshot },
  );
}

/** A replay that lands records which an earlier batch quarantined. */
export function replayBatch(seq: number, rows: readonly StreamRow[]): LandedBatch {
  const { manifest, objects } = streamBatch(seq, [rows]);
  return { manifest: { ...manifest, kind: 'replay', logicalTime: '2026-03-05T09:00:00Z' }, objects };
}
