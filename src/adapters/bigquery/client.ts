/**
 * The REST calls that sluice makes to BigQuery, and nothing else: the only file that knows `@google-cloud/bigquery`. The library
 * brings credentials, proxies and connections; its own conveniences are left out on purpose: it retries a job insert by itself and hands
 * the resulting 409 to the caller (FACTS.md §1.3), turns NUMERIC into floating formats and large integers into errors, and replaces the text
 * `{{projectId}}` inside a request's `json`, so that bodies are sent as text here.
 *
 * Retrying is not done here either: `with-retries.ts` does it, by allow-list.
 */
import type { BigQuery, BigQueryOptions } from '@google-cloud/bigquery';
import { authClientOf, type GoogleIdentity } from '../google-auth/identity.ts';
import { ApiFailure, toApiFailure } from './api-failure.ts';
import type {
  DatasetResource,
  IamPolicy,
  JobConfiguration,
  JobReference,
  JobResource,
  QueryRequest,
  QueryResponse,
  RowAccessPolicies,
  TableReference,
  TableResource,
} from './rest-types.ts';

export interface ConnectionOptions {
  readonly project: string;
  /** Location of the datasets and of every job, e.g. `EU`, `europe-west3`. */
  readonly location: string;
  /** Absent: application default credentials as the library finds them. */
  readonly identity?: GoogleIdentity;
  /** Only for emulators and private endpoints: `http://127.0.0.1:9050`. Plain http goes without credentials. */
  readonly apiEndpoint?: string;
  readonly requestTimeoutMs?: number;
}

/** Longest silence of one request: a long poll waits 30 s, an insert of a script with thousands of objects needs a few seconds. */
export const REQUEST_TIMEOUT_MS = 90_000;
/** How long one call of getQueryResults or query waits for the job before it answers "not complete". */
const LONG_POLL_MS = 30_000;
/** Rows asked for at once; BigQuery itself stops a page at 10 MB. */
const PAGE_ROWS = 10_000;

/**
 * Plain http goes to no Google service. `http://host:port` is an emulator, whose SQL needs help (`emulator.ts`); with a path behind the port it
 * is a server that stands for BigQuery itself (a recording proxy, a test's double) and gets what BigQuery would get.
 */
export function isEmulator(apiEndpoint: string | undefined): boolean {
  return apiEndpoint !== undefined && /^http:\/\/[^/]+\/?$/.test(apiEndpoint);
}

export type CallKind =
  | 'job_insert'
  | 'dry_run'
  | 'job_get'
  | 'job_cancel'
  | 'job_delete'
  | 'job_results'
  | 'query'
  | 'table_get'
  | 'table_insert'
  | 'table_patch'
  | 'table_policy_get'
  | 'table_policy_set'
  | 'table_row_policies'
  | 'table_permissions'
  | 'dataset_get'
  | 'dataset_insert';

interface Call {
  readonly kind: CallKind;
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface ResultPage {
  readonly pageToken?: string;
}

export class BigQueryApi {
  readonly project: string;
  readonly location: string;
  readonly #client: BigQuery;
  readonly #timeoutMs: number;
  readonly #forgetsJobs: boolean;
  readonly #calls = new Map<CallKind, number>();
  /** How long BigQuery may keep a request open while a query runs: the answer has to come before the request is given up. */
  readonly longPollMs: number;

  constructor(client: BigQuery, options: ConnectionOptions) {
    this.project = options.project;
    this.location = options.location;
    this.#client = client;
    this.#timeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    this.longPollMs = Math.min(LONG_POLL_MS, Math.round(this.#timeoutMs / 2));
    this.#forgetsJobs = isEmulator(options.apiEndpoint);
  }

  /** Requests sent so far, by kind. */
  get calls(): Readonly<Partial<Record<CallKind, number>>> {
    return Object.fromEntries(this.#calls);
  }

  async insertJob(jobId: string, configuration: JobConfiguration): Promise<JobResource> {
    const jobReference: JobReference = { projectId: this.project, jobId, location: this.location };
    const body = { jobReference, configuration };
    const job = await this.#call<JobResource>({ kind: 'job_insert', method: 'POST', path: '/jobs', body });
    if (configuration.query !== undefined) await this.#forget(jobId);
    return job;
  }

  /** The emulator reads every job that it ever ran before it answers anything, so it is made to forget them. */
  async #forget(jobId: string | undefined): Promise<void> {
    if (!this.#forgetsJobs || jobId === undefined) return;
    await this.#call({ kind: 'job_delete', method: 'DELETE', path: `/jobs/${jobId}/delete` }).catch(() => undefined);
  }

  /** Checks a query and says what it would read and give; runs nothing and costs nothing. */
  dryRun(sql: string, labels: Readonly<Record<string, string>> = {}): Promise<JobResource> {
    const jobReference = { projectId: this.project, location: this.location };
    const configuration: JobConfiguration = { dryRun: true, query: { query: sql, useLegacySql: false }, labels };
    return this.#call({ kind: 'dry_run', method: 'POST', path: '/jobs', body: { jobReference, configuration } });
  }

  getJob(jobId: string): Promise<JobResource> {
    return this.#call({ kind: 'job_get', path: `/jobs/${jobId}`, query: { location: this.location } });
  }

  /** Best effort: answers before the job has ended, and the job may still succeed. */
  async cancelJob(jobId: string): Promise<void> {
    const path = `/jobs/${jobId}/cancel`;
    await this.#call({ kind: 'job_cancel', method: 'POST', path, query: { location: this.location } });
  }

  /** Waits up to `longPollMs` for a query job; fails like the job when the job failed. */
  jobResults(jobId: string, page: ResultPage = {}): Promise<QueryResponse> {
    const query = {
      location: this.location,
      timeoutMs: String(this.longPollMs),
      maxResults: String(PAGE_ROWS),
      'formatOptions.useInt64Timestamp': 'true',
      ...(page.pageToken === undefined ? {} : { pageToken: page.pageToken }),
    };
    return this.#call({ kind: 'job_results', path: `/queries/${jobId}`, query });
  }

  async query(request: QueryRequest): Promise<QueryResponse> {
    const answer = await this.#call<QueryResponse>({ kind: 'query', method: 'POST', path: '/queries', body: request });
    if (answer.pageToken === undefined) await this.#forget(answer.jobReference?.jobId);
    return answer;
  }

  getTable(table: TableReference): Promise<TableResource> {
    const path = `/datasets/${table.datasetId}/tables/${table.tableId}`;
    return this.#call({ kind: 'table_get', path }, table.projectId);
  }

  insertTable(table: TableResource): Promise<TableResource> {
    const path = `/datasets/${table.tableReference.datasetId}/tables`;
    return this.#call({ kind: 'table_insert', method: 'POST', path, body: table }, table.tableReference.projectId);
  }

  patchTable(table: TableReference, change: Partial<TableResource>): Promise<TableResource> {
    const path = `/datasets/${table.datasetId}/tables/${table.tableId}`;
    return this.#call({ kind: 'table_patch', method: 'PATCH', path, body: change }, table.projectId);
  }

  /** Grants on the table itself; those of its dataset do not stand in it. */
  getIamPolicy(table: TableReference): Promise<IamPolicy> {
    const path = `/datasets/${table.datasetId}/tables/${table.tableId}:getIamPolicy`;
    const body = { options: { requestedPolicyVersion: 3 } };
    return this.#call({ kind: 'table_policy_get', method: 'POST', path, body }, table.projectId);
  }

  setIamPolicy(table: TableReference, policy: IamPolicy): Promise<IamPolicy> {
    const path = `/datasets/${table.datasetId}/tables/${table.tableId}:setIamPolicy`;
    return this.#call({ kind: 'table_policy_set', method: 'POST', path, body: { policy } }, table.projectId);
  }

  rowAccessPolicies(table: TableReference): Promise<RowAccessPolicies> {
    const path = `/datasets/${table.datasetId}/tables/${table.tableId}/rowAccessPolicies`;
    return this.#call({ kind: 'table_row_policies', path }, table.projectId);
  }

  /** Which of the permissions the caller has on the table. */
  testTablePermissions(
    table: TableReference,
    permissions: readonly string[],
  ): Promise<{ readonly permissions?: readonly string[] }> {
    const path = `/datasets/${table.datasetId}/tables/${table.tableId}:testIamPermissions`;
    return this.#call({ kind: 'table_permissions', method: 'POST', path, body: { permissions } }, table.projectId);
  }

  getDataset(datasetId: string): Promise<DatasetResource> {
    return this.#call({ kind: 'dataset_get', path: `/datasets/${datasetId}` });
  }

  insertDataset(dataset: DatasetResource): Promise<DatasetResource> {
    return this.#call({ kind: 'dataset_insert', method: 'POST', path: '/datasets', body: dataset });
  }

  /** Rejects with `ApiFailure`. */
  #call<T>(call: Call, project: string = this.project): Promise<T> {
    this.#calls.set(call.kind, (this.#calls.get(call.kind) ?? 0) + 1);
    const request = {
      method: call.method ?? 'GET',
      uri: call.path,
      projectId: project,
      ...(call.query === undefined ? {} : { qs: { ...call.query } }),
      ...(call.body === undefined
        ? {}
        : { body: JSON.stringify(call.body), headers: { 'Content-Type': 'application/json' } }),
    };
    return new Promise<T>((resolve, reject) => {
      // The library's own time-out does not come: it would wait for a connection that has gone silent for ever.
      const silence = setTimeout(() => {
        const seconds = String(this.#timeoutMs / 1000);
        reject(new ApiFailure(null, 'ETIMEDOUT', `BigQuery did not answer within ${seconds} s (${call.kind})`));
      }, this.#timeoutMs);
      this.#client.request(request, (error: unknown, body: unknown) => {
        clearTimeout(silence);
        if (error === null || error === undefined) {
          // The resource's shape is BigQuery's word; every member that is read is optional in rest-types.ts.
          resolve(body as T);
        } else reject(toApiFailure(error));
      });
    });
  }
}

/** Nothing is sent to BigQuery yet: the first call finds out whether credentials and project are right. */
export async function connectBigQuery(options: ConnectionOptions): Promise<BigQueryApi> {
  const { BigQuery: Client } = await import('@google-cloud/bigquery');
  const settings: BigQueryOptions = { projectId: options.project, location: options.location, autoRetry: false };
  if (options.apiEndpoint !== undefined) settings.apiEndpoint = options.apiEndpoint;
  const isPlain = options.apiEndpoint?.startsWith('http://') === true;
  if (options.identity !== undefined && !isPlain) {
    const { identity } = options;
    const authClient = await authClientOf(identity, 'warehouse_auth');
    if (authClient !== undefined) settings.authClient = authClient;
    else if (identity.keyfile !== null) settings.keyFilename = identity.keyfile;
  }
  const client = new Client(settings);
  // An emulator wants no credentials, looking for some takes seconds, and a token must never leave over plain http.
  if (isPlain) client.authClient.authorizeRequest = (request) => Promise.resolve(request ?? {});
  return new BigQueryApi(client, options);
}
