/** `--dry-run`: what a run would do, from reading alone. Nothing is written: no lease, no intent, no object, no table. */
import { isSluiceError } from '../core/errors.ts';
import { streamObjectName } from '../core/object-key.ts';
import { formatMillis, localDay, millisOf } from '../core/time.ts';
import type { ModelChanges } from '../transform/plan/changes.ts';
import { startTime } from './start-time.ts';
import { inspectReadable, planStream, withRecreated } from './plan-stream.ts';
import type { ModelRunner } from './model-runner.ts';
import type { JobPorts } from './ports.ts';
import type { ModelWarehouse } from '../transform/run/ports.ts';
import { estimateOf } from '../transform/index.ts';
import type { ErrorReport, RunReport, RunRequest } from './request.ts';

interface LandingPlan {
  readonly batches: RunReport['batches'];
  /** What the run would refuse to go on behind. */
  readonly warnings: readonly string[];
}

async function planLanding(ports: JobPorts, request: RunRequest, logicalTime: string): Promise<LandingPlan> {
  const { state, job, observer } = ports;
  const batches: RunReport['batches'][number][] = [];
  const warnings: string[] = [];
  for (const batch of await state.batches(job.name, { states: ['planned'] })) {
    observer.note(`would first finish ${batch.id} (${batch.kind})`);
  }
  if (request.fullLoad) observer.note(`would download the listing of ${job.name} from its REST API`);
  const source = await ports.stream();
  try {
    const topics = job.topics.map(({ name }) => name);
    const { view: found, failures } = await inspectReadable(
      source,
      topics,
      await state.positions(job.name),
      ports.signal,
    );
    const view = withRecreated(found, await state.gaps(job.name));
    const plan = planStream(view, { maxRows: job.limits.maxBatchRows, acceptGap: request.accept.gap });
    for (const gap of plan.refusedGaps)
      warnings.push(
        `lost: ${gap.topic}/${gap.partition} offsets ${gap.from} to ${gap.to - 1n}; the run would refuse this partition without --accept-gap`,
      );
    for (const { topic, reason } of plan.refusedTopics)
      warnings.push(`topic ${topic} was recreated: ${reason}; the run would refuse it without --accept-gap`);
    for (const { message } of failures)
      warnings.push(`the run would fail for this topic, the others would be landed: ${message}`);
    for (const warning of warnings) observer.warn(warning);
    for (const range of plan.intent?.ranges ?? []) {
      observer.note(`would read ${range.topic}/${range.partition} offsets ${range.from} to ${BigInt(range.to) - 1n}`);
      observer.note(
        `     into ${streamObjectName(job.name, { ...range, from: BigInt(range.from), to: BigInt(range.to) }, { gzip: ports.gzip })}`,
      );
    }
    if (plan.intent === null) observer.note('no new records');
    else {
      batches.push({
        id: '(new)',
        kind: 'stream',
        state: 'planned',
        logicalTime,
        read: 0,
        landed: 0,
        quarantined: 0,
        ranges: plan.intent.ranges.map(({ topic, partition, from, to }) => ({ topic, partition, from, to })),
      });
    }
  } finally {
    await source.close();
  }
  return { batches, warnings };
}

async function previewModels(
  ports: JobPorts,
  runner: ModelRunner,
  request: RunRequest,
  logicalTime: string,
): Promise<RunReport['models']> {
  const { observer, timezone, state, job } = ports;
  const today = localDay(millisOf(logicalTime), timezone);
  const nodes = await runner.nodes();
  const changes = new Map<string, ModelChanges>();
  for (const node of nodes) {
    const days = (await state.partitions(job.name, node.name)).map(({ partition }) => partition).sort();
    const last = days.at(-1);
    const full =
      request.fullRefresh ||
      (node.isDaily ? last === undefined : !(await state.models(job.name)).some(({ model }) => model === node.name));
    const window = node.isDaily ? { from: last ?? today, to: today } : null;
    changes.set(node.name, { full, today, window, newDaysFrom: null, keys: null, batchIds: [] });
    if (node.isDaily && !full)
      observer.note(
        `${node.name}: partitions from the earliest affected day (known once the batch is landed) to ${today}`,
      );
  }
  // DuckDB's file may be held by a run, and reading it costs nothing: there the plan is made without it.
  const warehouse =
    ports.warehouse.dialect === 'bigquery' ? await ports.warehouse.open({ signal: ports.signal }) : null;
  try {
    const previews = await runner.preview({ warehouse, changes, names: nodes.map(({ name }) => name) });
    return await shown(ports, previews, warehouse?.models);
  } finally {
    await warehouse?.close();
  }
}

async function shown(
  { observer }: JobPorts,
  previews: readonly { readonly name: string; readonly sql: string }[],
  warehouse: ModelWarehouse | undefined,
): Promise<RunReport['models']> {
  const models: RunReport['models'][number][] = [];
  for (const { name, sql } of previews) {
    const estimate = warehouse === undefined ? null : await estimateOf(warehouse, sql);
    observer.note(`would run ${name}${estimate === null ? '' : ` (${estimate.text})`}:`);
    observer.note(
      sql
        .split('\n')
        .map((line) => `    ${line}`)
        .join('\n'),
    );
    models.push({
      name,
      state: 'skipped',
      rows: 0,
      partitions: [],
      seconds: 0,
      ...(estimate === null ? {} : { estimatedBytes: estimate.bytes }),
    });
  }
  return models;
}

export async function dryRun(ports: JobPorts, runner: ModelRunner, request: RunRequest): Promise<RunReport> {
  await ports.state.migrate();
  const logicalTime = formatMillis(await startTime(ports, request));
  const errors: ErrorReport[] = [];
  let landing: LandingPlan = { batches: [], warnings: [] };
  let models: RunReport['models'] = [];
  const keep = (error: unknown): void => {
    if (!isSluiceError(error)) throw error;
    errors.push({
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  };
  const reads = !request.fullRefresh && (request.only === null || request.only === 'land');
  if (reads) landing = await planLanding(ports, request, logicalTime).catch((error: unknown) => (keep(error), landing));
  if (request.only === null || request.only === 'transform') {
    models = await previewModels(ports, runner, request, logicalTime).catch((error: unknown) => (keep(error), []));
  }
  return {
    job: ports.job.name,
    exitCode: errors.length === 0 ? 0 : 1,
    logicalTime,
    steps: [],
    models,
    errors,
    ...landing,
  };
}
