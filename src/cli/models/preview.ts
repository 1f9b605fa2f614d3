/** `sluice run --dry-run` and `sluice build --dry-run`: the plan, on BigQuery with what each model would read. Nothing is written. */
import {
  compileWithWarehouse,
  estimateOf,
  planRun,
  type Estimate,
  type ModelWarehouse,
  type PlanRequest,
  type PlannedNode,
  type Project,
} from '../../transform/index.ts';
import type { CommandResult } from '../context.ts';
import { tableLines } from '../table.ts';
import { bytesText } from '../usage-text.ts';
import { withWarehouse, type ModelSurroundings } from './surroundings.ts';

export async function previewModels(
  project: Project,
  request: PlanRequest,
  around: ModelSurroundings,
): Promise<CommandResult> {
  // DuckDB's file may be held by a run, and reading it costs nothing: there the plan is made without looking.
  const planned =
    around.target.type === 'bigquery'
      ? await withWarehouse(around, (warehouse) => estimated(project, request, warehouse))
      : planRun(project, { ...request, withSql: false }).nodes.map((node) => ({ node, estimate: null }));
  const { output } = around;
  if (planned.length === 0) output.note('nothing to do');
  else {
    const paid = planned.some(({ estimate }) => estimate !== null);
    const header = ['node', 'kind', 'mode', 'relation', ...(paid ? ['reads'] : [])];
    const rows = planned.map(({ node, estimate }) => [...cells(project, node), ...(paid ? [readsText(estimate)] : [])]);
    for (const line of tableLines(header, rows)) output.result(line);
  }
  const models = planned
    .filter(({ node }) => node.kind !== 'test')
    .map(({ node: { name, mode }, estimate }) => ({
      name,
      mode,
      state: 'skipped',
      ...(estimate === null ? {} : { estimatedBytes: estimate.bytes }),
    }));
  return { exitCode: 0, json: { dryRun: true, models, tests: [] } };
}

interface Planned {
  readonly node: PlannedNode;
  readonly estimate: Estimate | null;
}

async function estimated(
  project: Project,
  request: PlanRequest,
  warehouse: ModelWarehouse,
): Promise<readonly Planned[]> {
  const targets = planRun(project, { ...request, withSql: false }).nodes.flatMap(({ relation }) => relation ?? []);
  const { nodes } = planRun(project, { ...request, relations: await warehouse.relations(targets), withSql: false });
  const planned: Planned[] = [];
  for (const node of nodes) {
    const sql = node.kind === 'model' ? await compileWithWarehouse(project, node.id, warehouse) : null;
    planned.push({ node, estimate: sql === null ? null : await estimateOf(warehouse, sql) });
  }
  return planned;
}

function cells(project: Project, { name, kind, mode, relation }: PlannedNode): readonly string[] {
  return [name, kind, mode, relation === null ? '' : project.renderer.dialect.relation(relation)];
}

function readsText(estimate: Estimate | null): string {
  if (estimate === null) return '';
  return estimate.bytes === null ? `? (${estimate.text})` : bytesText(estimate.bytes);
}
