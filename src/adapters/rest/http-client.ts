/**
 * One HTTP exchange with limits on everything: connecting, silence, the whole time, the size after decompression. By node:http and
 * not by fetch, because fetch can neither bound the connection alone nor check an address between its resolution and its use.
 * Redirects are not followed here: the caller decides where a credential may go.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { isSluiceError, messageOf } from '../../core/errors.ts';
import { guardedLookup } from './addresses.ts';
import { permanent, rejected, RequestFailure } from './failure.ts';

export interface HttpRequest {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpLimits {
  /** Name resolution, TCP and TLS together. */
  readonly connectTimeoutMs: number;
  /** Longest silence: before the answer begins and between two pieces of its body. */
  readonly silenceMs: number;
  /** The whole exchange. */
  readonly totalMs: number;
  /** Of the body after decompression. Answers other than 200 are cut at `ERROR_BODY_BYTES`. */
  readonly maxBodyBytes: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<http.IncomingHttpHeaders>;
  readonly body: Buffer;
}

export interface HttpClient {
  /** Throws `RequestFailure`, or the signal's reason when it was aborted. */
  exchange(request: HttpRequest, limits: HttpLimits): Promise<HttpAnswer>;
  close(): void;
}

/** Enough to see what a server complains about. */
export const ERROR_BODY_BYTES = 16_384;

export function createHttpClient(lookup?: LookupFunction): HttpClient {
  const agentOptions = { keepAlive: true, maxSockets: 4, lookup: guardedLookup(lookup) };
  const agents = { http: new http.Agent(agentOptions), https: new https.Agent(agentOptions) };
  return {
    exchange: (request, limits) => exchange(request, limits, agents),
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
}

async function exchange(request: HttpRequest, limits: HttpLimits, agents: Agents): Promise<HttpAnswer> {
  limits.signal?.throwIfAborted();
  const outgoing = open(request, agents);
  const watch = new Watch(limits, (reason) => outgoing.destroy(reason));
  try {
    const response = await respond(outgoing, request.body, watch);
    const status = response.statusCode ?? 0;
    response.on('data', () => watch.heard());
    const body = await readBody(response, status === 200 ? limits.maxBodyBytes : ERROR_BODY_BYTES, status === 200);
    return { status, headers: response.headers, body };
  } catch (error) {
    throw watch.reason ?? failureOf(error, request.url);
  } finally {
    watch.stop();
    // A body that was not read to its end must not go back to the pool of connections.
    if (!outgoing.closed && !(outgoing.res?.complete ?? false)) outgoing.destroy();
  }
}

/** `res` is Node's, undocumented in its types: the answer once it has begun. */
type Outgoing = http.ClientRequest & { readonly res?: http.IncomingMessage };

function open(request: HttpRequest, agents: Agents): Outgoing {
  const { url, method, headers } = request;
  const outgoing =
    url.protocol === 'https:'
      ? https.request(url, { method, headers, agent: agents.https })
      : http.request(url, { method, headers, agent: agents.http });
  // Errors after the answer has begun surface where the body is read.
  return outgoing.on('error', () => undefined);
}

function respond(outgoing: Outgoing, body: string | undefined, watch: Watch): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('error', reject).once('response', (response) => {
      watch.heard();
      resolve(response);
    });
    outgoing.once('socket', (socket) => watch.connecting(socket, outgoing.protocol === 'https:'));
    outgoing.end(body);
  });
}

/** Destroys the exchange when a limit is passed, and remembers why. */
class Watch {
  readonly #limits: HttpLimits;
  readonly #destroy: (reason: Error) => void;
  readonly #total: NodeJS.Timeout;
  #step: NodeJS.Timeout | undefined;
  #stopped = false;
  reason: Error | undefined;

  constructor(limits: HttpLimits, destroy: (reason: Error) => void) {
    this.#limits = limits;
    this.#destroy = destroy;
    this.#total = setTimeout(() => this.#fail(timeOut(`took longer than ${seconds(limits.totalMs)}`)), limits.totalMs);
    limits.signal?.addEventListener('abort', this.#abort);
  }

  connecting(socket: Socket, secure: boolean): void {
    if (!socket.connecting) {
      this.heard();
      return;
    }
    const ms = this.#limits.connectTimeoutMs;
    this.#restart(ms, `no connection within ${seconds(ms)}`);
    socket.once(secure ? 'secureConnect' : 'connect', () => this.heard());
  }

  heard(): void {
    const ms = this.#limits.silenceMs;
    this.#restart(ms, `silence for ${seconds(ms)}`);
  }

  stop(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#step);
    this.#stopped = true;
    this.#limits.signal?.removeEventListener('abort', this.#abort);
  }

  #restart(ms: number, message: string): void {
    clearTimeout(this.#step);
    if (!this.#stopped && this.reason === undefined) this.#step = setTimeout(() => this.#fail(timeOut(message)), ms);
  }

  readonly #abort = (): void => {
    const reason: unknown = this.#limits.signal?.reason;
    this.#fail(reason instanceof Error ? reason : new Error('aborted'));
  };

  #fail(reason: Error): void {
    this.reason ??= reason;
    this.#destroy(this.reason);
  }
}

function timeOut(message: string): RequestFailure {
  return new RequestFailure(`time-out: ${message}`, { transient: true });
}

function seconds(ms: number): string {
  return `${String(ms / 1000)} s`;
}

async function readBody(response: http.IncomingMessage, maxBytes: number, whole: boolean): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of decoded(response) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes <= maxBytes) continue;
    if (!whole) break;
    throw permanent(
      `the body is larger than ${String(maxBytes)} bytes (after decompression)`,
      "Ask for smaller pages, or raise the job's snapshot.maxPageBytes.",
    );
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
}

function decoded(response: http.IncomingMessage): Readable {
  const encoding = (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const decoder = decoderFor(encoding);
  // The callback keeps an error from being unhandled; reading the decoder throws it.
  return decoder === undefined ? response : pipeline(response, decoder, () => undefined);
}

function decoderFor(encoding: string) {
  switch (encoding) {
    case 'identity':
    case '':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      throw rejected(`the body has the unknown content encoding "${encoding.slice(0, 40)}"`);
  }
}

/** Network errors that pass by themselves: an allow-list. `ENOTFOUND` is a name that does not exist, `EAI_AGAIN` one that may. */
const TRANSIENT_CODES: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** A body or head that broke on the way: zlib's and the HTTP parser's errors. */
const BROKEN_ANSWER = /^(?:Z_|HPE_|ERR__ERROR_FORMAT|ERR_PADDING|ERR_BROTLI)/;

function failureOf(error: unknown, url: URL): Error {
  if (error instanceof RequestFailure || isSluiceError(error)) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (BROKEN_ANSWER.test(code)) return rejected(`the answer is broken (${messageOf(error)})`, error);
  if (TRANSIENT_CODES.has(code)) return new RequestFailure(describe(error, code), { transient: true, cause: error });
  return new RequestFailure(`${describe(error, code)} (host ${url.host})`, {
    transient: false,
    cause: error,
    ...(code === 'ENOTFOUND' ? { hint: "Check the host name in the job's snapshot.baseUrl." } : {}),
  });
}

/** Node groups the errors of several addresses in one without a message. */
function describe(error: unknown, code: string): string {
  const message = messageOf(error);
  return message === '' ? code : message;
}
