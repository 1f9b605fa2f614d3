/**
 * A simulated customer service (CUSTOMER.md §1) for the demo and the tests: `GET /customers?limit=500[&cursor=…]` over a directory
 * that may change between two requests. It listens on the loopback interface only, on a free port.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CustomerDirectory } from './customer-directory.ts';

export interface ServiceRequest {
  /** 1 for the first request since the service began. */
  readonly number: number;
  readonly path: string;
  readonly cursor: string | null;
  readonly headers: Readonly<NodeJS.Dict<string | string[]>>;
}

/** What goes wrong with one answer. Several may come together where that makes sense (`delayMs` with anything). */
export interface ServiceFault {
  readonly delayMs?: number;
  /** Answers this status instead of a page. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** reset: the connection breaks; half: it breaks in the middle of the body; truncated: half a body that looks whole. */
  readonly cut?: 'reset' | 'half' | 'truncated' | 'empty';
  readonly html?: true;
  readonly total?: number;
  /** The page starts this many rows later (rows are missed) or, negative, earlier (rows come twice). */
  readonly drift?: number;
  /** Answers the cursor that was asked for: a loop. */
  readonly sameCursor?: true;
}

export interface CustomerServiceOptions {
  readonly directory: CustomerDirectory;
  /** Without one no authorization is asked for. */
  readonly token?: string;
  /** Called before each answer; may change the directory and may wait. */
  readonly onRequest?: (request: ServiceRequest) => ServiceFault | undefined | Promise<ServiceFault | undefined>;
}

export interface CustomerService {
  /** For CUSTOMER_API_URL. */
  readonly url: string;
  readonly requests: readonly ServiceRequest[];
  close(): Promise<void>;
}

export const MAX_LIMIT = 1000;
const DEFAULT_LIMIT = 100;

export async function startCustomerService(options: CustomerServiceOptions): Promise<CustomerService> {
  const requests: ServiceRequest[] = [];
  const server = createServer((request, response) => {
    void answer(request, response, options, requests).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  return { url: `http://127.0.0.1:${String(portOf(server))}`, requests, close: () => closeServer(server) };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { directory, token, onRequest }: CustomerServiceOptions,
  requests: ServiceRequest[],
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://service');
  const cursor = url.searchParams.get('cursor');
  const seen = { number: requests.length + 1, path: request.url ?? '/', cursor, headers: request.headers };
  requests.push(seen);
  const fault = (await onRequest?.(seen)) ?? {};
  if (fault.delayMs !== undefined) await sleep(fault.delayMs);
  if (fault.cut === 'reset') return void response.destroy();
  if (fault.status !== undefined)
    return send(response, fault.status, { error: `status ${String(fault.status)}` }, fault);
  if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
    return send(response, 401, { error: 'unauthorized' }, { headers: { 'www-authenticate': 'Bearer' } });
  }
  if (url.pathname !== '/customers') return send(response, 404, { error: 'not found' });
  if (request.method !== 'GET') return send(response, 405, { error: 'method not allowed' });
  const limit = Number(url.searchParams.get('limit') ?? DEFAULT_LIMIT);
  const after = cursor === null ? null : decodeCursor(cursor);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT || after === undefined) {
    return send(response, 400, { error: `limit must be 1 to ${String(MAX_LIMIT)}, cursor one of this listing` });
  }
  sendPage(response, directory, { after, limit, cursor }, fault);
}

interface PageRequest {
  readonly after: string | null;
  readonly limit: number;
  readonly cursor: string | null;
}

function sendPage(
  response: ServerResponse,
  directory: CustomerDirectory,
  request: PageRequest,
  fault: ServiceFault,
): void {
  const { rows, last } = directory.page(request.after, request.limit, fault.drift);
  const next = fault.sameCursor ? request.cursor : last === null ? null : encodeCursor(last);
  const total = fault.total ?? directory.size;
  const json = `{"items":[${rows.join(',')}],"next_cursor":${JSON.stringify(next)},"total":${String(total)}}`;
  const body = Buffer.from(fault.html ? '<!doctype html><title>Maintenance</title><h1>Back soon</h1>' : json);
  const type = fault.html ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8';
  const half = body.subarray(0, Math.floor(body.length / 2));
  const sent = fault.cut === 'empty' ? Buffer.alloc(0) : fault.cut === undefined ? body : half;
  const announced = fault.cut === 'half' ? body : sent;
  response.writeHead(200, { 'content-type': type, 'content-length': announced.length, ...fault.headers });
  if (fault.cut === 'half') response.write(sent, () => response.destroy());
  else response.end(sent);
}

function send(response: ServerResponse, status: number, body: unknown, fault: ServiceFault = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...fault.headers }).end(JSON.stringify(body));
}

function encodeCursor(id: string): string {
  return Buffer.from(id).toString('base64url');
}

function decodeCursor(cursor: string): string | undefined {
  const id = Buffer.from(cursor, 'base64url').toString();
  return encodeCursor(id) === cursor ? id : undefined;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The customer service has no port.');
  return address.port;
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
