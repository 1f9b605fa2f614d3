/**
 * A story told to a job on the services of production, by the command line alone: a copy of the project, topics in Kafka, a scripted API. It
 * remembers what it brought, so that the oracle can say at any moment what the published tables must hold.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGcsObjectStore } from '../../src/adapters/gcs/object-store.ts';
import { KafkaTopics } from '../../src/adapters/kafka/topics.ts';
import type { RunReport } from '../../src/pipeline/request.ts';
import { readSealedBatches } from '../../src/ingest/manifest-store.ts';
import type { GroundTruth, OracleJob, OracleRecord, OracleSnapshot } from '../oracle/ground-truth.ts';
import { expectedTables } from '../oracle/oracle.ts';
import type { Production, ProductionEnvironment } from '../services/production.ts';
import { BigQueryTables } from './bigquery-tables.ts';
import { compareTables, tellDifferences } from './compare-tables.ts';
import { PROFILES } from './history-values.ts';
import { ListingServer } from './listing-server.ts';
import { copyProject } from './project-copy.ts';
import { sluice, type CommandOutcome } from './sluice-command.ts';

export interface ToldRecord {
  readonly key: string;
  /** null: a tombstone. */
  readonly value: Readonly<Record<string, unknown>> | string | null;
  /** Broker timestamp. */
  readonly at: string;
  readonly partition?: number;
}

/** A bigint stands as a number with all its digits. */
function exactJson(value: object): string {
  const marked = JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'bigint' ? `#bigint ${member}` : member,
  );
  return marked.replaceAll(/"#bigint (-?\d+)"/g, '$1');
}

export class ProductionStory implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'sluice-story-'));
  readonly topics: KafkaTopics;
  readonly tables: BigQueryTables;
  readonly #entity: 'customer' | 'order';
  readonly #env: ProductionEnvironment;
  readonly #server: ListingServer;
  /** As the oracle knows it; a test that mends the job's schema mends it here too. */
  job: OracleJob;
  #records: OracleRecord[] = [];
  #listed: readonly string[] = [];
  readonly #listings: (readonly string[])[] = [];
  readonly #epochs = new Map<string, number>();
  readonly #ends = new Map<string, number>();

  private constructor(
    entity: 'customer' | 'order',
    { production, env, server }: { production: Production; env: ProductionEnvironment; server: ListingServer },
  ) {
    this.#entity = entity;
    this.#env = env;
    this.#server = server;
    this.job = PROFILES[entity].job;
    this.topics = new KafkaTopics({ brokers: [env.KAFKA_BROKERS] });
    this.tables = new BigQueryTables(production.warehouse.api, env.BIGQUERY_DATASET);
    copyProject(this.dir);
  }

  /** Its topics are new, with so many partitions each. */
  static async create(production: Production, entity: 'customer' | 'order', partitions = 2): Promise<ProductionStory> {
    const [env, server] = await Promise.all([production.place(), ListingServer.start()]);
    const story = new ProductionStory(entity, { production, env, server });
    for (const { name } of story.job.topics) await story.topics.create(name, partitions);
    return story;
  }

  async produce(topic: string, ...records: readonly ToldRecord[]): Promise<void> {
    const epoch = this.#epochs.get(topic) ?? 0;
    const told = records.map(({ key, value, at, partition = 0 }) => ({
      partition,
      timestampMs: Date.parse(at),
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(typeof value === 'string' ? value : exactJson(value)),
    }));
    await this.topics.append(topic, told);
    for (const { partition, timestampMs, key, value } of told) {
      const place = `${topic}/${epoch}/${partition}`;
      const offset = this.#ends.get(place) ?? 0;
      this.#ends.set(place, offset + 1);
      const bytes = { key: key.toString('base64'), value: value?.toString('base64') ?? null };
      this.#records.push({ topic, epoch, partition, offset, timestampMs, ...bytes });
    }
  }

  /** Kafka's retention deletes records that nobody read: they never happened. */
  async lose(topic: string, partition: number, from: number, before: number): Promise<void> {
    await this.topics.trim(topic, partition, BigInt(before));
    this.#records = this.#records.filter(
      (record) =>
        record.topic !== topic || record.partition !== partition || record.offset < from || record.offset >= before,
    );
  }

  /** The topic's next life. What was read of the former one stays true. */
  async recreate(topic: string, partitions: number): Promise<void> {
    await this.topics.delete(topic);
    await this.topics.create(topic, partitions);
    this.#epochs.set(topic, (this.#epochs.get(topic) ?? 0) + 1);
  }

  /** What the API lists from now on. */
  list(...items: readonly Readonly<Record<string, unknown>>[]): void {
    this.#listed = items.map(exactJson);
    this.#server.script([{ items: this.#listed, total: items.length, takesMs: 0 }]);
  }

  /** `sluice <args>` on `--target prod`. */
  command(...args: readonly string[]): Promise<CommandOutcome> {
    const env = { ...this.#env, SLUICE_TARGET: 'prod', CUSTOMER_API_URL: this.#server.url };
    return sluice(args, { cwd: this.dir, env });
  }

  /** `sluice <args> --json`: what stands on stdout, which has to be one object that names the exit code. */
  async json<T = Readonly<Record<string, unknown>>>(...args: readonly string[]): Promise<T> {
    const { exitCode, stdout, stderr } = await this.command(...args, '--json');
    const told = stdout === '' ? null : (JSON.parse(stdout) as T & { readonly exitCode?: number });
    if (told === null || (told.exitCode ?? exitCode) !== exitCode)
      throw new Error(`sluice ${args.join(' ')} ended with ${exitCode} and printed "${stdout}":\n${stderr}`);
    return told;
  }

  /** `sluice job run <entity>` at this instant. */
  async run(logicalTime: string, ...flags: readonly string[]): Promise<RunReport> {
    if (flags.includes('--full-load')) this.#listings.push(this.#listed);
    return this.json<RunReport>('job', 'run', this.#entity, '--logical-time', logicalTime, ...flags);
  }

  /** What differs between the published tables and the oracle's after a run at this instant; empty when nothing does. */
  async differences(logicalTime: string): Promise<string> {
    const truth: GroundTruth = {
      job: this.job,
      records: this.#records,
      snapshots: await this.#snapshots(),
      logicalTime,
    };
    const expected = expectedTables(truth);
    const told = [];
    for (const [table, rows, daily] of [
      [`current_${this.#entity}`, expected.current, false],
      [`history_${this.#entity}`, expected.history, true],
    ] as const) {
      const actual = await this.tables.published(table, this.job, daily);
      told.push(tellDifferences(table, compareTables(rows, actual), truth));
    }
    return told.join('');
  }

  /** Every download, with the times that its manifest says. */
  async #snapshots(): Promise<OracleSnapshot[]> {
    const { GCS_BUCKET: bucket, GCS_API_ENDPOINT: apiEndpoint } = this.#env;
    const landing = createGcsObjectStore({ bucket, prefix: '', project: null, apiEndpoint });
    const sealed = await readSealedBatches(landing, this.#entity);
    const downloads = sealed.flatMap(({ manifest }) => manifest.snapshot ?? []);
    return downloads.map(({ snapshotId: id, startedAt, finishedAt }, index) => {
      const items = this.#listings[index] ?? [];
      return {
        id,
        startedAt,
        finishedAt,
        pages: [{ items, total: items.length }],
        reachedLastPage: true,
        admitted: true,
      };
    });
  }

  /** Replaces text in a project file; throws when it is not there. */
  edit(file: string, from: string, to: string): void {
    const path = join(this.dir, file);
    const before = readFileSync(path, 'utf8');
    if (!before.includes(from)) throw new Error(`${file} has no ${from}`);
    writeFileSync(path, before.replace(from, to));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { name } of this.job.topics) await this.topics.delete(name);
    await this.topics.close();
    await this.#server[Symbol.asyncDispose]();
    await rm(this.dir, { recursive: true, force: true });
  }
}
