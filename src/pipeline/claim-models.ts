/**
 * `sluice run` and `sluice build` on models that a job publishes: under that job's lease, from its ledger, with its marks, exactly as a run of the
 * job would (CUSTOMER.md §4). The difference is the choice: these models, and also when nothing is waiting for them.
 */
import { isSluiceError } from '../core/errors.ts';
import { formatMillis, localDay, millisOf } from '../core/time.ts';
import type { NodeHooks, PlannedNode } from '../transform/index.ts';
import type { ModelChanges } from '../transform/plan/changes.ts';
import { holdLease, type LeaseSession } from './lease.ts';
import type { RunnerNode } from './model-runner.ts';
import type { JobPorts, OpenWarehouse } from './ports.ts';
import type { RunRequest } from './request.ts';
import { RunContext } from './run-context.ts';
import { TransformPlanner, type ModelTask } from './plan-tasks.ts';
import { makeKeys, publishTask } from './transform-step.ts';
import { WarehouseMarks } from './warehouse-marks.ts';

export interface ClaimRequest {
  readonly ports: JobPorts;
  readonly warehouse: OpenWarehouse;
  /** Those of the job's models that are about to run. */
  readonly nodes: readonly RunnerNode[];
  /** Build them from all that raw holds. */
  readonly fullRefresh: boolean;
}

/** The claim on the models of one job. */
export interface ModelClaim {
  hooks(model: string): NodeHooks | undefined;
  /** Throws `lease_lost`. */
  guard(): Promise<void>;
  published(model: string): Promise<void>;
  /** Aborted when the lease is lost. */
  readonly signal: AbortSignal;
  release(): Promise<void>;
}

const REQUEST: RunRequest = {
  fullLoad: false,
  fullRefresh: false,
  only: 'transform',
  logicalTime: null,
  dryRun: false,
  accept: { deletes: false, gap: false, quarantine: false, shrink: false },
  parameters: {},
};

/** Throws `lease_held`. */
export async function claimModels(request: ClaimRequest): Promise<ModelClaim> {
  const { ports } = request;
  await ports.state.migrate();
  const session = await holdLease(ports);
  try {
    // Models read raw tables that no run of the job may have made yet.
    await request.warehouse.raw.prepare(ports.job);
    return await claim(request, session);
  } catch (error) {
    await session.release();
    throw error;
  }
}

/**
 * Makes missing raw tables of a job none of whose models run: a view may read them. Under the job's lease, because whoever prepares ends the
 * statements that a dead run left; a run that is at work has made the tables itself.
 */
export async function prepareRaw(ports: JobPorts, warehouse: OpenWarehouse): Promise<void> {
  await ports.state.migrate();
  let session: LeaseSession;
  try {
    session = await holdLease(ports);
  } catch (error) {
    if (isSluiceError(error, 'lease_held')) return;
    throw error;
  }
  try {
    await warehouse.raw.prepare(ports.job);
  } finally {
    await session.release();
  }
}

async function claim(
  { ports, warehouse, nodes, fullRefresh }: ClaimRequest,
  session: LeaseSession,
): Promise<ModelClaim> {
  const context = new RunContext(ports, REQUEST, session, ports.clock, formatMillis(ports.clock.now()));
  const marks = new WarehouseMarks(context);
  const lastDays = await lastPublishedDays(ports, nodes);
  const lost = await marks.lostModels(warehouse, nodes);
  // A daily model without a day has nothing that could be folded again, so it counts as new.
  const anew = new Set(
    nodes
      .filter((node) => fullRefresh || lost.has(node.name) || (node.isDaily && !lastDays.has(node.name)))
      .map(({ name }) => name),
  );
  const planner = new TransformPlanner(context, marks);
  const { tasks, statement } = planner.withKeys(await planner.tasks(nodes, anew));
  await makeKeys(context, warehouse, statement);
  await marks.announce(
    warehouse,
    nodes.map(({ name }) => name),
  );
  const today = localDay(millisOf(context.logicalTime), ports.timezone);
  const byName = new Map<string, ModelTask>(
    nodes.map((node) => [
      node.name,
      tasks.find((task) => task.node.name === node.name) ?? idleTask(node, today, lastDays.get(node.name) ?? null),
    ]),
  );
  return {
    hooks: (model) => {
      const task = byName.get(model);
      return task === undefined
        ? undefined
        : { changes: task.changes, marks: marks.statements(model), guard: session.guard };
    },
    guard: session.guard,
    published: async (model) => {
      const task = byName.get(model);
      if (task !== undefined) await publishTask(context, { warehouse, marks }, task);
    },
    signal: session.signal,
    release: () => session.release(),
  };
}

async function lastPublishedDays(ports: JobPorts, nodes: readonly RunnerNode[]): Promise<ReadonlyMap<string, string>> {
  const days = new Map<string, string>();
  for (const { name, isDaily } of nodes) {
    if (!isDaily) continue;
    const last = (await ports.state.partitions(ports.job.name, name))
      .map(({ partition }) => partition)
      .sort()
      .at(-1);
    if (last !== undefined) days.set(name, last);
  }
  return days;
}

/** Nothing waits for this model: it is folded again as it is, a daily one for its last day. */
function idleTask(node: RunnerNode, today: string, lastDay: string | null): ModelTask {
  const window = lastDay === null ? null : { from: lastDay, to: lastDay };
  const changes: ModelChanges = { full: false, today, window, newDaysFrom: null, keys: null, batchIds: [] };
  return {
    node,
    seqs: [],
    pending: [],
    changes,
    partitions: { window, newDaysFrom: null, allKeys: true, stale: null },
  };
}

/** The hooks of a node as the claims of several jobs give them. */
export function hooksOf(claims: readonly ModelClaim[], node: PlannedNode): NodeHooks {
  for (const made of claims) {
    const hooks = made.hooks(node.name);
    if (hooks !== undefined) return hooks;
  }
  return {};
}
