/**
 * `job rollback`: readers get the published tables of before the last full refresh back, each by one atomic statement, and the models' ledger
 * says again what those tables hold. So the next run publishes what has come since, and from then on the tables are what they would be had the
 * refresh not happened. Raw tables stay as the refresh made them: they hold what landing holds, before as after.
 *
 *   1. announce this run's mark        a table that carries it counts as known
 *   2. the ledger of then              from here on the ledger tells less than the tables hold
 *   3. swap the kept copies in, with this run's mark
 *   4. confirm the mark, forget the copies
 *
 * The order decides what a crash leaves. After 2 and before 3: the refreshed tables, of which the next run publishes some batches again, which
 * changes nothing. After 3: the old tables with a ledger that fits them. Never a table that holds less than its ledger tells.
 */
import { SluiceError } from '../core/errors.ts';
import type { RelationInfo } from '../core/relation.ts';
import { formatMillis, millisOf } from '../core/time.ts';
import { dialectOf } from '../transform/sql/dialects/index.ts';
import { keptRelation, REFRESH_LABEL, restoreStatements } from '../transform/sql/swap.ts';
import { holds, readKept, setKept, type KeptModel, type KeptTables } from './kept-tables.ts';
import type { JobPorts, OpenWarehouse } from './ports.ts';
import type { RunReport, RunRequest } from './request.ts';
import type { RunContext } from './run-context.ts';
import { noteUsage, underLease } from './run-job.ts';
import { WarehouseMarks } from './warehouse-marks.ts';

/** Throws `unsupported` where nothing is kept at all (DuckDB). In the report: `rollback_missing`. `request.dryRun` only says what would be put back. */
export async function rollback(ports: JobPorts, request: RunRequest): Promise<RunReport> {
  assertSupported(ports);
  if (request.dryRun) return previewRollback(ports);
  return underLease(ports, request, async (context) => {
    await context.step(
      'rollback',
      () => rollbackStep(context),
      (count) => count,
    );
  });
}

async function previewRollback(ports: JobPorts): Promise<RunReport> {
  const kept = await keptOf({ ports });
  ports.observer.note(
    `would put back ${namesOf(kept)}: as they were before the refresh at ${kept.replacedAt} (kept until ${kept.keptUntil})`,
  );
  const logicalTime = formatMillis(ports.clock.now());
  const report = { batches: [], steps: [], models: [], errors: [], warnings: [] };
  return { job: ports.job.name, exitCode: 0, logicalTime, ...report };
}

function assertSupported({ warehouse, job }: JobPorts): void {
  if (warehouse.dialect === 'bigquery') return;
  throw new SluiceError(
    'unsupported',
    `job ${job.name}: a DuckDB target keeps no replaced tables, so there is no rollback`,
    {
      hint: `Copy the database file before a full refresh; afterwards mend the models and rebuild: sluice job run ${job.name} --full-refresh`,
    },
  );
}

async function rollbackStep(context: RunContext): Promise<number> {
  const { ports, session } = context;
  const kept = await keptOf(context);
  const warehouse = await ports.warehouse.open({ signal: session.signal, guard: session.guard });
  try {
    const left = await copiesLeft(context, warehouse, kept);
    await putBack(context, warehouse, { kept, left });
  } finally {
    noteUsage(context, warehouse);
    await warehouse.close();
  }
  ports.observer.note(
    `put back ${namesOf(kept)}: as they were before the refresh at ${kept.replacedAt}; the next run publishes what has come since`,
  );
  return kept.models.length;
}

function namesOf({ models }: KeptTables): string {
  return models.map(({ name }) => name).join(', ');
}

async function keptOf(context: Pick<RunContext, 'ports'>): Promise<KeptTables> {
  const { job, clock } = context.ports;
  const kept = await readKept(context);
  if (kept === null || kept.models.length === 0)
    throw missing(job.name, 'no full refresh has replaced a table of it, or its tables were put back already');
  if (millisOf(kept.keptUntil) <= clock.now())
    throw missing(job.name, `the tables that were replaced at ${kept.replacedAt} were kept until ${kept.keptUntil}`);
  return kept;
}

function missing(job: string, why: string): SluiceError {
  return new SluiceError('rollback_missing', `job ${job}: there is nothing to go back to: ${why}`, {
    hint: `To make the tables what landing says: sluice job run ${job} --full-refresh. How long replaced tables are kept: keep_replaced_days of the target`,
  });
}

/** The models whose copies are still to be put in place. */
async function copiesLeft(
  { ports }: RunContext,
  warehouse: OpenWarehouse,
  kept: KeptTables,
): Promise<readonly KeptModel[]> {
  const copies = await warehouse.models.relations(kept.models.map(({ relation }) => keptRelation(relation)));
  const byName = new Map<string, RelationInfo>(copies.map((copy) => [copy.relation.name, copy]));
  const found = kept.models.filter(({ relation }) => byName.has(keptRelation(relation).name));
  if (kept.phase === 'restoring') return found;
  for (const { relation } of kept.models) {
    const { schema, name } = keptRelation(relation);
    if (byName.get(name)?.labels?.[REFRESH_LABEL] === kept.refresh) continue;
    const what = byName.has(name) ? 'is not of that refresh' : 'is not there';
    throw missing(ports.job.name, `${schema}.${name}, the table that was replaced at ${kept.replacedAt}, ${what}`);
  }
  return found;
}

async function putBack(
  context: RunContext,
  warehouse: OpenWarehouse,
  { kept, left }: { readonly kept: KeptTables; readonly left: readonly KeptModel[] },
): Promise<void> {
  const { state, job } = context.ports;
  const { lease, guard } = context.session;
  const marks = new WarehouseMarks(context);
  const names = kept.models.map(({ name }) => name);
  await marks.announce(warehouse, names);
  const loaded = (await state.batchHeads(job.name, { states: ['loaded'] })).map(({ seq }) => seq);
  // Of all models, also of those that an interrupted rollback put back: telling less than a table holds does no harm.
  for (const { name, batches, partitions, logicalTime } of kept.models) {
    const seqs = loaded.filter((seq) => holds(batches, seq));
    await state.markPublished(lease, name, { seqs, partitions, logicalTime, replaceAll: true });
  }
  await setKept(context, { ...kept, phase: 'restoring' });
  const dialect = dialectOf(context.ports.warehouse.dialect);
  const statements = left.map(({ relation }) => restoreStatements(dialect, relation));
  await guard();
  for (const { free } of statements) await warehouse.models.execute(free);
  await warehouse.models.publish(
    {
      node: `${job.name} (rollback)`,
      statements: statements.flatMap(({ put }) => put.map((sql) => ({ sql }))),
      tests: [],
      marks: names.flatMap((name) => marks.statements(name)),
    },
    guard,
  );
  for (const name of names) await marks.confirm(name);
  await setKept(context, null);
}
