/**
 * Days of history overwritten at 200,000 customers: the model's whole change (staging, tests, commit) beside bare SQL on a copy of the same
 * database that overwrites the same days from the raw tables, in one transaction and without tests.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { overwriteDays, overwriteKeys } from './bare-sql.ts';
import type { Bench, BenchContext, Row } from './bench.ts';
import { customerEvents, type TopicEvent } from './events.ts';
import { appendEvents } from './fill.ts';
import { count, seconds, times } from './format.ts';
import {
  DAY_MS,
  dayAfter,
  FIRST_DAY_MS,
  HOUR_MS,
  lastEvening,
  tellStory,
  type Log,
  type Story,
} from './reference-case.ts';
import { median, pairs, timesBare } from './rounds.ts';
import type { Workspace } from './workspace.ts';

const LIMIT = 1.3;

interface Case {
  readonly work: string;
  readonly days: number;
  readonly events: Iterable<TopicEvent>;
}

interface Timed {
  readonly seconds: number;
}

class Overwriting {
  readonly #workspace: Workspace;
  readonly #story: Story;
  readonly #log: Log;
  /** The listing and the first stream batch. */
  #seq = 2;

  constructor(workspace: Workspace, story: Story, log: Log) {
    this.#workspace = workspace;
    this.#story = story;
    this.#log = log;
  }

  /** Loads the events of the case, then measures what publishing them takes, again and again from the same state. */
  async measure({ rounds }: BenchContext, { work, days, events }: Case): Promise<Row> {
    const at = ['--logical-time', lastEvening(this.#story)];
    await appendEvents(this.#log, events);
    await this.#workspace.job(['--only', 'land', ...at]);
    await this.#workspace.job(['--only', 'load', ...at]);
    const seq = ++this.#seq;
    this.#keep();
    const [from, to] = [dayAfter(this.#story.days - days + 1), dayAfter(this.#story.days)];
    await this.#ours(at, days);
    const runs = await pairs(
      rounds,
      () => this.#ours(at, days),
      () => this.#bare(overwriteDays(from, to)),
    );
    const keyed = await this.#bare(overwriteKeys(seq, from, to));
    const ratio = timesBare(runs, (run) => run.seconds);
    const ours = median(runs.ours.map((run) => run.seconds));
    const bare = median(runs.bare.map((run) => run.seconds));
    return {
      work: `history overwrite of ${days} days at ${count(this.#story.customers)} customers: ${work}`,
      sluice: `${seconds(ours)}, tests included`,
      bare: `bare SQL: ${seconds(bare)}; for the changed keys alone, untested: ${seconds(keyed.seconds)} (${times(ours / keyed.seconds)})`,
      ratio,
      target: `≤ ${LIMIT}x of the bare SQL`,
      met: ratio <= LIMIT,
      numbers: { seconds: ours, bareSeconds: bare, bareKeysSeconds: keyed.seconds },
    };
  }

  async #ours(at: readonly string[], days: number): Promise<Timed> {
    this.#restore();
    const { report } = await this.#workspace.job(['--only', 'transform', ...at]);
    const model = report.models.find(({ name }) => name === 'history_customer');
    if (model?.partitions.length !== days)
      throw new Error(`overwrote ${model?.partitions.length ?? 0} of ${days} days`);
    return model;
  }

  async #bare(statements: readonly string[]): Promise<Timed> {
    const path = this.#workspace.path('bare.duckdb');
    rmSync(path, { force: true });
    cpSync(this.#workspace.path('kept', 'warehouse.duckdb'), path);
    const { result } = await this.#workspace.bare('sql', { path, statements });
    return { seconds: result.seconds.reduce((sum, part) => sum + part, 0) };
  }

  #keep(): void {
    rmSync(this.#workspace.path('kept'), { recursive: true, force: true });
    for (const file of ['warehouse.duckdb', 'state.sqlite']) {
      cpSync(join(this.#workspace.home, file), this.#workspace.path('kept', file));
    }
  }

  #restore(): void {
    for (const file of ['warehouse.duckdb', 'state.sqlite']) {
      for (const beside of ['', '.wal', '-wal', '-shm'])
        rmSync(join(this.#workspace.home, file + beside), { force: true });
      cpSync(this.#workspace.path('kept', file), join(this.#workspace.home, file));
    }
  }
}

export const historyOverwrite: Bench = {
  name: 'history-overwrite',
  about: '2 and 31 days of history overwritten, beside bare SQL',
  run: async (context) => {
    const customers = context.quick ? 5_000 : 200_000;
    const story: Story = { customers, events: customers, days: 34, size: 'whole' };
    const workspace = context.workspace('history');
    context.say(`${story.days + 1} days of ${count(customers)} customers`);
    const log = await tellStory(workspace, story);
    await workspace.job(['--logical-time', lastEvening(story)]);
    const bench = new Overwriting(workspace, story, log);
    const now = FIRST_DAY_MS + (story.days + 1) * DAY_MS - HOUR_MS;
    const size = context.quick ? 500 : 10_000;
    const lateMs = now - 30 * DAY_MS;
    const recent = {
      seed: 11,
      count: size,
      customers,
      fromMs: now - 30 * HOUR_MS,
      toMs: now - HOUR_MS,
      size: 'whole',
    } as const;
    const late = { seed: 12, count: 1, customers, fromMs: lateMs, toMs: lateMs + 1000, size: 'whole' } as const;
    return [
      await bench.measure(context, { work: `${count(size)} events`, days: 2, events: customerEvents(recent) }),
      await bench.measure(context, { work: 'one late event', days: 31, events: customerEvents(late) }),
    ];
  },
};
