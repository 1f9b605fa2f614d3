/** The table of the README and the JSON file beside it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from './bench.ts';
import { times } from './format.ts';
import { machine } from './machine.ts';
import { REPOSITORY } from './workspace.ts';

const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

export function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const ratio = row.ratio === null ? '' : times(row.ratio);
    const verdict = row.met === null ? '' : row.met ? ' ✓' : ' ✗';
    return `| ${[row.work, row.sluice, row.bare, ratio, `${row.target}${verdict}`].join(' | ')} |`;
  });
  return ['| work | sluice | bare limit beside it | ratio | target |', '|---|---|---|---|---|', ...lines].join('\n');
}

/** The text between the markers, replaced. */
function withTable(readme: string, text: string): string {
  const from = readme.indexOf(BEGIN);
  const to = readme.indexOf(END);
  if (from < 0 || to < from) throw new Error(`README.md has no ${BEGIN} … ${END}`);
  return `${readme.slice(0, from + BEGIN.length)}\n${text}\n${readme.slice(to)}`;
}

export function writeReport(rows: ReadonlyMap<string, readonly Row[]>): void {
  const where = machine();
  const readme = join(REPOSITORY, 'README.md');
  const text =
    `${table([...rows.values()].flat())}\n\n` +
    `Measured by \`npm run bench\` on ${where}. Each line is measured in one run, ours and the bare one by turns.`;
  writeFileSync(readme, withTable(readFileSync(readme, 'utf8'), text));
  const results = { measuredAt: new Date().toISOString(), machine: where, benches: Object.fromEntries(rows) };
  writeFileSync(join(REPOSITORY, 'bench', 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
}
