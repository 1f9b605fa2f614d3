/** `sluice ls`: what a selection means, one node per line. */
import { selectNodes, type Node } from '../../transform/index.ts';
import { SluiceError } from '../../core/errors.ts';
import { didYouMean } from '../../config/suggest.ts';
import type { CommandResult } from '../context.ts';
import { selectionRequest } from './selection-request.ts';
import { compileAround, type ModelSurroundings, type SelectionOptions } from './surroundings.ts';

export interface ListOptions extends SelectionOptions {
  /** selector (default), name, path or json. */
  readonly outputFormat?: string;
}

const FORMATS = {
  selector: (node: Node) => `${node.kind === 'source' ? 'source:' : ''}${node.fqn.join('.')}`,
  name: (node: Node) => node.name,
  path: (node: Node) => node.file,
  json: (node: Node) => JSON.stringify(summary(node)),
} as const;

export async function listNodes(options: ListOptions, around: ModelSurroundings): Promise<CommandResult> {
  const { output } = around;
  const word = options.outputFormat ?? 'selector';
  if (!Object.hasOwn(FORMATS, word)) {
    throw new SluiceError('usage', `--output "${word}" is not known${didYouMean(word, Object.keys(FORMATS))}`, {
      hint: `Known formats: ${Object.keys(FORMATS).join(', ')}`,
    });
  }
  const format = FORMATS[word as keyof typeof FORMATS];
  const project = await compileAround(around);
  const { ids, unmatched } = selectNodes(project, selectionRequest(options));
  for (const text of unmatched) output.note(`the selector "${text}" matches nothing`);
  const nodes = [...ids].flatMap((id) => project.nodes.get(id) ?? []).sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const node of nodes) output.result(format(node));
  return { exitCode: 0, json: { nodes: nodes.map(summary) } };
}

function summary(node: Node): Readonly<Record<string, unknown>> {
  return {
    unique_id: node.id,
    name: node.name,
    resource_type: node.kind,
    original_file_path: node.file,
    depends_on: node.dependsOn,
    ...(node.kind === 'model' ? { materialized: node.config.materialized } : {}),
  };
}
