/** `sluice compile` and `sluice parse`: the project checked, its SQL under target/compiled, the manifest. */
import {
  compileInline,
  compileWithWarehouse,
  manifestOf,
  planRun,
  TargetFolder,
  type PlannedNode,
  type Project,
} from '../../transform/index.ts';
import type { CommandResult } from '../context.ts';
import { counted } from '../table.ts';
import { selectionRequest } from './selection-request.ts';
import { compileAround, withWarehouse, type ModelSurroundings, type SelectionOptions } from './surroundings.ts';

export interface CompileModelsOptions extends SelectionOptions {
  readonly fullRefresh?: boolean;
  /** SQL with `ref()` and macros, instead of models. */
  readonly inline?: string;
}

/**
 * Renders as a first run would: nothing is asked of the warehouse, unless a template itself asks. The SQL of a single selected model is
 * printed.
 */
export async function compileModels(options: CompileModelsOptions, around: ModelSurroundings): Promise<CommandResult> {
  const fullRefresh = options.fullRefresh === true;
  const project = await compileAround(around, fullRefresh);
  if (options.inline !== undefined) return printInline(project, options.inline, around);
  const plan = planRun(project, { ...selectionRequest(options), command: 'compile', fullRefresh });
  const folder = new TargetFolder(around.config, around.environment.invocationId, around.redact);
  const compiled = new Map<string, string>();
  for (const { id, sql } of plan.nodes) if (sql !== null) compiled.set(id, sql);
  const waiting = plan.nodes.filter((node) => node.sql === null && node.kind === 'model');
  if (waiting.length > 0) await askWarehouse(project, waiting, compiled, around);
  const models = plan.nodes.map(({ id, name, file }) => {
    const sql = compiled.get(id) ?? null;
    return { id, name, path: sql === null ? null : folder.compiled(file, sql), sql };
  });
  const generatedAt = new Date(around.clock.now()).toISOString();
  folder.artifact('manifest.json', manifestOf(project, { generatedAt, compiled }));
  const [only] = models;
  if (models.length === 1 && only?.sql !== null && only !== undefined) around.output.result(only.sql);
  else
    around.output.result(
      `${counted(models.length, 'model', 'models')} compiled to ${around.config.targetPath}/compiled`,
    );
  return { exitCode: 0, json: { models } };
}

async function printInline(project: Project, inline: string, around: ModelSurroundings): Promise<CommandResult> {
  const sql = await withWarehouse(around, (warehouse) => compileInline(project, inline, warehouse));
  around.output.result(sql);
  return { exitCode: 0, json: { models: [{ id: null, name: null, path: null, sql }] } };
}

async function askWarehouse(
  project: Project,
  nodes: readonly PlannedNode[],
  compiled: Map<string, string>,
  around: ModelSurroundings,
): Promise<void> {
  await withWarehouse(around, async (warehouse) => {
    for (const node of nodes) compiled.set(node.id, await compileWithWarehouse(project, node.id, warehouse));
  });
}

export async function parseProjectCommand(_options: object, around: ModelSurroundings): Promise<CommandResult> {
  const { config, environment, output, clock } = around;
  const project = await compileAround(around);
  const folder = new TargetFolder(config, environment.invocationId, around.redact);
  folder.artifact('manifest.json', manifestOf(project, { generatedAt: new Date(clock.now()).toISOString() }));
  const counts = new Map<string, number>();
  for (const { kind } of project.nodes.values()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const text = [...counts].map(([kind, count]) => counted(count, kind, `${kind}s`)).join(', ');
  output.result(`${text === '' ? 'no models' : text}; manifest in ${config.targetPath}/manifest.json`);
  return { exitCode: 0, json: { nodes: Object.fromEntries(counts) } };
}
