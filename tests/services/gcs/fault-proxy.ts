/**
 * Stands between a client and fake-gcs-server, lets requests through, and on demand answers 503, breaks connections, loses replies, waits
 * or changes bytes. It also does what GCS does and the emulator does not: a question for the state of a resumable upload
 * (a PUT whose Content-Range names no bytes) is answered without finishing the upload.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProxiedRequest {
  /** 1 for the first request. */
  readonly number: number;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly contentRange: string | undefined;
  readonly range: string | undefined;
  readonly bytes: number;
}

export type ProxyFault =
  | { readonly type: 'status'; readonly status: number; readonly message?: string }
  /** The connection breaks; the request never arrives. */
  | { readonly type: 'reset' }
  /** The request takes effect; its reply does not come back. `afterwards` hears that it took effect. */
  | { readonly type: 'lose_reply'; readonly afterwards?: () => void }
  /** The reply breaks off after this many bytes of its body. */
  | { readonly type: 'cut_reply'; readonly after: number }
  /** The request is this long on its way. */
  | { readonly type: 'delay'; readonly ms: number }
  /** Nothing is ever answered. */
  | { readonly type: 'hang' }
  /** Only the first bytes of a chunk are taken, and the answer says so. */
  | { readonly type: 'short'; readonly bytes: number }
  /** One byte of the request's body is changed on the way. */
  | { readonly type: 'flip_byte' };

export interface FaultProxy {
  readonly endpoint: string;
  readonly requests: readonly ProxiedRequest[];
  /** Asked before each request. */
  fault: (request: ProxiedRequest) => ProxyFault | undefined;
  stop(): Promise<void>;
}

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const requests: ProxiedRequest[] = [];
  const uploads = new Uploads();
  const server = createServer((request, response) => {
    void forward(request, response).catch(() => response.destroy());
  });

  async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(request);
    const { method = 'GET', url: path = '/', headers } = request;
    let seen: ProxiedRequest = {
      number: requests.length + 1,
      method,
      path,
      contentRange: headers['content-range'],
      range: headers.range,
      bytes: body.length,
    };
    requests.push(seen);
    const fault = proxy.fault(seen);
    if (fault?.type === 'hang') return;
    if (fault?.type === 'delay') await sleep(fault.ms);
    if (fault?.type === 'reset') return void response.destroy();
    if (fault?.type === 'status')
      return sendStatus(response, fault.status, fault.message ?? `status ${String(fault.status)}`);
    if (fault?.type === 'flip_byte') body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1;
    const taken = fault?.type === 'short' ? body.subarray(0, fault.bytes) : body;
    if (taken !== body) seen = { ...seen, contentRange: shortened(seen.contentRange, taken.length) };
    const answer = uploads.state(seen) ?? (await send(request, taken, seen.contentRange));
    uploads.note(seen, answer);
    if (fault?.type === 'lose_reply') {
      fault.afterwards?.();
      return void response.destroy();
    }
    response.writeHead(answer.status, answer.headers);
    if (fault?.type === 'cut_reply') response.write(answer.body.subarray(0, fault.after), () => response.destroy());
    else response.end(answer.body);
  }

  async function send(request: IncomingMessage, body: Buffer, contentRange: string | undefined): Promise<Answer> {
    const headers = new Headers();
    for (const [name, value] of Object.entries(request.headers)) {
      if (typeof value === 'string' && !HOP_HEADERS.has(name)) headers.set(name, value);
    }
    if (contentRange !== undefined) headers.set('content-range', contentRange);
    const hasBody = request.method !== 'GET' && request.method !== 'HEAD' && body.length > 0;
    const answer = await fetch(target + (request.url ?? '/'), {
      method: request.method ?? 'GET',
      headers,
      redirect: 'manual',
      ...(hasBody ? { body: new Uint8Array(body) } : {}),
    });
    const kept = Object.fromEntries([...answer.headers].filter(([name]) => !HOP_HEADERS.has(name)));
    // The address of a resumable upload must lead through the proxy again.
    if (kept['location'] !== undefined) kept['location'] = kept['location'].replace(target, proxy.endpoint);
    const bytes = Buffer.from(await answer.arrayBuffer());
    return { status: answer.status, headers: { ...kept, 'content-length': String(bytes.length) }, body: bytes };
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const proxy: FaultProxy = {
    endpoint: `http://127.0.0.1:${String(typeof address === 'object' ? address?.port : '')}`,
    requests,
    fault: () => undefined,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

const HOP_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'host',
  'expect',
]);

/** What each resumable upload has received, by its id. */
class Uploads {
  readonly #received = new Map<string, { bytes: number; finished: Answer | undefined }>();

  note(request: ProxiedRequest, answer: Answer): void {
    const id = uploadId(request);
    const end = /^bytes \d+-(\d+)\//.exec(request.contentRange ?? '')?.[1];
    if (id === undefined || end === undefined) return;
    const finished = answer.status === 200 ? answer : undefined;
    if (finished !== undefined || answer.status === 308) this.#received.set(id, { bytes: Number(end) + 1, finished });
  }

  /** GCS's answer to the question how far an upload is. */
  state(request: ProxiedRequest): Answer | undefined {
    const id = uploadId(request);
    if (id === undefined || request.contentRange?.startsWith('bytes */') !== true) return undefined;
    const known = this.#received.get(id);
    if (known?.finished !== undefined) return known.finished;
    const range: Record<string, string> = known === undefined ? {} : { range: `bytes=0-${String(known.bytes - 1)}` };
    return { status: 308, headers: { ...range, 'content-length': '0' }, body: Buffer.alloc(0) };
  }
}

function shortened(contentRange: string | undefined, bytes: number): string {
  const start = Number(/^bytes (\d+)-/.exec(contentRange ?? '')?.[1]);
  return `bytes ${start}-${start + bytes - 1}/*`;
}

function uploadId(request: ProxiedRequest): string | undefined {
  return new URL(request.path, 'http://proxy').searchParams.get('upload_id') ?? undefined;
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function sendStatus(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: { code: status, message, errors: [{ message, reason: 'injected' }] } }));
}
