/**
 * The hourly run as cron starts it, process start included: 10,000 new events over 200,000 customers from the topic log to tested tables,
 * and the same with nothing new. Beside it the bare minimum: a process that opens the database, reads the same files in, merges, overwrites
 * the day, and closes.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hourly } from './bare-sql.ts';
import type { Bench, Row } from './bench.ts';
import type { ChildResult } from './child.ts';
import { customerEvents, listedCustomers } from './events.ts';
import { appendEvents, createTopics, topicLog } from './fill.ts';
import { count, seconds } from './format.ts';
import { objectsOf, streamRows } from './landing-files.ts';
import { serveListing } from './listing.ts';
import { median, middleRun, pairs, timesBare } from './rounds.ts';
import type { JobRun, Workspace } from './workspace.ts';

const START_MS = Date.UTC(2026, 1, 1, 6);
const HOUR_MS = 3_600_000;
/** Local day of the first hours. */
const DAY = '2026-02-01';

function parts(run: JobRun): Readonly<Record<string, number>> {
  const steps = Object.fromEntries(run.report.steps.map((step) => [step.name, step.seconds]));
  const models = Object.fromEntries(run.report.models.map((model) => [model.name, model.seconds]));
  const stepped = run.report.steps.reduce((sum, step) => sum + step.seconds, 0);
  return { 'start and end': run.seconds - stepped, ...steps, ...models };
}

function describe(run: JobRun): string {
  const shown = Object.entries(parts(run)).filter(([, value]) => value >= 0.005);
  return `${seconds(run.seconds)}: ${shown.map(([name, value]) => `${name} ${value.toFixed(2)}`).join(', ')}`;
}

function runRow(work: string, runs: readonly JobRun[], limit: number): Omit<Row, 'bare' | 'ratio'> {
  const middle = middleRun(runs, (run) => run.seconds);
  const cpuSeconds = median(runs.map((run) => run.cpuSeconds));
  return {
    work,
    sluice: describe(middle),
    target: `≤ ${limit.toFixed(1)} s on an idle machine`,
    met: middle.seconds <= limit,
    numbers: { ...parts(middle), seconds: middle.seconds, cpuSeconds, peakMb: middle.peakMb },
  };
}

/** To the disk, not just on its way there: what is measured next waits for the disk whenever it makes something durable. */
function copy(from: string, to: string): void {
  cpSync(from, to);
  execFileSync('sync');
}

class Hours {
  readonly #workspace: Workspace;
  readonly #log: ReturnType<typeof topicLog>;
  readonly #size: number;
  readonly #customers: number;
  #hour = 0;
  /** The database before the last run, and the objects that this run landed: what the bare process starts from. */
  readonly #before: string;
  #files: readonly string[] = [];

  constructor(
    workspace: Workspace,
    log: ReturnType<typeof topicLog>,
    sizes: { readonly size: number; readonly customers: number },
  ) {
    this.#workspace = workspace;
    this.#log = log;
    this.#size = sizes.size;
    this.#customers = sizes.customers;
    this.#before = workspace.path('before.duckdb');
  }

  get now(): string {
    return new Date(START_MS + this.#hour * HOUR_MS).toISOString();
  }

  async run(): Promise<JobRun> {
    const fromMs = START_MS + this.#hour * HOUR_MS;
    const plan = {
      seed: 100 + this.#hour,
      count: this.#size,
      customers: this.#customers,
      fromMs,
      toMs: fromMs + HOUR_MS,
    };
    await appendEvents(this.#log, customerEvents({ ...plan, size: 'whole' }));
    this.#hour++;
    const known = new Set(this.#objects());
    copy(join(this.#workspace.home, 'warehouse.duckdb'), this.#before);
    const run = await this.#workspace.job(['--logical-time', this.now]);
    this.#files = this.#objects().filter((file) => !known.has(file));
    const landed = run.report.batches.reduce((sum, batch) => sum + batch.landed, 0);
    if (landed !== this.#size) throw new Error(`landed ${landed} of ${this.#size} events`);
    return run;
  }

  /** The last hour again, by hand, in a process of its own. */
  async bare(): Promise<ChildResult> {
    const path = this.#workspace.path('bare.duckdb');
    rmSync(path, { force: true });
    copy(this.#before, path);
    return this.#workspace.bare('sql', { path, statements: hourly(streamRows(this.#files), DAY) });
  }

  #objects(): readonly string[] {
    return objectsOf(join(this.#workspace.home, 'landing'), 'stream');
  }
}

export const hourlyRun: Bench = {
  name: 'hourly-run',
  about: 'a whole hourly run, process start included, with 10,000 events and with none',
  run: async (context) => {
    const customers = context.quick ? 5_000 : 200_000;
    const size = context.quick ? 500 : 10_000;
    const workspace = context.workspace('hourly');
    workspace.copyProject();
    const log = topicLog(join(workspace.home, 'topics'));
    await createTopics(log);
    context.say(`listing ${count(customers)} customers`);
    await using listing = await serveListing(listedCustomers(customers, START_MS - HOUR_MS));
    workspace.env['CUSTOMER_API_URL'] = listing.url;
    await workspace.job(['--full-load', '--logical-time', new Date(START_MS).toISOString()]);
    const hours = new Hours(workspace, log, { size, customers });
    // Some hours of the day pass before anything is measured.
    for (let warming = 0; warming < 3; warming++) await hours.run();
    const runs = await pairs(
      Math.min(context.rounds, 9),
      () => hours.run(),
      () => hours.bare(),
    );
    const idle: JobRun[] = [];
    for (let round = 0; round < context.rounds + 1; round++)
      idle.push(await workspace.job(['--logical-time', hours.now]));
    return [
      {
        ...runRow(`whole hourly run, ${count(size)} events over ${count(customers)} customers`, runs.ours, 1),
        bare: `one process, bare SQL: ${seconds(median(runs.bare.map((run) => run.seconds)))}`,
        ratio: timesBare<ChildResult>(runs, (run) => run.seconds),
      },
      { ...runRow('the same with nothing new', idle, 0.5), bare: '', ratio: null },
    ];
  },
};
