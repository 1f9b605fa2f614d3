/**
 * One story of the reference job on the strict front, step by step, and what each step sent to BigQuery and to the bucket: the material of the
 * cost checker, of the golden files and of the counts.
 */
import { startCloud, type Cloud } from './cloud-target.ts';
import type { FrontStatement } from './bigquery-front/front.ts';
import type { ProducedRecord } from './history-build.ts';
import { ListingServer } from './listing-server.ts';
import { TempProject, type JobCall } from './project-run.ts';
import { inProcess } from './run-in-process.ts';

export interface RecordedStep {
  readonly statements: readonly FrontStatement[];
  /** Requests to BigQuery by kind; `load_poll`: looks at load jobs, whose number depends on time, are kept apart from `job_get`. */
  readonly calls: Readonly<Record<string, number>>;
  /** Requests to the bucket by what they do. */
  readonly storage: Readonly<Record<string, number>>;
}

export interface StepRequest {
  readonly logicalTime: string;
  readonly mode?: JobCall['mode'];
  /** Items of the listing, as JSON texts. */
  readonly listing?: readonly string[];
  readonly records?: readonly ProducedRecord[];
  readonly backfill?: { readonly from: string; readonly to: string };
}

export class RecordedStory implements AsyncDisposable {
  readonly cloud: Cloud;
  readonly #project: TempProject;
  readonly #server: ListingServer;

  private constructor(cloud: Cloud, project: TempProject, server: ListingServer) {
    this.cloud = cloud;
    this.#project = project;
    this.#server = server;
  }

  /** `partitions`: of the topic of updates; each that brings a record makes a landing object. */
  static async start(partitions = 1): Promise<RecordedStory> {
    const topics = ['create', 'update', 'delete'].map((name) => ({
      name: `kundenservice-kunde-${name}`,
      partitions: name === 'update' ? partitions : 1,
    }));
    const [cloud, project, server] = await Promise.all([
      startCloud({ strict: true }),
      TempProject.create(topics),
      ListingServer.start(),
    ]);
    return new RecordedStory(cloud, project, server);
  }

  /** Runs the job once and gives what it sent. Throws when the run does not end with 0. */
  async run(request: StepRequest): Promise<RecordedStep> {
    const { cloud } = this;
    const { logicalTime, mode = 'all', listing, records = [], backfill } = request;
    await this.#project.produce(records);
    this.#server.script(listing === undefined ? [] : [{ items: listing, total: listing.length, takesMs: 0 }]);
    cloud.front?.resetCounts();
    const before = cloud.gcs.requests.length;
    const outcome = await inProcess(
      undefined,
      cloud.target,
    )({
      entity: 'customer',
      home: this.#project.home,
      apiUrl: this.#server.url,
      logicalTime,
      mode,
      fullLoad: listing !== undefined,
      maxBatchRows: null,
      acceptDeletes: false,
      apiMs: () => 0,
      ...(backfill === undefined ? {} : { backfill }),
    });
    if (outcome.exitCode !== 0)
      throw new Error(
        outcome.errors
          .map(({ code, message }) => `${code}: ${message.slice(0, 300)} … ${message.slice(-600)}`)
          .join('\n'),
      );
    const storage: Record<string, number> = {};
    for (const { method, path } of cloud.gcs.requests.slice(before)) {
      const kind = storageKind(method, path);
      storage[kind] = (storage[kind] ?? 0) + 1;
    }
    const calls: Record<string, number> = { ...cloud.front?.counts() };
    const polls = cloud.front?.loadPolls ?? 0;
    if (polls > 0) Object.assign(calls, { load_poll: polls, job_get: (calls['job_get'] ?? 0) - polls });
    return { statements: [...(cloud.front?.statements ?? [])], calls, storage };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await this.#project[Symbol.asyncDispose]();
    await this.cloud.stop();
  }
}

function storageKind(method: string, path: string): string {
  const url = new URL(path, 'http://storage');
  if (url.pathname.startsWith('/upload/')) return 'upload';
  if (method === 'DELETE') return 'delete';
  if (url.pathname.endsWith('/o')) return 'list';
  return url.searchParams.get('alt') === 'media' ? 'read' : 'stat';
}

/** An update of customer `key`, with its broker timestamp a second after its own time. */
export function customerEvent(
  key: string,
  at: string,
  fields: Readonly<Record<string, unknown>> = {},
  partition = 0,
): ProducedRecord {
  return {
    topic: 'kundenservice-kunde-update',
    partition,
    timestampMs: Date.parse(at) + 1000,
    key: Buffer.from(key),
    value: Buffer.from(JSON.stringify({ id: key, updated_at: at, ...fields })),
  };
}

export const customerRow = (key: string, fields: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({ id: key, updated_at: '2026-02-20T08:00:00Z', ...fields });
