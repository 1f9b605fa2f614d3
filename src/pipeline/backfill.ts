/** `job backfill`: daily partitions of a stated window, recomputed for every key from raw. Also clears what was left stale. */
import { SluiceError } from '../core/errors.ts';
import { addDays, daysBetween, earlierOf, isCalendarDate, laterOf, localDay, millisOf } from '../core/time.ts';
import type { ModelChanges } from '../transform/plan/changes.ts';
import { reconcileRaw } from './load-step.ts';
import type { ModelRunner } from './model-runner.ts';
import { daysOf } from './plan-changes.ts';
import type { JobPorts, OpenWarehouse } from './ports.ts';
import type { RunReport, RunRequest } from './request.ts';
import type { RunContext } from './run-context.ts';
import { noteUsage, underLease } from './run-job.ts';
import { admittedSnapshots, historyStartDay } from './plan-tasks.ts';
import { reportModel } from './transform-step.ts';
import { WarehouseMarks } from './warehouse-marks.ts';

/** Days per transaction: a year of a large entity at once would not fit into memory. */
const DAYS_PER_CHUNK = 31;

export interface BackfillRequest {
  /** Local days `YYYY-MM-DD`, both inclusive. */
  readonly from: string;
  readonly to: string;
}

function checkDays(request: BackfillRequest): void {
  for (const [flag, day] of [
    ['--from', request.from],
    ['--to', request.to],
  ] as const) {
    if (!isCalendarDate(day))
      throw new SluiceError('usage', `${flag}: came "${day}", expected a day such as 2026-03-01`);
  }
  if (request.from > request.to) throw new SluiceError('usage', `--from ${request.from} lies after --to ${request.to}`);
}

async function backfillStep(
  context: RunContext,
  warehouse: OpenWarehouse,
  runner: ModelRunner,
  request: BackfillRequest,
): Promise<number> {
  const { state, timezone, job, observer } = context.ports;
  const nodes = (await runner.nodes()).filter((node) => node.isPublished && node.isDaily);
  if (nodes.length === 0)
    throw new SluiceError('usage', `job ${job.name} publishes no model that is partitioned by day`);
  await reconcileRaw(context, warehouse);
  const marks = new WarehouseMarks(context);
  const lost = await marks.lostModels(warehouse, nodes);
  const start = await historyStartDay(context, await admittedSnapshots(context));
  const today = localDay(millisOf(context.logicalTime), timezone);
  let rows = 0;
  for (const node of nodes) {
    const known = (await state.partitions(job.name, node.name)).map(({ partition }) => partition).sort();
    const last = known.at(-1);
    if (lost.has(node.name) || last === undefined || start === null) {
      throw new SluiceError('usage', `${node.name} has no history yet`, {
        hint: `Run the job first: sluice job run ${job.name}`,
      });
    }
    const from = laterOf(request.from, start);
    const to = earlierOf(request.to, earlierOf(last, today));
    if (from > to) {
      context.warn(
        `${node.name}: history runs from ${start} to ${last}; no day of ${request.from} to ${request.to} lies in it`,
      );
      continue;
    }
    const days: string[] = [];
    for (let first = from; first <= to; first = addDays(first, DAYS_PER_CHUNK)) {
      const window = { from: first, to: earlierOf(addDays(first, DAYS_PER_CHUNK - 1), to) };
      observer.progress(
        `${node.name}: ${window.from} to ${window.to} (${daysBetween(from, window.to) + 1} of ${daysBetween(from, to) + 1} days)`,
      );
      const changes: ModelChanges = { full: false, today, window, newDaysFrom: null, keys: null, batchIds: [] };
      await marks.announce(warehouse, [node.name]);
      const results = await runner.run({
        warehouse,
        names: [node.name],
        relations: await warehouse.models.relations([node.relation]),
        changes: new Map([[node.name, changes]]),
        guard: context.session.guard,
        marks: (name) => marks.statements(name),
        onPublished: async (name) => {
          const partitions = daysOf(window).map((partition) => ({ partition, state: 'done' as const, batchId: null }));
          const fact = await marks.confirmation(warehouse, node);
          await state.markPublished(context.session.lease, name, {
            seqs: [],
            partitions,
            logicalTime: context.logicalTime,
            fact,
          });
          marks.noteConfirmed(name, fact);
        },
      });
      days.push(...daysOf(window));
      for (const result of results) {
        rows += result.rows;
        if (result.state !== 'done') {
          reportModel(context, result, days);
          return rows;
        }
      }
      context.checkAborted();
    }
    context.models.push({ name: node.name, state: 'done', rows, partitions: days, seconds: 0 });
  }
  await context.session.guard();
  await runner.finish();
  return rows;
}

export async function backfill(
  ports: JobPorts,
  runner: ModelRunner,
  run: RunRequest,
  request: BackfillRequest,
): Promise<RunReport> {
  checkDays(request);
  return underLease(ports, run, async (context) => {
    const { signal, guard } = context.session;
    const warehouse = await ports.warehouse.open({ signal, guard });
    try {
      await context.step(
        'backfill',
        () => backfillStep(context, warehouse, runner, request),
        (count) => count,
      );
    } finally {
      noteUsage(context, warehouse);
      await warehouse.close();
    }
  });
}
