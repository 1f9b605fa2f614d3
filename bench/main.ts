/**
 * `npm run bench [-- --quick] [names…]`: measures, prints a table, and (whole runs of everything only) writes it into README.md and
 * bench/results.json. `--list` names the benches, `--rounds n` sets how often each pair runs, `--keep` leaves the folders.
 */
import { parseArgs } from 'node:util';
import type { Bench, BenchContext, Row } from './bench.ts';
import { runNode } from './child.ts';
import { fullRefresh } from './full-refresh.ts';
import { historyOverwrite } from './history-overwrite.ts';
import { gcsUpload } from './gcs-upload.ts';
import { hourlyRun } from './hourly-run.ts';
import { kafkaLanding, topicLogLanding } from './landing.ts';
import { landingToRaw } from './landing-to-raw.ts';
import { machine } from './machine.ts';
import { modelOverhead } from './model-overhead.ts';
import { table, writeReport } from './report.ts';
import { REPOSITORY, Workspace } from './workspace.ts';

const BENCHES: readonly Bench[] = [
  kafkaLanding,
  topicLogLanding,
  gcsUpload,
  landingToRaw,
  hourlyRun,
  historyOverwrite,
  fullRefresh,
  modelOverhead,
];
const DEFAULT_ROUNDS = 5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    rounds: { type: 'string' },
  },
});

if (values.list) for (const { name, about } of BENCHES) console.log(`${name.padEnd(20)}${about}`);
else await main();

async function main(): Promise<void> {
  const unknown = positionals.filter((name) => !BENCHES.some((bench) => bench.name === name));
  if (unknown.length > 0) {
    console.error(`no bench ${unknown.join(', ')}; there are: ${BENCHES.map(({ name }) => name).join(', ')}`);
    process.exitCode = 2;
    return;
  }
  const chosen = positionals.length === 0 ? BENCHES : BENCHES.filter(({ name }) => positionals.includes(name));
  // Builds dist/ when a source is newer, so that no measured run does.
  await runNode(['bin/sluice.mjs', '--version'], { cwd: REPOSITORY, env: {} });
  const rows = new Map<string, readonly Row[]>();
  for (const bench of chosen) rows.set(bench.name, await runBench(bench));
  const all = [...rows.values()].flat();
  console.log(`\n${table(all)}\n\n${machine()}`);
  if (!values.quick && chosen.length === BENCHES.length) writeReport(rows);
  if (all.some(({ met }) => met === false)) console.log('\nsome targets are not met');
}

async function runBench(bench: Bench): Promise<readonly Row[]> {
  const workspaces: Workspace[] = [];
  const say = (text: string): void => console.error(`${bench.name}: ${text}`);
  const context: BenchContext = {
    quick: values.quick,
    rounds: values.rounds === undefined ? (values.quick ? 1 : DEFAULT_ROUNDS) : Number(values.rounds),
    workspace: (name) => {
      const made = new Workspace(name);
      workspaces.push(made);
      return made;
    },
    say,
  };
  try {
    const measured = await bench.run(context);
    // The targets are about the full sizes.
    const rows = values.quick ? measured.map((row) => ({ ...row, met: null })) : measured;
    for (const row of rows) say(`${row.work}: ${row.sluice}${row.ratio === null ? '' : `, ${row.ratio.toFixed(2)}x`}`);
    return rows;
  } finally {
    if (values.keep) for (const { dir } of workspaces) say(`kept ${dir}`);
    else for (const workspace of workspaces) workspace.remove();
  }
}
