/** Topics, bucket, warehouse and state database for one history on the services of production (`tests/services/production.ts`). */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGcsObjectStore } from '../../src/adapters/gcs/object-store.ts';
import { KafkaTopics } from '../../src/adapters/kafka/topics.ts';
import { resolveTarget } from '../../src/config/target.ts';
import type { Production, ProductionEnvironment, ProductionWarehouse } from '../services/production.ts';
import { BigQueryTables } from './bigquery-tables.ts';
import type { ProjectData } from './check-project.ts';
import type { History, ProducedRecord } from './history-build.ts';
import type { HistoryProject } from './project-run.ts';
import type { TargetOf } from './run-in-process.ts';

export class ProductionProject implements HistoryProject {
  readonly home: string;
  readonly data: ProjectData;
  readonly env: ProductionEnvironment;
  readonly topics: KafkaTopics;
  /** For `inProcess`. */
  readonly target: TargetOf;
  readonly #production: Production;
  readonly #warehouse: ProductionWarehouse;
  readonly #topicNames: readonly string[];

  private constructor(
    production: Production,
    own: {
      readonly home: string;
      readonly env: ProductionEnvironment;
      readonly warehouse: ProductionWarehouse;
      readonly topics: History['topics'];
    },
  ) {
    const { home, env, warehouse } = own;
    this.#production = production;
    this.#warehouse = warehouse;
    this.#topicNames = own.topics.map(({ name }) => name);
    this.home = home;
    this.env = env;
    this.topics = new KafkaTopics({ brokers: [env.KAFKA_BROKERS] });
    this.target = (config) => resolveTarget(config, 'prod', env);
    const bucket = { bucket: env.GCS_BUCKET, prefix: '', project: null };
    this.data = {
      landing: createGcsObjectStore({ ...bucket, apiEndpoint: env.GCS_API_ENDPOINT }),
      tables: () => Promise.resolve(new BigQueryTables(warehouse.api, env.BIGQUERY_DATASET)),
    };
  }

  /** With a warehouse of its own (behind the strict front, or the bare emulator), and topics that are new: one history at a time. */
  static async create(
    production: Production,
    topics: History['topics'],
    options: { readonly front: boolean },
  ): Promise<ProductionProject> {
    const warehouse = await production.newWarehouse(options.front);
    const [env, home] = await Promise.all([
      production.place({ warehouse }),
      mkdtemp(join(tmpdir(), 'sluice-production-')),
    ]);
    const project = new ProductionProject(production, { home, env, warehouse, topics });
    for (const { name, partitions } of topics) await project.topics.create(name, partitions);
    return project;
  }

  async produce(records: readonly ProducedRecord[]): Promise<void> {
    for (const [topic, ofTopic] of Map.groupBy(records, (record) => record.topic))
      await this.topics.append(topic, ofTopic);
  }

  async lose(what: 'state' | 'warehouse'): Promise<void> {
    if (what === 'warehouse') return this.#warehouse.lose();
    const schema = stateSchema(this.env);
    await this.#production.postgres.admin(`drop schema ${schema} cascade`);
    await this.#production.postgres.admin(`create schema ${schema}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const topic of this.#topicNames) await this.topics.delete(topic);
    await this.topics.close();
    await this.#warehouse.stop();
    await this.#production.postgres.admin(`drop schema ${stateSchema(this.env)} cascade`);
    await rm(this.home, { recursive: true, force: true });
  }
}

function stateSchema({ STATE_DATABASE_URL }: ProductionEnvironment): string {
  const schema = /search_path=(\w+)/.exec(new URL(STATE_DATABASE_URL).searchParams.get('options') ?? '')?.[1];
  if (schema === undefined) throw new Error('the state database is no schema of its own');
  return schema;
}
