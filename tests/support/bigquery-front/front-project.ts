/**
 * The reference project's order job in this process, composed as the command line does it: topics on disk, landing in fake GCS, the warehouse
 * BigQuery behind the strict front, the state in SQLite.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import order from '../../../jobs/order.ts';
import { connectBigQuery } from '../../../src/adapters/bigquery/client.ts';
import { TopicLog } from '../../../src/adapters/topic-log/topic-log.ts';
import { composed } from '../../../src/cli/compose.ts';
import type { CliContext } from '../../../src/cli/context.ts';
import { jobModelRunner } from '../../../src/cli/job/model-runner.ts';
import { jobPorts } from '../../../src/cli/job/ports.ts';
import type { OpenProject } from '../../../src/cli/open-project.ts';
import { Output } from '../../../src/cli/output.ts';
import { loadProject } from '../../../src/config/project.ts';
import { Redactor } from '../../../src/config/secret.ts';
import { resolveTarget, type BigQueryConfig, type TargetConfig } from '../../../src/config/target.ts';
import type { RunReport, RunRequest } from '../../../src/pipeline/request.ts';
import { rollback } from '../../../src/pipeline/rollback.ts';
import { runJob } from '../../../src/pipeline/run-job.ts';
import type { ModelWarehouse } from '../../../src/transform/index.ts';
import { startBigQueryEmulator } from '../../services/bigquery/emulator.ts';
import { startFakeGcs } from '../../services/gcs/server.ts';
import { NO_CREDENTIALS } from '../no-credentials.ts';
import { startBigQueryFront, type BigQueryFront } from './front.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const BUCKET = 'front-project';
export const ORDER_TOPIC = 'shop-order-changes';

export interface FrontRun extends Partial<Omit<RunRequest, 'accept'>> {
  readonly logicalTime: string;
  readonly rollback?: boolean;
  readonly acceptShrink?: boolean;
}

export class FrontProject implements AsyncDisposable {
  readonly front: BigQueryFront;
  /** What runs told, newest last. */
  readonly told: string[] = [];
  readonly #home: string;
  readonly #topics: TopicLog;
  readonly #gcsEndpoint: string;
  readonly #stop: () => Promise<void>;

  private constructor(parts: { front: BigQueryFront; home: string; gcsEndpoint: string; stop: () => Promise<void> }) {
    this.front = parts.front;
    this.#home = parts.home;
    this.#gcsEndpoint = parts.gcsEndpoint;
    this.#stop = parts.stop;
    this.#topics = new TopicLog(join(parts.home, 'topics'), { durable: false });
  }

  static async start(): Promise<FrontProject> {
    const gcs = await startFakeGcs({ buckets: [BUCKET] });
    const emulator = await startBigQueryEmulator({ storageEndpoint: gcs.endpoint });
    const direct = await connectBigQuery({ project: emulator.project, location: 'EU', apiEndpoint: emulator.endpoint });
    const front = await startBigQueryFront({ emulator: direct });
    const home = await mkdtemp(join(tmpdir(), 'sluice-front-'));
    const stop = async (): Promise<void> => {
      await front.stop();
      await emulator.stop();
      await gcs.stop();
      await rm(home, { recursive: true, force: true });
    };
    const project = new FrontProject({ front, home, gcsEndpoint: gcs.endpoint, stop });
    await project.#topics.create(ORDER_TOPIC, 1);
    return project;
  }

  async produce(...events: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
    const records = events.map((event) => ({
      key: Buffer.from(String(event['order_number'])),
      value: Buffer.from(JSON.stringify(event)),
      headers: [],
      timestampMs: Date.parse(String(event['changed_at'])),
    }));
    await this.#topics.append(ORDER_TOPIC, records);
  }

  async run(
    { logicalTime, rollback: isRollback = false, acceptShrink = false, ...request }: FrontRun,
    bigquery: Partial<BigQueryConfig> = {},
  ): Promise<RunReport> {
    const full: RunRequest = {
      fullLoad: false,
      fullRefresh: false,
      only: null,
      dryRun: false,
      parameters: {},
      ...request,
      logicalTime,
      accept: { deletes: false, gap: false, quarantine: false, shrink: acceptShrink },
    };
    return this.#composed(bigquery, logicalTime, async (call) => {
      if (isRollback) return rollback(call.ports, full);
      return runJob(call.ports, await jobModelRunner(call, full), full);
    });
  }

  /** Rows of a query on the warehouse, cells joined by blanks, sorted. */
  async rows(sql: string): Promise<readonly string[]> {
    return this.#composed({}, '2026-03-01T00:00:00Z', async ({ ports }) => {
      const warehouse = await ports.warehouse.open();
      const { rows } = await warehouse.models.query(sql);
      return rows.map((row) => row.join(' ')).sort();
    });
  }

  async warehouse<T>(work: (models: ModelWarehouse) => Promise<T>): Promise<T> {
    return this.#composed({}, '2026-03-01T00:00:00Z', async ({ ports }) => work((await ports.warehouse.open()).models));
  }

  async #composed<T>(
    bigquery: Partial<BigQueryConfig>,
    logicalTime: string,
    work: (call: {
      context: CliContext;
      project: OpenProject;
      ports: Awaited<ReturnType<typeof jobPorts>>;
    }) => Promise<T>,
  ): Promise<T> {
    const config = await loadProject(ROOT);
    const env = { SLUICE_HOME: this.#home };
    const redactor = new Redactor();
    const stream = { write: (text: string): number => this.told.push(text) };
    const context: CliContext = {
      env,
      cwd: ROOT,
      output: new Output({ stdout: stream, stderr: stream, json: false, redactor, env }),
      signal: new AbortController().signal,
      redactor,
      command: 'job run order',
    };
    const target = this.#target(resolveTarget(config, 'dev', env), bigquery);
    const project: OpenProject = { config: { ...config, targetPath: join(this.#home, 'target') }, target };
    return composed(context, project, async (composition) => {
      const found = await jobPorts(order, { context, project, composition });
      const clock = { now: () => Date.parse(logicalTime), monotonic: () => performance.now() };
      const ports = Object.create(found, { clock: { value: clock } }) as typeof found;
      return work({ context, project, ports });
    });
  }

  #target(target: TargetConfig, bigquery: Partial<BigQueryConfig>): TargetConfig {
    return {
      ...target,
      has: (section) => target.has(section),
      landing: () => ({
        ...NO_CREDENTIALS,
        type: 'gcs',
        bucket: BUCKET,
        prefix: '',
        project: null,
        apiEndpoint: this.#gcsEndpoint,
        compression: 'none',
        requestTimeoutMs: null,
      }),
      warehouse: () => ({
        ...NO_CREDENTIALS,
        type: 'bigquery',
        project: this.front.project,
        dataset: 'shop',
        rawSchema: 'shop_raw',
        location: 'EU',
        apiEndpoint: this.front.endpoint,
        maximumBytesBilled: null,
        priority: 'interactive',
        jobTimeoutMs: null,
        requestTimeoutMs: null,
        keepReplacedDays: 7,
        threads: null,
        ...bigquery,
      }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }
}
