/**
 * `--full-refresh`: raw tables, current and history rebuilt from landing, tested and swapped in, beside two hand-written statements over the same
 * files that make current and history. Both in 2 GB, and both give the same rows.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { COLUMNS, currentRows, historyRows, records } from './bare-sql.ts';
import type { Bench } from './bench.ts';
import type { ChildResult } from './child.ts';
import { count, megabytes, timing } from './format.ts';
import { objectsOf, readJson } from './landing-files.ts';
import { dayAfter, lastEvening, tellStory, type Story } from './reference-case.ts';
import { median, middleRun, pairs, timesBare } from './rounds.ts';
import type { Workspace } from './workspace.ts';

const MEMORY = '2GB';
/** A pair takes minutes. */
const MAX_ROUNDS = 3;

function fileRecords(landing: string): string {
  const common = { _key: 'varchar', _event_at: 'timestamp', value: 'varchar', _batch_id: 'varchar' };
  return records(
    readJson(objectsOf(landing, 'stream'), { ...common, _op: 'varchar' }),
    readJson(objectsOf(landing, 'snapshot'), { ...common, _snapshot_started_at: 'timestamp' }),
  );
}

/** Rows of one that the other has not, counted both ways. */
function differences(table: string, columns: readonly string[]): string {
  const list = columns.join(', ');
  const ours = `select ${list} from ours.analytics.${table}_customer`;
  const bare = `select ${list} from bare.main.${table}_customer`;
  return `(select count(*) from (${ours} except all ${bare})) + (select count(*) from (${bare} except all ${ours}))`;
}

async function compare(workspace: Workspace, bare: string): Promise<void> {
  const ours = join(workspace.home, 'warehouse.duckdb');
  const { result } = await workspace.bare('sql', {
    path: ':memory:',
    statements: [`attach '${ours}' as ours (read_only)`, `attach '${bare}' as bare (read_only)`],
    query: `select ${differences('current', COLUMNS)}, ${differences('history', ['day', ...COLUMNS])}`,
  });
  const [found = []] = result.rows;
  if (found.join() !== '0,0')
    throw new Error(`the tables differ from the hand-written ones in ${found.join(' and ')} rows`);
}

export const fullRefresh: Bench = {
  name: 'full-refresh',
  about: 'everything rebuilt from landing, beside hand-written SQL over the files',
  run: async (context) => {
    const customers = context.quick ? 5_000 : 200_000;
    const story: Story = { customers, events: context.quick ? 50_000 : 5_000_000, days: 29, size: 'small' };
    const workspace = context.workspace('refresh');
    context.say(`landing ${count(story.events)} events over ${story.days + 1} days`);
    await tellStory(workspace, story);
    const source = fileRecords(join(workspace.home, 'landing'));
    const path = workspace.path('bare.duckdb');
    const statements = [
      `create table current_customer as ${currentRows(source)}`,
      `create table history_customer as ${historyRows(source, dayAfter(0), dayAfter(story.days))}`,
    ];
    const ours = (): Promise<ChildResult> =>
      workspace.job(['--full-refresh', '--logical-time', lastEvening(story)], { DUCKDB_MEMORY_LIMIT: MEMORY });
    const bare = (): Promise<ChildResult> => {
      rmSync(path, { force: true });
      return workspace.bare('sql', { path, settings: { memory_limit: MEMORY }, statements });
    };
    const runs = await pairs(Math.min(context.rounds, MAX_ROUNDS), ours, bare);
    context.say('comparing the rows');
    await compare(workspace, path);
    const ratio = 1 / timesBare(runs, (run) => run.seconds);
    const middle = middleRun(runs.ours, (run) => run.seconds);
    const beside = middleRun(runs.bare, (run) => run.seconds);
    return [
      {
        work: `full refresh from landing, ${count(story.events)} events, ${story.days + 1} days of ${count(customers)} customers, in ${MEMORY}`,
        sluice: `${timing(middle, story.events)}, ${megabytes(middle.peakMb)}`,
        bare: `hand-written SQL: ${timing(beside, story.events)}, ${megabytes(beside.peakMb)}`,
        ratio,
        target: '≥ 0.6x of the SQL',
        met: ratio >= 0.6,
        numbers: {
          seconds: median(runs.ours.map((run) => run.seconds)),
          bareSeconds: median(runs.bare.map((run) => run.seconds)),
          cpuRatio: 1 / timesBare(runs, (run) => run.cpuSeconds),
          peakMb: Math.max(...runs.ours.map((run) => run.peakMb)),
        },
      },
    ];
  },
};
