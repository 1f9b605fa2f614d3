/**
 * load: every sealed batch that the warehouse does not hold goes into the raw tables, each in one transaction or in one with its neighbours, in
 * order of number. The warehouse itself says what it holds: one that was lost, replaced or restored from a copy gets what it lacks.
 *
 * If the process dies: before the warehouse's commit nothing happened; after it, the next run finds the batch in the warehouse and only
 * notes it in the state store.
 */
import { batchId, type Admission, type Manifest } from '../core/batch.ts';
import { SluiceError, isSluiceError } from '../core/errors.ts';
import { readAdmission, writeAdmission } from '../ingest/manifest-store.ts';
import type { LoadedRows, SnapshotJudge } from '../load/ports.ts';
import { verifyObjects } from '../load/verify-objects.ts';
import type { BatchRecord } from '../state/ports.ts';
import { admittedBatchesSql, snapshotGuardSql } from './entity-sql.ts';
import { GROUP_LIMITS, loadGroups } from './load-groups.ts';
import type { OpenWarehouse } from './ports.ts';
import type { RunContext } from './run-context.ts';

/** The guard's decision in landing, where it stands before the load that depends on it commits. */
async function recordAdmission(context: RunContext, manifest: Manifest, admission: Admission): Promise<Admission> {
  const { store, job } = context.ports;
  await writeAdmission(store, job.name, manifest.seq, admission, context.session.guard);
  return admission;
}

function refusal(context: RunContext, manifest: Manifest, admission: Admission): SluiceError {
  const { job } = context.ports;
  return new SluiceError(
    'delete_guard',
    `job ${job.name}: snapshot ${manifest.snapshot?.snapshotId ?? manifest.batchId} would turn ${admission.keysGone} of ${admission.keysThere} ${job.entity} keys that are there into gone ones; it is kept out as a whole`,
    {
      hint: `Check the API's listing. To let this snapshot in, without a new download: sluice job run ${job.name} --accept-deletes`,
      details: {
        snapshot: manifest.snapshot?.snapshotId,
        keysThere: admission.keysThere,
        keysGone: admission.keysGone,
      },
    },
  );
}

/** Decides by the guard's rule what landing does not know yet. */
async function decide(context: RunContext, manifest: Manifest, ask: Parameters<SnapshotJudge>[0]): Promise<Admission> {
  const { job, store } = context.ports;
  const decided = await readAdmission(store, job.name, manifest.seq);
  if (decided !== null) return decided;
  const counts = await ask(snapshotGuardSql(context.ports, manifest));
  const { maxDeleteRatio, minDeletes } = job.limits;
  const isTooMany = counts.keysGone > counts.keysThere * maxDeleteRatio && counts.keysGone > minDeletes;
  const isAll = counts.keysThere > 0 && counts.keysGone === counts.keysThere;
  return recordAdmission(context, manifest, {
    batchId: manifest.batchId,
    admitted: !isTooMany && !isAll,
    accepted: false,
    ...counts,
  });
}

/**
 * The admission of a complete snapshot that the state store knows none of. It is noted there after the load: until then a killed run is followed
 * by one that asks again, finds the decision in landing, and tells a refusal that nobody has been told.
 */
function judgeOf(context: RunContext, manifest: Manifest): SnapshotJudge {
  return async (ask) => {
    const decided = await decide(context, manifest, ask);
    if (decided.admitted) return decided;
    if (context.request.accept.deletes)
      return recordAdmission(context, manifest, { ...decided, admitted: true, accepted: true });
    context.fail(refusal(context, manifest, decided));
    return decided;
  };
}

/**
 * `--accept-deletes` lets in what earlier runs kept out: unloaded, so that it is loaded again whatever happens next, then recorded. A run that
 * dies in between leaves a batch to load and, in landing, the admission to load it with (`admissionOf`).
 */
export async function acceptRefused(context: RunContext): Promise<void> {
  if (!context.request.accept.deletes) return;
  const { state, job, observer } = context.ports;
  for (const batch of await state.batches(job.name, { states: ['landed', 'loaded'], kinds: ['snapshot'] })) {
    if (batch.manifest === null || batch.admission === null || batch.admission.admitted) continue;
    await state.markUnloaded(context.session.lease, [batch.seq]);
    const accepted = await recordAdmission(context, batch.manifest, {
      ...batch.admission,
      admitted: true,
      accepted: true,
    });
    await state.saveAdmission(context.session.lease, batch.seq, accepted);
    observer.note(`admitted snapshot ${batch.manifest.snapshot?.snapshotId ?? batch.id} by --accept-deletes`);
  }
}

/** What the state store says of a snapshot's admission, but for an acceptance that only got as far as landing. */
export async function admissionOf(context: RunContext, batch: BatchRecord): Promise<Admission | null> {
  if (batch.admission === null || batch.admission.admitted) return batch.admission;
  const { state, store, job } = context.ports;
  const decided = await readAdmission(store, job.name, batch.seq);
  if (decided?.admitted !== true) return batch.admission;
  await state.saveAdmission(context.session.lease, batch.seq, decided);
  return decided;
}

async function loadOne(
  context: RunContext,
  warehouse: OpenWarehouse,
  batch: BatchRecord,
  whileLoading: () => void,
): Promise<number> {
  const { job, store, state, observer } = context.ports;
  const { manifest } = batch;
  if (manifest === null) throw new SluiceError('internal', `batch ${batch.id} is landed without a manifest`);
  if (manifest.objects.length === 0 && manifest.snapshot === undefined) {
    await state.markLoaded(context.session.lease, [batch.seq]);
    context.noteState(batch.seq, 'loaded');
    return 0;
  }
  observer.progress(`loading ${batch.id}`);
  const verified = verifyObjects(store, manifest.objects);
  // A failure is told to who awaits it below; here it only must not count as unhandled.
  verified.then(whileLoading, () => undefined);
  try {
    const judge = judgeOf(context, manifest);
    const judged: Admission[] = [];
    const loaded = await warehouse.raw.loadBatch(
      job,
      { manifest, admission: await admissionOf(context, batch) },
      {
        judge: async (ask) => {
          const admission = await judge(ask);
          judged.push(admission);
          return admission;
        },
        guard: async () => {
          await verified;
          await context.session.guard();
        },
      },
    );
    for (const admission of judged) await state.saveAdmission(context.session.lease, batch.seq, admission);
    await state.markLoaded(context.session.lease, [batch.seq]);
    context.noteState(batch.seq, 'loaded');
    const rows = loaded.stream + loaded.snapshot + loaded.deadLetters;
    observer.note(`loaded ${batch.id}: ${loaded.stream + loaded.snapshot} rows, ${loaded.deadLetters} dead letters`);
    return rows;
  } catch (error) {
    // A damaged object makes the warehouse fail in its own words; the checksum names the cause.
    if (!isSluiceError(error, 'lease_lost') && !isSluiceError(error, 'interrupted')) await verified;
    throw error;
  }
}

/**
 * Several plain batches in one transaction. Whatever fails, they are loaded one by one instead: the error then names its batch, and those before
 * it are loaded.
 */
async function loadGroup(
  context: RunContext,
  warehouse: OpenWarehouse,
  group: readonly BatchRecord[],
): Promise<number | undefined> {
  const { job, store, state, observer } = context.ports;
  const manifests = group.flatMap(({ manifest }) =>
    manifest !== null && manifest.objects.length > 0 ? [manifest] : [],
  );
  if (warehouse.raw.loadTogether === undefined || manifests.length < 2) return undefined;
  observer.progress(`loading ${group[0]?.id ?? ''} and ${group.length - 1} more`);
  const verified = verifyObjects(
    store,
    manifests.flatMap(({ objects }) => objects),
  );
  verified.catch(() => undefined);
  const guard = async (): Promise<void> => {
    await verified;
    await context.session.guard();
  };
  let loaded: readonly LoadedRows[];
  try {
    loaded = await warehouse.raw.loadTogether(job, manifests, guard);
  } catch (error) {
    if (isSluiceError(error, 'lease_lost') || isSluiceError(error, 'interrupted')) throw error;
    return undefined;
  } finally {
    await verified.catch(() => undefined);
  }
  const seqs = group.map(({ seq }) => seq);
  await state.markLoaded(context.session.lease, seqs);
  for (const seq of seqs) context.noteState(seq, 'loaded');
  for (const [at, { stream, deadLetters }] of loaded.entries())
    observer.note(`loaded ${manifests[at]?.batchId ?? ''}: ${stream} rows, ${deadLetters} dead letters`);
  return loaded.reduce((sum, { stream, deadLetters }) => sum + stream + deadLetters, 0);
}

/** Makes missing raw tables, and compares what the state store and the warehouse say; the warehouse is right. */
export async function reconcileRaw(context: RunContext, warehouse: OpenWarehouse): Promise<void> {
  const { job, state } = context.ports;
  await warehouse.raw.prepare(job, { replaced: context.request.fullRefresh });
  const held = await warehouse.raw.loadedBatches(job);
  const heads = await state.batchHeads(job.name);
  if (!context.request.fullRefresh) checkKnown(context, held, new Set(heads.map(({ seq }) => seq)));
  const empty = await emptyBatches(
    context,
    heads.filter((head) => head.state === 'loaded' && !held.has(head.seq)).map((head) => head.seq),
  );
  const missing = heads
    .filter((head) => head.state === 'loaded' && !held.has(head.seq) && !empty.has(head.seq))
    .map((head) => head.seq);
  missing.push(...(await lostAcceptances(context, warehouse, held)));
  if (missing.length > 0) {
    context.warn(
      `the warehouse lacks ${missing.length} batch(es) that were loaded before (lost or restored from a copy?); they are loaded again from landing`,
    );
    await state.markUnloaded(context.session.lease, missing);
  }
}

/** A batch that only the warehouse holds: landing was set back, or belongs to something else. A full refresh takes what landing says. */
function checkKnown(context: RunContext, held: ReadonlySet<number>, known: ReadonlySet<number>): void {
  const { job } = context.ports;
  const unknown = [...held].filter((seq) => !known.has(seq)).toSorted((a, b) => a - b);
  if (unknown.length === 0) return;
  const named = unknown.slice(0, 5).map((seq) => batchId(job.name, seq));
  throw new SluiceError(
    'state_conflict',
    `job ${job.name}: the warehouse holds ${unknown.length} batch(es) that neither landing nor the state store knows (${named.join(', ')}${unknown.length > 5 ? ', …' : ''})`,
    {
      hint: `Was landing set back or replaced? To make the tables what landing holds: sluice job run ${job.name} --full-refresh`,
      details: { seqs: unknown },
    },
  );
}

/** A warehouse copied before an operator let a snapshot in holds the batch as it was then: kept out. */
async function lostAcceptances(
  context: RunContext,
  warehouse: OpenWarehouse,
  held: ReadonlySet<number>,
): Promise<readonly number[]> {
  const { job, state } = context.ports;
  if (job.snapshot === null) return [];
  const loaded = await state.batches(job.name, { states: ['loaded'], kinds: ['snapshot'] });
  const accepted = loaded.filter(({ seq, admission }) => admission?.accepted === true && held.has(seq));
  if (accepted.length === 0) return [];
  const { rows } = await warehouse.models.query(admittedBatchesSql(context.ports));
  const admitted = new Set(rows.map(([id]) => id));
  return accepted.filter(({ id }) => !admitted.has(id)).map(({ seq }) => seq);
}

/** Batches without objects (only gaps, say) leave no trace in the warehouse. */
async function emptyBatches(context: RunContext, seqs: readonly number[]): Promise<ReadonlySet<number>> {
  if (seqs.length === 0) return new Set();
  const batches = await context.ports.state.batchesBySeq(context.ports.job.name, seqs);
  return new Set(
    batches
      .filter(({ manifest }) => manifest !== null && manifest.objects.length === 0 && manifest.snapshot === undefined)
      .map(({ seq }) => seq),
  );
}

/** Returns the rows loaded. `whileLoading` is called when the warehouse is at work on a batch, and this process has nothing more to do for it. */
export async function loadStep(
  context: RunContext,
  warehouse: OpenWarehouse,
  whileLoading: () => void = () => {},
): Promise<number> {
  const { job, state } = context.ports;
  await acceptRefused(context);
  let rows = 0;
  for (const group of loadGroups(await state.batches(job.name, { states: ['landed'] }), GROUP_LIMITS)) {
    context.checkAborted();
    for (const batch of group) context.noteBatch(batch);
    const together = await loadGroup(context, warehouse, group);
    rows += together ?? 0;
    if (together !== undefined) continue;
    for (const batch of group) {
      context.checkAborted();
      rows += await loadOne(context, warehouse, batch, whileLoading);
    }
  }
  return rows;
}
