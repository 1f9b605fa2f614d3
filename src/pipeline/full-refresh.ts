/**
 * Full refresh: raw tables and all models are rebuilt aside from landing, tested, compared in size with the old ones, then swapped in.
 * Readers keep the old tables until then. Neither topics nor the API are read.
 *
 * If the process dies before the swap's commit, the old tables stand and the aside ones are leftovers that the next refresh replaces; after
 * it, the next run finds the warehouse's marks and only notes the rest.
 */
import { SluiceError } from '../core/errors.ts';
import { localDay, millisOf } from '../core/time.ts';
import type { LoadBatch } from '../load/ports.ts';
import { verifyObjects } from '../load/verify-objects.ts';
import type { BatchRecord } from '../state/ports.ts';
import type { ModelChanges } from '../transform/plan/changes.ts';
import type { AsideResult, ModelRunner, RunnerNode } from './model-runner.ts';
import { noteKept, setKept } from './kept-tables.ts';
import { daysOf } from './plan-changes.ts';
import type { OpenWarehouse } from './ports.ts';
import type { RunContext } from './run-context.ts';
import { acceptRefused, admissionOf, loadStep, reconcileRaw } from './load-step.ts';
import { historyStartDay } from './plan-tasks.ts';
import { reportModel } from './transform-step.ts';
import { WarehouseMarks } from './warehouse-marks.ts';

/** Suffix of everything that is built aside. */
export const ASIDE_SUFFIX = '__rebuild';

function checkShrink(context: RunContext, aside: AsideResult): void {
  const { job } = context.ports;
  if (context.request.accept.shrink) return;
  const shrunk = aside.counts.filter(
    ({ before, after }) => before !== null && after < before * (1 - job.limits.maxShrinkRatio),
  );
  if (shrunk.length === 0) return;
  const what = shrunk.map(({ name, before, after }) => `${name} ${before} -> ${after} rows`).join(', ');
  throw new SluiceError(
    'shrink_guard',
    `job ${job.name}: rebuilt tables are much smaller than the ones in use: ${what}. Readers keep the old ones`,
    {
      hint: `Check landing and the models. To swap them in all the same: sluice job run ${job.name} --full-refresh --accept-shrink`,
      details: { tables: shrunk },
    },
  );
}

async function sealedBatches(context: RunContext): Promise<readonly BatchRecord[]> {
  const { state, job } = context.ports;
  const batches = await state.batches(job.name, { states: ['landed', 'loaded'] });
  const sealed = batches.filter((batch) => batch.manifest !== null);
  return Promise.all(sealed.map(async (batch) => ({ ...batch, admission: await admissionOf(context, batch) })));
}

/** Whether the delete guard has judged the snapshot (or has nothing to judge). */
function isDecided(batch: BatchRecord): boolean {
  return batch.manifest?.snapshot?.complete !== true || batch.admission !== null;
}

async function changesOf(
  context: RunContext,
  nodes: readonly RunnerNode[],
  batches: readonly BatchRecord[],
): Promise<Map<string, ModelChanges>> {
  const { job, timezone } = context.ports;
  const today = localDay(millisOf(context.logicalTime), timezone);
  const snapshots = batches.flatMap(({ manifest, admission }) => {
    const snapshot = manifest?.snapshot;
    return snapshot !== undefined && (!snapshot.complete || admission?.admitted === true) ? [snapshot] : [];
  });
  let start: string | null;
  if (job.historyStart === 'first_event') {
    const events = batches.flatMap(({ manifest }) =>
      manifest?.times == null ? [] : [millisOf(manifest.times.minEventAt)],
    );
    start =
      events.length === 0
        ? null
        : localDay(
            events.reduce((left, right) => Math.min(left, right)),
            timezone,
          );
  } else {
    start = await historyStartDay(context, snapshots);
  }
  const window = start === null || start > today ? null : { from: start, to: today };
  return new Map(
    nodes.map((node) => [
      node.name,
      {
        full: true,
        today,
        window: node.isDaily ? window : null,
        newDaysFrom: node.isDaily ? (window?.from ?? null) : null,
        keys: null,
        batchIds: batches.map(({ id }) => id),
      },
    ]),
  );
}

async function noteDone(
  context: RunContext,
  nodes: readonly RunnerNode[],
  batches: readonly BatchRecord[],
  changes: ReadonlyMap<string, ModelChanges>,
  { warehouse, marks }: { readonly warehouse: OpenWarehouse; readonly marks: WarehouseMarks },
): Promise<void> {
  const { state } = context.ports;
  const { lease } = context.session;
  const landed = batches.filter(({ state: known }) => known === 'landed').map(({ seq }) => seq);
  if (landed.length > 0) await state.markLoaded(lease, landed);
  const newest = batches.at(-1)?.id ?? null;
  for (const node of nodes.filter(({ isPublished }) => isPublished)) {
    const window = changes.get(node.name)?.window ?? null;
    const fact = await marks.confirmation(warehouse, node);
    await state.markPublished(lease, node.name, {
      seqs: batches.map(({ seq }) => seq),
      partitions:
        window === null ? [] : daysOf(window).map((partition) => ({ partition, state: 'done', batchId: newest })),
      logicalTime: context.logicalTime,
      replaceAll: true,
      fact,
    });
    marks.noteConfirmed(node.name, fact);
  }
}

export async function fullRefresh(context: RunContext, warehouse: OpenWarehouse, runner: ModelRunner): Promise<void> {
  const { job, store, observer, runId } = context.ports;
  await reconcileRaw(context, warehouse);
  // The guard judges a new snapshot against what is there, so such a one is loaded the ordinary way first.
  if (!(await sealedBatches(context)).every(isDecided)) await loadStep(context, warehouse);
  else await acceptRefused(context);
  const batches = await sealedBatches(context);
  const manifests = batches.flatMap(({ manifest }) => (manifest === null ? [] : [manifest]));
  const nodes = await runner.nodes();

  observer.note(`rebuilding ${job.name} from landing: ${manifests.length} batch(es)`);
  const loads: readonly LoadBatch[] = batches.flatMap(({ manifest, admission }) =>
    manifest === null ? [] : [{ manifest, admission }],
  );
  const verified = verifyObjects(
    store,
    manifests.flatMap(({ objects }) => objects.filter(({ role }) => role !== 'page')),
  );
  verified.catch(() => undefined);
  const { guard } = context.session;
  const loaded = await warehouse.raw.loadAside(job, loads, ASIDE_SUFFIX, guard).catch(async (error: unknown) => {
    await verified;
    throw error;
  });
  await verified;
  observer.note(`loaded aside: ${loaded.stream + loaded.snapshot} rows, ${loaded.deadLetters} dead letters`);

  const changes = await changesOf(context, nodes, batches);
  const keepHours = context.ports.warehouse.keepReplacedHours;
  const published = nodes.filter(({ isPublished }) => isPublished).map(({ name }) => name);
  const aside = await runner.buildAside({
    warehouse,
    changes,
    guard: context.session.guard,
    suffix: ASIDE_SUFFIX,
    keep: keepHours === null ? null : { hours: keepHours, refresh: runId, models: published },
  });
  for (const result of aside.results) {
    const window = changes.get(result.name)?.window ?? null;
    reportModel(context, result, window === null ? [] : daysOf(window));
  }
  if (aside.results.some(({ state }) => state !== 'done')) return;
  checkShrink(context, aside);

  const marks = new WarehouseMarks(context);
  const kept = keepHours === null ? null : await noteKept(context, nodes, keepHours);
  // What an earlier refresh kept is not what this one replaces.
  if (kept === null) await setKept(context, null);
  await marks.announce(warehouse, published);
  const statements = [...warehouse.raw.swapStatements(job, loads, ASIDE_SUFFIX), ...aside.swap].map((sql) => ({ sql }));
  await warehouse.models.publish(
    {
      node: `${job.name} (refresh)`,
      statements,
      tests: [],
      marks: published.flatMap((name) => marks.statements(name)),
    },
    context.session.guard,
  );
  await noteDone(context, nodes, batches, changes, { warehouse, marks });
  await context.session.guard();
  await runner.finish();
  const sum = (pick: (manifest: (typeof manifests)[number]) => number): number =>
    manifests.reduce((total, manifest) => total + pick(manifest), 0);
  context.noteRefresh({
    id: `${job.name}-refresh-${runId}`,
    kind: 'refresh',
    state: 'published',
    logicalTime: context.logicalTime,
    read: sum(({ counts }) => counts.read),
    landed: sum(({ counts }) => counts.landed),
    quarantined: sum(({ counts }) => counts.quarantined),
    ranges: [],
  });
  observer.note(`swapped in: ${published.join(', ')}`);
  if (kept !== null && kept.models.length > 0)
    observer.note(`the tables from before are kept until ${kept.keptUntil}: sluice job rollback ${job.name}`);
}
