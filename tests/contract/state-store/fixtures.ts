/** Intents, manifests and leases for the contract suite; without vitest, because worker processes use them too. */
import type {
  Admission,
  BatchIntent,
  GapJson,
  Manifest,
  ManifestRange,
  RangeJson,
  StreamIntent,
} from '../../../src/core/batch.ts';
import { batchId } from '../../../src/core/batch.ts';
import type { BatchRecord, Lease, LeaseHolder, LeaseOutcome, StateStore } from '../../../src/state/ports.ts';

export const JOB = 'customer';
export const TTL_MS = 60_000;

export function holder(overrides: Partial<LeaseHolder> = {}): LeaseHolder {
  return { host: 'alpha', pid: 100, processStartedAt: '4711', command: 'job run customer', ...overrides };
}

export function request(
  overrides: Partial<Parameters<StateStore['acquireLease']>[0]> = {},
): Parameters<StateStore['acquireLease']>[0] {
  return { job: JOB, holder: holder(), ttlMs: TTL_MS, isAlive: () => true, ...overrides };
}

export async function acquire(store: StateStore, job = JOB): Promise<Lease> {
  return leaseIn(await store.acquireLease(request({ job })));
}

export function leaseIn(outcome: LeaseOutcome): Lease {
  if (outcome.status !== 'acquired') throw new Error(`the lease is held by pid ${outcome.holder.pid}`);
  return outcome.lease;
}

/** Takes the lease away from whoever holds it: the holder looks like a dead process of this host. */
export async function takeOver(
  store: StateStore,
  at: { readonly job?: string; readonly host?: string } = {},
): Promise<Lease> {
  const { job = JOB, host = 'alpha' } = at;
  return leaseIn(await store.acquireLease(request({ job, holder: holder({ host, pid: 200 }), isAlive: () => false })));
}

/** `range(0, 10)` is topic[0] 0..10. */
export function range(from: number | string, to: number | string, at: Partial<RangeJson> = {}): RangeJson {
  return { topic: 'topic', epoch: 0, partition: 0, ...at, from: String(from), to: String(to) };
}

export function gap(
  from: number | string,
  to: number | string | null,
  at: Partial<Pick<GapJson, 'topic' | 'epoch' | 'partition'>> = {},
): GapJson {
  return {
    topic: 'topic',
    epoch: 0,
    partition: 0,
    ...at,
    from: String(from),
    to: to === null ? null : String(to),
    reason: to === null ? 'recreated' : 'retention',
  };
}

export function stream(ranges: readonly RangeJson[], gaps: readonly GapJson[] = []): StreamIntent {
  return { kind: 'stream', ranges, gaps };
}

export function snapshotIntent(seq: number): BatchIntent {
  return { kind: 'snapshot', snapshotId: `s${String(seq).padStart(8, '0')}` };
}

export const T1 = '2026-03-01T10:00:00.000000Z';
export const T2 = '2026-03-01T11:00:00.000000Z';

export function lastOf(offset: number | string): ManifestRange['last'] {
  return { offset: String(offset), checksum: `crc32:${String(offset).padStart(8, '0').slice(-8)}` };
}

/** A manifest that fits the batch; every range ends in a record unless `withoutLast`. */
export function manifestOf(
  batch: Pick<BatchRecord, 'job' | 'seq' | 'kind' | 'logicalTime' | 'intent'>,
  overrides: Partial<Manifest> & { readonly withoutLast?: boolean } = {},
): Manifest {
  const { withoutLast, ...rest } = overrides;
  const { intent } = batch;
  const ranges: readonly RangeJson[] = intent.kind === 'stream' ? intent.ranges : [];
  return {
    version: 1,
    job: batch.job,
    seq: batch.seq,
    batchId: batchId(batch.job, batch.seq),
    kind: batch.kind,
    logicalTime: batch.logicalTime,
    ranges: ranges.map((one) => ({
      ...one,
      read: 1,
      landed: 1,
      quarantined: 0,
      last: withoutLast === true ? null : lastOf(String(BigInt(one.to) - 1n)),
    })),
    gaps: intent.kind === 'stream' ? intent.gaps : [],
    objects: [{ name: `landing/${batch.seq}`, role: 'stream', rows: 1, bytes: 10, checksum: 'crc32:00000000' }],
    counts: { read: 1, landed: 1, quarantined: 0 },
    times: null,
    drift: [],
    ...rest,
  };
}

export function admission(seq: number, overrides: Partial<Admission> = {}): Admission {
  return { batchId: batchId(JOB, seq), admitted: true, accepted: false, keysThere: 100, keysGone: 1, ...overrides };
}

/** Plans and seals a stream batch of one range. */
export async function landed(store: StateStore, lease: Lease, one: RangeJson): Promise<BatchRecord> {
  const batch = await store.planBatch(lease, T1, stream([one]));
  await store.sealBatch(lease, manifestOf(batch));
  return batch;
}

/** Batches 1..count of one partition, ten offsets each, loaded. */
export async function loadedBatches(store: StateStore, lease: Lease, count: number): Promise<readonly number[]> {
  const seqs: number[] = [];
  for (let index = 0; index < count; index += 1) {
    seqs.push((await landed(store, lease, range(index * 10, index * 10 + 10))).seq);
  }
  await store.markLoaded(lease, seqs);
  return seqs;
}
