/** How a run of models looks on a terminal. */
import type { ModelObserver, NodeResult, PlannedNode, RunResult } from '../../transform/index.ts';
import { counted } from '../table.ts';
import type { ModelSurroundings } from './surroundings.ts';

/** `quiet`: only what failed. */
export function runObserver(output: ModelSurroundings['output'], total: number, quiet: boolean): ModelObserver {
  const running = new Set<string>();
  let finished = 0;
  const progress = (): void =>
    output.progress(
      running.size === 0 || quiet ? '' : `${String(finished)}/${String(total)} running ${[...running].join(', ')}`,
    );
  return {
    started: (node) => {
      running.add(node.name);
      progress();
    },
    finished: (node, result) => {
      running.delete(node.name);
      finished++;
      if (quiet && result.state !== 'failed') return;
      output.note(nodeLine(output, node, result, finished, total));
      for (const line of failureLines(output, result)) output.note(line);
      progress();
    },
  };
}

function nodeLine(
  output: ModelSurroundings['output'],
  node: PlannedNode,
  result: NodeResult,
  index: number,
  total: number,
): string {
  const { green, red, yellow, dim } = output.colours;
  const warned = result.warnings.length > 0;
  const state =
    result.state === 'done'
      ? warned
        ? yellow('warn')
        : green('done')
      : result.state === 'failed'
        ? red('FAIL')
        : dim('skip');
  const place = `${String(index).padStart(String(total).length)}/${String(total)}`;
  return `${dim(place)} ${state} ${node.name} ${dim(`(${detail(result)})`)}`;
}

function detail(result: NodeResult): string {
  if (result.state === 'skipped') return result.reason ?? 'skipped';
  const failing = result.tests.reduce((sum, test) => sum + test.failures, 0);
  const parts = [
    result.kind === 'test' ? counted(failing, 'failing row', 'failing rows') : MODE_WORDS[result.mode],
    result.rows === null ? '' : counted(result.rows, 'row', 'rows'),
    result.partitions.length === 0 ? '' : `${result.partitions.at(0) ?? ''}..${result.partitions.at(-1) ?? ''}`,
    result.kind === 'test' || result.tests.length === 0 ? '' : counted(result.tests.length, 'test', 'tests'),
    `${result.seconds.toFixed(2)} s`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

const MODE_WORDS: Readonly<Record<NodeResult['mode'], string>> = {
  view: 'view',
  table: 'table',
  seed: 'seed',
  full: 'built anew',
  merge: 'merge',
  insert_overwrite: 'overwrite',
  append: 'append',
  'delete+insert': 'delete+insert',
  tests: 'test',
};

function failureLines(output: ModelSurroundings['output'], result: NodeResult): readonly string[] {
  const { colours } = output;
  const lines =
    result.error === null
      ? []
      : output.messageLines(result.error.message, 'run_results.json in the target folder, or with --json');
  const error = lines.map((line) => colours.red(`      ${line}`));
  const hint = result.error?.hint === undefined ? [] : [`      ${colours.bold('hint')}: ${result.error.hint}`];
  return [...error, ...hint, ...result.warnings.map((warning) => colours.yellow(`      ${warning}`))];
}

export function summaryLine(result: RunResult): string {
  const count = (state: NodeResult['state']): number => result.nodes.filter((node) => node.state === state).length;
  const tests = result.nodes.flatMap((node) => node.tests);
  const failing = tests.filter(({ status }) => status === 'fail' || status === 'error').length;
  const warnings = result.nodes.reduce((sum, node) => sum + node.warnings.length, 0);
  const parts = [
    `${String(count('done'))} done`,
    count('failed') === 0 ? '' : `${String(count('failed'))} failed`,
    count('skipped') === 0 ? '' : `${String(count('skipped'))} skipped`,
    warnings === 0 ? '' : counted(warnings, 'warning', 'warnings'),
    tests.length === 0
      ? ''
      : `${counted(tests.length, 'data test', 'data tests')}${failing === 0 ? '' : `, ${String(failing)} failing`}`,
  ];
  return `${parts.filter((part) => part !== '').join(', ')} in ${result.seconds.toFixed(2)} s`;
}
