/** Renders one node, or a text like one, against a warehouse: what `compile` and `show` print. Nothing is built. */
import { SluiceError } from '../../core/errors.ts';
import { compileModel, compileText } from '../compile/compile-node.ts';
import type { Project } from '../compile/project.ts';
import { plainSituation } from '../plan/plan-run.ts';
import { situationOf } from '../plan/situation.ts';
import type { ModelWarehouse } from './ports.ts';

/** The select of a model as the next run would build it, but for what only a job's run knows. */
export async function compileWithWarehouse(project: Project, id: string, warehouse: ModelWarehouse): Promise<string> {
  const node = project.nodes.get(id);
  if (node?.kind !== 'model') throw new SluiceError('internal', `${id} is no model`);
  const existing = node.config.materialized === 'incremental' ? await warehouse.relation(node.relation) : undefined;
  const { fullRefresh } = project.renderer.environment;
  const situation = situationOf(project, node, { existing, changes: undefined, fullRefresh });
  return situation.effects.settle(warehouse, () => compileModel(project, node, situation).select);
}

export async function compileInline(project: Project, text: string, warehouse: ModelWarehouse): Promise<string> {
  const situation = plainSituation(project);
  return situation.effects.settle(warehouse, () => compileText(project, text, situation));
}
