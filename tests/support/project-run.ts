/**
 * Plays a random history on a project of its own (a temporary SLUICE_HOME): produces the records, serves the pages, runs the job through
 * `run` (in this process or as a command), and holds landing, raw and published tables against the oracle after every whole run.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TopicLog } from '../../src/adapters/topic-log/topic-log.ts';
import { checkProject, embeddedData, type ProjectData } from './check-project.ts';
import type { History, HistoryRun, ProducedRecord } from './history-build.ts';
import type { PlannedPage } from './history-pages.ts';
import { ListingServer } from './listing-server.ts';

export interface JobCall {
  readonly entity: History['entity'];
  /** SLUICE_HOME. */
  readonly home: string;
  readonly apiUrl: string;
  readonly logicalTime: string;
  readonly mode: HistoryRun['mode'];
  readonly fullLoad: boolean;
  readonly maxBatchRows: number | null;
  readonly acceptDeletes: boolean;
  /** Instead of a run: these days once more, by `job backfill`. */
  readonly backfill?: { readonly from: string; readonly to: string };
  /** Logical milliseconds that the API has taken so far in this run; a run in this process lets its clock show them. */
  readonly apiMs: () => number;
}

export interface JobOutcome {
  readonly exitCode: number;
  readonly errors: readonly { readonly code: string; readonly message: string }[];
}

export type RunJob = (call: JobCall) => Promise<JobOutcome>;

/** In memory where the system has such a folder: syncing a file there costs nothing, and nobody cuts the power of these tests. */
const ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** The topics, landing, warehouse and state that a history plays on. */
export interface HistoryProject extends AsyncDisposable {
  /** SLUICE_HOME. */
  readonly home: string;
  readonly data: ProjectData;
  produce(records: readonly ProducedRecord[]): Promise<void>;
  /** Removes the state store or the warehouse, as an accident would. */
  lose(what: 'state' | 'warehouse'): Promise<void>;
}

/** A temporary SLUICE_HOME with topics; removed when disposed. */
export class TempProject implements HistoryProject {
  readonly home: string;
  readonly data: ProjectData;
  readonly topics: TopicLog;

  private constructor(home: string) {
    this.home = home;
    this.data = embeddedData(home);
    // What a power cut would lose is nothing to these tests.
    this.topics = new TopicLog(join(home, 'topics'), { durable: false });
  }

  static async create(topics: History['topics']): Promise<TempProject> {
    const project = new TempProject(await mkdtemp(join(ROOT, 'sluice-history-')));
    for (const { name, partitions } of topics) await project.topics.create(name, partitions);
    return project;
  }

  async produce(records: readonly ProducedRecord[]): Promise<void> {
    for (const [topic, ofTopic] of Map.groupBy(records, (record) => record.topic))
      await this.topics.append(topic, ofTopic);
  }

  /** With their journals. */
  async lose(what: 'state' | 'warehouse'): Promise<void> {
    const names = { state: ['.sqlite', '.sqlite-wal', '.sqlite-shm'], warehouse: ['.duckdb', '.duckdb.wal'] }[what];
    for (const suffix of names) await rm(join(this.home, `${what}${suffix}`), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
  }
}

/** A run either succeeds or refuses snapshots by the guard; gives how many it refused. */
function assertOutcome(outcome: JobOutcome, run: HistoryRun, number: number): number {
  const refused = outcome.errors.filter(({ code }) => code === 'delete_guard').length;
  if (refused === outcome.errors.length && outcome.exitCode === (refused > 0 ? 1 : 0)) return refused;
  const told = outcome.errors.map(({ code, message }) => `${code}: ${message}`).join('\n');
  throw new Error(
    `run ${number} at ${run.logicalTime} (${run.mode}) ended with exit code ${outcome.exitCode}\n${told}`,
  );
}

/** Throws at the first difference. */
export async function playHistory(history: History, run: RunJob): Promise<void> {
  await using project = await TempProject.create(history.topics);
  await playOn(project, history, run);
}

/** As `playHistory`, on topics that are there and empty. */
export async function playOn(project: HistoryProject, history: History, run: RunJob): Promise<void> {
  await using server = await ListingServer.start();
  const downloads: (readonly PlannedPage[])[] = [];
  const keptOut = new Set<string>();
  let refusals = 0;
  for (const [index, planned] of history.runs.entries()) {
    await project.produce(planned.produced);
    if (planned.lost != null) await project.lose(planned.lost);
    let apiMs = 0;
    server.script(planned.fullLoad ?? [], ({ takesMs }) => {
      apiMs += takesMs;
    });
    if (planned.fullLoad !== null) downloads.push(planned.fullLoad);
    const { logicalTime, mode, maxBatchRows, acceptDeletes } = planned;
    const fullLoad = planned.fullLoad !== null;
    const call = { logicalTime, mode, maxBatchRows, acceptDeletes, fullLoad, apiMs: () => apiMs };
    const outcome = await run({ ...call, entity: history.entity, home: project.home, apiUrl: server.url });
    refusals += assertOutcome(outcome, planned, index + 1);
    if (mode !== 'all' && mode !== 'refresh') continue;
    const refused = await checkProject(project.data, { history, lastRun: index, downloads });
    refused.forEach((snapshot) => keptOut.add(snapshot));
    // The guard says it once, with exit code 1; one that --accept-deletes let in at a later step was refused all the same.
    if (refusals < keptOut.size) throw new Error(`${[...keptOut].join(', ')} kept out, but ${refusals} times refused`);
    if (acceptDeletes && refused.size > 0)
      throw new Error(`${[...refused].join(', ')} kept out despite --accept-deletes`);
  }
}
