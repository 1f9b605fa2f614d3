/** A server that answers for BigQuery and Cloud Storage as far as looking goes: datasets, dry runs, a trivial query, permissions, the bucket. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface GoogleDoubleState {
  /** Location by dataset; what is not in it answers 404. */
  readonly datasets: Readonly<Record<string, string>>;
  /** Permissions that the asker lacks, on whatever. */
  readonly lacks: readonly string[];
  readonly bucketLocation: string;
  /** Tables that are there, as `dataset.table`. */
  readonly tables: readonly string[];
}

export interface GoogleDouble extends AsyncDisposable {
  /** With a path behind the port: it stands for BigQuery itself, not for an emulator. */
  readonly bigquery: string;
  readonly storage: string;
  /** Statements that were to be run, not only planned. */
  readonly ran: readonly string[];
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export async function startGoogleDouble(state: GoogleDoubleState): Promise<GoogleDouble> {
  const ran: string[] = [];
  const server = createServer((request, response) => {
    void textOf(request).then((body) => {
      const { status, body: answer } = answerTo(`${request.method} ${request.url}`, body, { state, ran });
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const storage = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    bigquery: `${storage}/double`,
    storage,
    ran,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

function answerTo(
  line: string,
  body: string,
  { state, ran }: { readonly state: GoogleDoubleState; readonly ran: string[] },
): Answer {
  const table = /datasets\/([^/]+)\/tables\/([^/:?]+):testIamPermissions/.exec(line);
  if (table !== null) {
    if (!state.tables.includes(`${table[1]}.${table[2]}`)) return refusal(404, 'notFound', 'Not found: Table');
    return granted((JSON.parse(body) as { permissions: string[] }).permissions, state);
  }
  const bucketPermissions = /iam\/testPermissions\?(.*)$/.exec(line);
  if (bucketPermissions !== null)
    return granted(new URLSearchParams(bucketPermissions[1]).getAll('permissions'), state);
  if (/^GET \/storage\/v1\/b\/[^/?]+(?:\?|$)/.test(line)) {
    if (state.lacks.includes('storage.buckets.get')) return denial('storage.buckets.get');
    return { status: 200, body: { name: 'landing', location: state.bucketLocation } };
  }
  const dataset = /^GET .*\/datasets\/([^/?]+)/.exec(line)?.[1];
  if (dataset !== undefined) {
    if (state.lacks.includes('bigquery.datasets.get')) return denial('bigquery.datasets.get');
    const location = state.datasets[dataset];
    return location === undefined
      ? refusal(404, 'notFound', 'Not found: Dataset')
      : { status: 200, body: { datasetReference: { datasetId: dataset }, location } };
  }
  if (/^POST .*\/jobs/.test(line) && body.includes('"dryRun":true')) return planned(body, state);
  ran.push(body);
  if (/^POST .*\/queries/.test(line)) {
    if (state.lacks.includes('bigquery.jobs.create')) return denial('bigquery.jobs.create');
    const schema = { fields: [{ name: 'f0_', type: 'INTEGER' }] };
    return { status: 200, body: { jobComplete: true, schema, rows: [{ f: [{ v: '1' }] }], totalRows: '1' } };
  }
  return refusal(400, 'invalid', `the double does not know ${line}`);
}

/** BigQuery refuses a plan for the permission that its statement needs. */
function planned(body: string, { lacks }: GoogleDoubleState): Answer {
  const needs = ['bigquery.jobs.create'];
  if (/create schema/.test(body)) needs.push('bigquery.datasets.create');
  if (/create table/.test(body)) needs.push('bigquery.tables.create');
  const missing = needs.find((permission) => lacks.includes(permission));
  return missing === undefined ? { status: 200, body: { status: { state: 'DONE' } } } : denial(missing);
}

function granted(permissions: readonly string[], { lacks }: GoogleDoubleState): Answer {
  return { status: 200, body: { permissions: permissions.filter((permission) => !lacks.includes(permission)) } };
}

function denial(permission: string): Answer {
  return refusal(403, 'accessDenied', `Access Denied: User does not have ${permission} permission`);
}

function refusal(code: number, reason: string, message: string): Answer {
  return { status: code, body: { error: { code, message, errors: [{ reason, message }] } } };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
  return text;
}
