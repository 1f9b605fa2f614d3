/** Landing to raw: `job run --only load` of one batch, beside the bare statement that reads the same files into a table of the same columns. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import type { ChildResult } from './child.ts';
import { customerEvents } from './events.ts';
import { appendEvents, createTopics, topicLog } from './fill.ts';
import { count, timing } from './format.ts';
import { objectsOf, STREAM_DEFINITION, streamRows } from './landing-files.ts';
import { median, middleRun, pairs, timesBare } from './rounds.ts';

const START_MS = Date.UTC(2026, 1, 1);
const STEP_MS = 20;

export const landingToRaw: Bench = {
  name: 'landing-to-raw',
  about: 'one landed batch into the raw table, beside the bare DuckDB statement on the same files',
  run: async (context) => {
    const size = context.quick ? 50_000 : 1_000_000;
    const workspace = context.workspace('raw');
    workspace.copyProject();
    const log = topicLog(join(workspace.home, 'topics'));
    await createTopics(log);
    context.say(`landing ${count(size)} events`);
    const toMs = START_MS + size * STEP_MS;
    await appendEvents(
      log,
      customerEvents({ seed: 1, count: size, customers: 200_000, fromMs: START_MS, toMs, size: 'small' }),
    );
    await workspace.job(['--only', 'land']);
    const landed = workspace.path('state-as-landed');
    cpSync(join(workspace.home, 'state.sqlite'), landed);
    const load = async (): Promise<ChildResult> => {
      for (const file of ['warehouse.duckdb', 'state.sqlite', 'state.sqlite-wal', 'state.sqlite-shm']) {
        rmSync(join(workspace.home, file), { force: true });
      }
      cpSync(landed, join(workspace.home, 'state.sqlite'));
      const run = await workspace.job(['--only', 'load']);
      const rows = run.report.steps.find(({ name }) => name === 'load')?.rows;
      if (rows !== size) throw new Error(`loaded ${rows ?? 0} of ${size} rows`);
      return run;
    };
    const files = objectsOf(join(workspace.home, 'landing'), 'stream');
    const statements = [`create table raw (${STREAM_DEFINITION})`, `insert into raw ${streamRows(files)}`];
    const bare = async (): Promise<ChildResult> => {
      const path = workspace.path('bare.duckdb');
      rmSync(path, { force: true });
      const run = await workspace.bare('sql', { path, statements, query: 'select count(*) from raw' });
      if (run.result.rows[0]?.[0] !== String(size)) throw new Error('the bare statement loaded something else');
      return run;
    };
    await load();
    const runs = await pairs(context.rounds, load, bare);
    const ratio = 1 / timesBare(runs, (run) => run.seconds);
    return [
      {
        work: `landing to raw, ${count(size)} events, checksums verified`,
        sluice: timing(
          middleRun(runs.ours, (run) => run.seconds),
          size,
        ),
        bare: `bare statement: ${timing(
          middleRun(runs.bare, (run) => run.seconds),
          size,
        )}`,
        ratio,
        target: '≥ 0.8x of the statement',
        met: ratio >= 0.8,
        numbers: {
          seconds: median(runs.ours.map((run) => run.seconds)),
          bareSeconds: median(runs.bare.map((run) => run.seconds)),
          cpuRatio: 1 / timesBare(runs, (run) => run.cpuSeconds),
        },
      },
    ];
  },
};
