/** `sluice show`: the first rows of a model as it would be now, or of a query with the project's names in it. */
import { SluiceError } from '../../core/errors.ts';
import {
  compileInline,
  compileWithWarehouse,
  selectNodes,
  type ModelNode,
  type Project,
} from '../../transform/index.ts';
import type { CommandResult } from '../context.ts';
import { jsonText } from '../output.ts';
import { rowLines, rowObjects } from './rows-text.ts';
import { selectionRequest } from './selection-request.ts';
import { compileAround, withWarehouse, type ModelSurroundings, type SelectionOptions } from './surroundings.ts';

export interface ShowOptions extends SelectionOptions {
  /** SQL with `ref()` and macros, instead of a model. */
  readonly inline?: string;
  /** Rows to show; -1 for all. */
  readonly limit?: number;
  readonly outputFormat?: 'text' | 'json';
}

export const DEFAULT_SHOW_LIMIT = 5;

export async function showModel(options: ShowOptions, around: ModelSurroundings): Promise<CommandResult> {
  const { output } = around;
  const project = await compileAround(around);
  const model = options.inline === undefined ? oneModel(project, options) : null;
  const { sql, result } = await withWarehouse(around, async (warehouse) => {
    const select =
      model === null
        ? await compileInline(project, options.inline ?? '', warehouse)
        : await compileWithWarehouse(project, model.id, warehouse);
    const limit = options.limit ?? DEFAULT_SHOW_LIMIT;
    const query = limit < 0 ? select : `select * from (\n${select}\n) as shown\nlimit ${String(limit)}`;
    return { sql: select, result: await warehouse.query(query) };
  });
  const rows = rowObjects(result);
  // dbt's shape.
  if (options.outputFormat === 'json')
    output.result(jsonText({ ...(model === null ? {} : { node: model.name }), show: rows }));
  else for (const line of rowLines(result)) output.result(line);
  return { exitCode: 0, json: { name: model?.name ?? null, sql, rows } };
}

function oneModel(project: Project, options: ShowOptions): ModelNode {
  const { ids } = selectNodes(project, selectionRequest(options));
  const models = [...ids].flatMap((id) => {
    const node = project.nodes.get(id);
    return node?.kind === 'model' ? [node] : [];
  });
  const [only, ...others] = models;
  if (only !== undefined && others.length === 0) return only;
  throw new SluiceError('usage', `show takes one model, the selection has ${String(models.length)}`, {
    hint: 'Name one: sluice show --select my_model; or give SQL: sluice show --inline "select …"',
  });
}
