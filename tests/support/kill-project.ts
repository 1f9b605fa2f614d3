/**
 * A project of its own and copies of its SLUICE_HOME, in which the real command is killed, paused, or run beside another one. What a reader sees
 * in between must be a complete state, and after one undisturbed run everything must be the oracle's.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TopicLog } from '../../src/adapters/topic-log/topic-log.ts';
import { readSealedBatches } from '../../src/ingest/manifest-store.ts';
import { checkProject, embeddedData } from './check-project.ts';
import type { ProjectData } from './check-project.ts';
import { CUSTOMER } from './entities.ts';
import type { History, ProducedRecord } from './history-build.ts';
import { ListingServer } from './listing-server.ts';
import { copyProject } from './project-copy.ts';
import { REPOSITORY, start } from './sluice-command.ts';
import type { CommandOutcome, RunningCommand } from './sluice-command.ts';

/** In memory where the system has such a folder: what a power cut would lose is not looked at here, a killed process loses nothing. */
const ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const BIN = join(REPOSITORY, 'bin', 'sluice.mjs');

/** Dumps of what readers read. */
export interface Published {
  readonly current: string;
  readonly history: string;
}

/** What a run works on beside its SLUICE_HOME, which holds the topics: nothing on the embedded target, services of production in the cloud. */
export interface Surroundings extends AsyncDisposable {
  /** Edits the copied project.yml. */
  settings(project: string): string;
  /** Makes what belongs to a new home, which is a copy of `from` where that is given. */
  open(home: string, from?: string): Promise<void>;
  environment(home: string): Readonly<Record<string, string>>;
  data(home: string): ProjectData;
  /** What else has to hold when all is done. */
  check(home: string): void;
  discard(home: string): Promise<void>;
}

/** One thread is enough for thirty customers; how long to wait for the file is what some tests are about. */
const EMBEDDED: Surroundings = {
  settings: (project) => {
    const warehouse = 'type: duckdb\n';
    if (!project.includes(warehouse)) throw new Error(`project.yml has no "${warehouse}"`);
    const settings = ['threads: 1', `lock_timeout_seconds: "{{ env_var('LOCK_SECONDS', '30') }}"`];
    const indent = /( *)type: duckdb\n/.exec(project)?.[1] ?? '';
    return project.replace(warehouse, warehouse + settings.map((line) => `${indent}${line}\n`).join(''));
  },
  open: () => Promise.resolve(),
  environment: () => ({}),
  data: embeddedData,
  check: () => undefined,
  discard: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

export class KillProject implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(ROOT, 'sluice-kill-'));
  readonly #surroundings: Surroundings;
  readonly server: ListingServer;

  private constructor(server: ListingServer, surroundings: Surroundings) {
    this.server = server;
    this.#surroundings = surroundings;
    copyProject(this.#folder);
    const settings = join(this.#folder, 'project.yml');
    writeFileSync(settings, surroundings.settings(readFileSync(settings, 'utf8')));
  }

  static async create(surroundings: Surroundings = EMBEDDED): Promise<KillProject> {
    return new KillProject(await ListingServer.start(), surroundings);
  }

  /** A new SLUICE_HOME with topics, or a copy of another one, in which nothing runs. */
  async home(from?: string): Promise<string> {
    const home = await mkdtemp(join(this.#folder, 'home-'));
    if (from !== undefined) await cp(from, home, { recursive: true });
    await this.#surroundings.open(home, from);
    return home;
  }

  async discard(home: string): Promise<void> {
    await this.#surroundings.discard(home);
    await rm(home, { recursive: true, force: true });
  }

  data(home: string): ProjectData {
    return this.#surroundings.data(home);
  }

  /** Throws when something was done that must not be, or twice; `checkAgainst` looks at the tables. */
  check(home: string): void {
    this.#surroundings.check(home);
  }

  /** Starts `sluice <args>`. */
  begin(home: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningCommand {
    const own = { SLUICE_HOME: home, CUSTOMER_API_URL: this.server.url, ...this.#surroundings.environment(home) };
    return start([BIN, ...args], { cwd: this.#folder, env: { ...own, ...env } });
  }

  run(home: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CommandOutcome> {
    return this.begin(home, args, env).outcome;
  }

  /** Runs, and throws unless the exit code is this one. */
  async succeed(home: string, args: readonly string[], exitCode = 0): Promise<CommandOutcome> {
    const outcome = await this.run(home, args);
    if (outcome.exitCode === exitCode) return outcome;
    throw new Error(`sluice ${args.join(' ')} ended with ${outcome.exitCode ?? outcome.signal}:\n${outcome.stderr}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.#surroundings[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

export async function produce(home: string, records: readonly ProducedRecord[]): Promise<void> {
  const topics = new TopicLog(join(home, 'topics'), { durable: false });
  for (const [topic, ofTopic] of Map.groupBy(records, (record) => record.topic)) await topics.append(topic, ofTopic);
}

export async function createTopics(home: string, { topics }: Pick<History, 'topics'>): Promise<void> {
  const log = new TopicLog(join(home, 'topics'), { durable: false });
  for (const { name, partitions } of topics) await log.create(name, partitions);
}

/** What a reader of an embedded warehouse sees. */
export function readPublished(home: string): Promise<Published> {
  return publishedIn(embeddedData(home));
}

/**
 * What a reader of the warehouse sees. `_batch_id` depends on how the stream was cut, and times made from a download's start on when a run was
 * repeated, so those are read to the hour.
 */
export async function publishedIn(data: ProjectData): Promise<Published> {
  await using tables = await data.tables();
  const dump = async (table: string, daily: boolean): Promise<string> => {
    const rows = await tables.published(table, CUSTOMER, daily);
    const lines = rows.map(({ day, row: { _batch_id, _event_at, ...row } }) =>
      JSON.stringify([day, row, _event_at?.slice(0, 13) ?? null]),
    );
    return lines.toSorted().join('\n');
  };
  return { current: await dump('current_customer', false), history: await dump('history_customer', true) };
}

/** As `checkAgainst`, of an embedded home. */
export function checkAgainstOracle(home: string, history: History, lastRun: number): Promise<void> {
  return checkAgainst(embeddedData(home), history, lastRun);
}

/** Landing, raw and published tables against the oracle, after the history's run of this index. */
export async function checkAgainst(data: ProjectData, history: History, lastRun: number): Promise<void> {
  const sealed = await readSealedBatches(data.landing, history.entity);
  const listings = new Map(history.runs.map(({ logicalTime, fullLoad }) => [Date.parse(logicalTime), fullLoad]));
  // A killed full load may be followed by another one, of the same listing.
  const downloads = sealed.flatMap(({ manifest }) =>
    manifest.kind === 'snapshot' && manifest.void !== true
      ? [listings.get(Date.parse(manifest.logicalTime)) ?? []]
      : [],
  );
  await checkProject(data, { history, lastRun, downloads });
}

/** One hash over names and bytes of all files below a folder, temporary ones apart. */
export function hashOf(folder: string): string {
  const hash = createHash('sha256');
  if (!existsSync(folder)) return 'none';
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('/.tmp'))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  return `${files.length} files ${hash.digest('hex')}`;
}
