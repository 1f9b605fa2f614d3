/**
 * The strict front: an HTTP server with BigQuery's REST API between the client and the emulator. It enforces what BigQuery enforces and the
 * emulator does not, and breaks on demand what can break (`faults.ts`):
 *
 * - an id is one job: a second insert is 409 and runs nothing, also when the first answer was lost;
 * - jobs take time and can be cancelled; a failed one says so when asked; location has to be named;
 * - labels, job ids and column names with BigQuery's rules; no partition decorators; loads per table and day; DML and transactions at once;
 * - scripts are whole transactions and roll back; MERGE with two source rows for one target row fails; DDL in a transaction is refused;
 *   tables that want a partition filter get one; loads are atomic, know REQUIRED and count their rows.
 *
 * `counts` says how many requests of each kind came, `jobs` what they asked for.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BigQueryApi, CallKind } from '../../../src/adapters/bigquery/client.ts';
import type {
  IamPolicy,
  JobConfiguration,
  TableReference,
  TableResource,
} from '../../../src/adapters/bigquery/rest-types.ts';
import { toApiFailure } from '../../../src/adapters/bigquery/api-failure.ts';
import { at } from '../../services/bigquery/rest.ts';
import { Engine } from './engine.ts';
import { Faults, type Fault, type FaultPlan, type FrontCall } from './faults.ts';
import { BIGQUERY_LIMITS, FrontJob, FrontJobs, type Backend, type JobLimits, type JobTimes } from './jobs.ts';
import { errorBody, FrontRefusal, invalid } from './refusal.ts';
import type { TableFacts } from './table-facts.ts';
import { assertFieldNames, assertJobId, assertLabels, assertNoDecorator, checkedStatements } from './rules.ts';

export interface FrontOptions {
  /** Connected to the emulator itself. Without it there are only jobs, done by `backend`. */
  readonly emulator?: BigQueryApi;
  readonly backend?: Backend;
  readonly project?: string;
  readonly times?: Partial<JobTimes>;
  readonly limits?: Partial<JobLimits>;
}

export interface FrontStatement {
  readonly kind: 'job_insert' | 'query' | 'dry_run';
  readonly sql: string;
}

export interface BigQueryFront {
  readonly endpoint: string;
  readonly project: string;
  readonly faults: { add(plan: FaultPlan): void; clear(): void };
  readonly jobs: readonly FrontJob[];
  /** What the emulator does not know of tables; undefined where there is none. */
  readonly tables: TableFacts | undefined;
  /** Every SQL text that came, in order: of jobs, of queries and of dry runs. A text that was sent again stands here again. */
  readonly statements: readonly FrontStatement[];
  /** Looks at load jobs among `job_get`: how many there are depends on how long a load takes. */
  readonly loadPolls: number;
  /** Requests by kind since the start or the last `resetCounts`, which empties `statements` too. */
  counts(): Readonly<Partial<Record<CallKind, number>>>;
  resetCounts(): void;
  /** All tables are lost: the emulator behind was replaced by an empty one. What is known of jobs stays. */
  forgetTables(): void;
  stop(): Promise<void>;
}

export async function startBigQueryFront(options: FrontOptions): Promise<BigQueryFront> {
  const front = new Front(options);
  const server = createServer((request, response) => void front.serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    // With a path, so that the client takes it for BigQuery and not for an emulator.
    endpoint: `http://127.0.0.1:${String(port)}/strict`,
    project: front.project,
    faults: front.faults,
    tables: front.tables,
    get jobs() {
      return front.jobs.all;
    },
    get statements() {
      return front.statements;
    },
    counts: () => Object.fromEntries(front.counts),
    get loadPolls() {
      return front.loadPolls;
    },
    resetCounts: () => {
      front.loadPolls = 0;
      front.counts.clear();
      front.statements.length = 0;
    },
    forgetTables: () => front.forgetTables(),
    stop: () => stop(server, front),
  };
}

async function stop(server: Server, front: Front): Promise<void> {
  await Promise.all(front.jobs.all.map((job) => job.done));
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

interface Route {
  readonly kind: CallKind;
  readonly jobId?: string;
  readonly handle: (faults: readonly Fault[]) => unknown;
}

interface Incoming {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

class Front {
  readonly project: string;
  readonly faults = new Faults();
  readonly counts = new Map<CallKind, number>();
  readonly statements: FrontStatement[] = [];
  loadPolls = 0;
  readonly jobs: FrontJobs;
  readonly #emulator: BigQueryApi | undefined;
  readonly #engine: Engine | undefined;
  get tables(): TableFacts | undefined {
    return this.#engine?.facts;
  }

  readonly #answers = new Map<string, Promise<object>>();

  constructor(options: FrontOptions) {
    this.project = options.project ?? options.emulator?.project ?? 'sluice-test';
    this.#emulator = options.emulator;
    this.#engine = options.emulator === undefined ? undefined : new Engine(options.emulator);
    const backend = options.backend ?? this.#engine;
    if (backend === undefined) throw new Error('the front needs an emulator or a backend');
    this.jobs = new FrontJobs(
      backend,
      { pendingMs: 2, runningMs: 2, ...options.times },
      { ...BIGQUERY_LIMITS, ...options.limits },
    );
  }

  forgetTables(): void {
    this.#engine?.forgetTables();
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let faults: readonly Fault[] = [];
    try {
      const route = this.#route(await incoming(request, this.project));
      this.counts.set(route.call.kind, (this.counts.get(route.call.kind) ?? 0) + 1);
      faults = this.faults.take(route.call);
      if (faults.some((fault) => fault.type === 'disconnect')) return void request.socket.destroy();
      if (faults.some((fault) => fault.type === 'hang')) return;
      for (const fault of faults) if (fault.type === 'hold') await fault.until;
      const refused = faults.find((fault) => fault.type === 'refuse');
      if (refused !== undefined)
        throw new FrontRefusal(refused.status, refused.reason, refused.message ?? refused.reason);
      const body = await route.handle(faults);
      await answer(request, response, faults, 200, body ?? {});
    } catch (error) {
      const refusal = error instanceof FrontRefusal ? error : fromEmulator(error);
      await answer(request, response, faults, refusal.status, errorBody(refusal));
    }
  }

  #route(request: Incoming): { readonly call: FrontCall; readonly handle: Route['handle'] } {
    const { method, path, body } = request;
    const route = this.#jobRoute(request) ?? this.#tableRoute(method, path, body);
    if (route === undefined)
      throw new FrontRefusal(404, 'notFound', `strict front: no such resource: ${method} ${path}`);
    return { call: { kind: route.kind, jobId: route.jobId, body }, handle: route.handle };
  }

  #jobRoute({ method, path, query, body }: Incoming): Route | undefined {
    if (method === 'POST' && path === '/jobs') {
      const jobId = at(body, 'jobReference.jobId');
      const dry = at(body, 'configuration.dryRun') === true;
      const sql = textAt(body, 'configuration.query.query');
      if (sql !== undefined) this.statements.push({ kind: dry ? 'dry_run' : 'job_insert', sql });
      if (dry) return { kind: 'dry_run', handle: () => this.#dryRun(body) };
      const id = typeof jobId === 'string' ? jobId : '';
      return { kind: 'job_insert', jobId: id, handle: (faults) => this.#insertJob(id, body, faults) };
    }
    if (method === 'POST' && path === '/queries') {
      this.statements.push({ kind: 'query', sql: textAt(body, 'query') ?? '' });
      return { kind: 'query', handle: () => this.#query(body) };
    }
    const match = /^\/(jobs|queries)\/([^/]+)(\/cancel)?$/.exec(path);
    if (match === null) return undefined;
    const jobId = match[2] ?? '';
    const job = (): FrontJob => this.#job(jobId, query.get('location'));
    if (match[3] !== undefined) {
      return {
        kind: 'job_cancel',
        jobId,
        handle: () => (this.jobs.cancel(job()), { job: job().resource(this.project) }),
      };
    }
    if (match[1] === 'jobs') {
      if (this.jobs.find(jobId)?.configuration.load !== undefined) this.loadPolls++;
      return { kind: 'job_get', jobId, handle: () => job().resource(this.project) };
    }
    return { kind: 'job_results', jobId, handle: () => this.#results(job(), Number(query.get('timeoutMs') ?? 10_000)) };
  }

  #tableRoute(method: string, path: string, body: unknown): Route | undefined {
    const emulator = this.#emulator;
    const access = this.#accessRoute(path, body);
    if (access !== undefined) return access;
    const match = /^\/datasets(?:\/([^/]+)(?:\/tables(?:\/([^/]+))?)?)?$/.exec(path);
    if (match === null || emulator === undefined) return undefined;
    const [, datasetId, tableId] = match;
    if (datasetId === undefined) return { kind: 'dataset_insert', handle: () => this.#insertDataset(emulator, body) };
    const reference: TableReference = { projectId: this.project, datasetId, tableId: tableId ?? '' };
    if (tableId !== undefined && method === 'GET')
      return { kind: 'table_get', handle: async () => withRows(await this.#getTable(emulator, reference)) };
    if (tableId !== undefined)
      return { kind: 'table_patch', handle: () => this.#patchTable(reference, body as Partial<TableResource>) };
    if (path.endsWith('/tables'))
      return { kind: 'table_insert', handle: () => this.#insertTable(emulator, body as TableResource) };
    return { kind: 'dataset_get', handle: () => emulator.getDataset(datasetId) };
  }

  /** Grants and row access policies of one table. */
  #accessRoute(path: string, body: unknown): Route | undefined {
    const facts = this.#engine?.facts;
    const match = /^\/datasets\/([^/]+)\/tables\/([^/:]+)(:getIamPolicy|:setIamPolicy|\/rowAccessPolicies)$/.exec(path);
    if (match === null || facts === undefined) return undefined;
    const [, datasetId = '', tableId = '', what] = match;
    const reference: TableReference = { projectId: this.project, datasetId, tableId };
    if (what === ':getIamPolicy') return { kind: 'table_policy_get', handle: () => facts.grants(reference) };
    if (what === ':setIamPolicy')
      return { kind: 'table_policy_set', handle: () => facts.grant(reference, at(body, 'policy') as IamPolicy) };
    return {
      kind: 'table_row_policies',
      handle: () => ({
        rowAccessPolicies: facts.rowPolicies(reference).map((policyId) => ({ rowAccessPolicyReference: { policyId } })),
      }),
    };
  }

  async #getTable(emulator: BigQueryApi, reference: TableReference): Promise<TableResource> {
    const table = await emulator.getTable(reference);
    return this.#engine?.facts.overlaid({ ...table, tableReference: reference }) ?? table;
  }

  /** Outside of US and EU a job is found only where it is. */
  #job(jobId: string, location: string | null): FrontJob {
    const job = this.jobs.find(jobId);
    if (job === undefined || location === null || location.toLowerCase() !== job.location.toLowerCase()) {
      throw new FrontRefusal(404, 'notFound', `Not found: Job ${this.project}:${location ?? '(no location)'}.${jobId}`);
    }
    return job;
  }

  #insertJob(jobId: string, body: unknown, faults: readonly Fault[]): object {
    const configuration = at(body, 'configuration') as JobConfiguration;
    assertJobId(jobId);
    assertLabels(configuration.labels);
    if (configuration.load !== undefined) {
      assertNoDecorator(configuration.load.destinationTable.tableId);
      assertFieldNames((configuration.load.schema.fields ?? []).map((field) => field.name));
    }
    const job = new FrontJob(jobId, textAt(body, 'jobReference.location') ?? 'US', configuration);
    this.jobs.insert(this.project, job, faults);
    if (configuration.query !== undefined && this.#engine !== undefined) checkedStatements(configuration.query.query);
    return job.resource(this.project);
  }

  async #dryRun(body: unknown): Promise<object> {
    const sql = String(at(body, 'configuration.query.query'));
    const schema = await this.#engine?.describe(sql);
    return {
      status: { state: 'DONE' },
      statistics: { query: { schema, totalBytesProcessed: '4096', statementType: 'SELECT' } },
    };
  }

  /** The same requestId is the same query. */
  #query(body: unknown): Promise<object> {
    assertLabels(at(body, 'labels'));
    const requestId = textAt(body, 'requestId') ?? '';
    const known = requestId === '' ? undefined : this.#answers.get(requestId);
    if (known !== undefined) return known;
    const answered = this.#runQuery(String(at(body, 'query')), requestId);
    this.#answers.set(requestId, answered);
    return answered;
  }

  async #runQuery(sql: string, requestId: string): Promise<object> {
    if (this.#engine === undefined) throw invalid('strict front: queries need an emulator');
    const { schema, rows } = await this.#engine.script(sql);
    const jobReference = { projectId: this.project, jobId: `query-${requestId}`, location: 'EU' };
    return {
      jobComplete: true,
      jobReference,
      schema,
      rows,
      totalBytesProcessed: '10',
      totalBytesBilled: '10485760',
      totalSlotMs: '1',
    };
  }

  async #results(job: FrontJob, timeoutMs: number): Promise<object> {
    if (job.configuration.load !== undefined) throw invalid('Cannot get query results of a job that is not a query');
    await Promise.race([job.done, sleep(timeoutMs, undefined, { ref: false })]);
    if (job.state !== 'DONE') return { jobComplete: false };
    if (job.failure !== undefined) throw job.failure;
    return { jobComplete: true, schema: job.result?.schema, rows: job.result?.rows };
  }

  async #insertDataset(emulator: BigQueryApi, body: unknown): Promise<object> {
    const datasetId = String(at(body, 'datasetReference.datasetId'));
    const exists = await emulator.getDataset(datasetId).then(
      () => true,
      () => false,
    );
    if (exists) throw new FrontRefusal(409, 'duplicate', `Already Exists: Dataset ${this.project}:${datasetId}`);
    return emulator.insertDataset({ datasetReference: { projectId: this.project, datasetId } });
  }

  async #insertTable(emulator: BigQueryApi, table: TableResource): Promise<object> {
    assertFieldNames((table.schema?.fields ?? []).map((field) => field.name));
    assertNoDecorator(table.tableReference.tableId);
    assertLabels(table.labels);
    this.#engine?.noteTable(table);
    this.#engine?.facts.inserted(table);
    return { numRows: '0', ...(await emulator.insertTable(table)) };
  }

  /** Only what sluice does with it: columns that come behind the ones that are there, descriptions, tags, labels, storage. */
  async #patchTable(reference: TableReference, change: Partial<TableResource>): Promise<object> {
    const emulator = this.#emulator;
    if (emulator === undefined || this.#engine === undefined) throw invalid('strict front: tables need an emulator');
    const table = await emulator.getTable(reference);
    const known = table.schema?.fields ?? [];
    const fields = change.schema?.fields ?? known;
    const kept = known.every((field, index) => fields[index]?.name === field.name);
    if (!kept)
      throw invalid('Provided Schema does not match Table: columns can only be added behind the existing ones');
    assertFieldNames(fields.map((field) => field.name));
    const added = fields.slice(known.length);
    if (added.some((field) => field.mode === 'REQUIRED'))
      throw invalid('Provided Schema does not match Table: cannot add required fields to an existing schema');
    const relation = `\`${reference.projectId}\`.\`${reference.datasetId}\`.\`${reference.tableId}\``;
    for (const field of added)
      await this.#engine.execute(`alter table ${relation} add column \`${field.name}\` ${field.type}`);
    const { description, schema } = change;
    if (description !== undefined || schema !== undefined) {
      await emulator.patchTable(reference, {
        ...(description === undefined ? {} : { description }),
        ...(schema === undefined ? {} : { schema: { fields } }),
      });
    }
    assertLabels(change.labels);
    this.#engine.facts.patched(reference, change);
    return this.#getTable(emulator, reference);
  }
}

/** The emulator leaves the count of an empty table out. */
function withRows(table: TableResource): TableResource {
  return table.type === 'TABLE' ? { numRows: '0', ...table } : table;
}

function textAt(body: unknown, path: string): string | undefined {
  const value = at(body, path);
  return typeof value === 'string' ? value : undefined;
}

async function incoming(request: IncomingMessage, project: string): Promise<Incoming> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString('utf8');
  const prefix = `/strict/bigquery/v2/projects/${project}`;
  if (!url.pathname.startsWith(`${prefix}/`))
    throw new FrontRefusal(404, 'notFound', `Not found: Project ${url.pathname.split('/')[5] ?? ''}`);
  const body: unknown = text === '' ? undefined : JSON.parse(text);
  return { method: request.method ?? 'GET', path: url.pathname.slice(prefix.length), query: url.searchParams, body };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  faults: readonly Fault[],
  status: number,
  body: object,
): Promise<void> {
  for (const fault of faults) {
    if (fault.type === 'lose_response') {
      fault.afterwards?.();
      return void request.socket.destroy();
    }
    if (fault.type === 'delay') await sleep(fault.ms);
  }
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}

/** What the emulator answers to requests that are passed on. */
function fromEmulator(error: unknown): FrontRefusal {
  const failure = toApiFailure(error);
  return new FrontRefusal(failure.status ?? 500, failure.reason ?? 'internalError', failure.message);
}
