/** A real HTTP server for one test, told request by request what to answer. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';

export interface SeenRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Milliseconds since the server began. */
  readonly atMs: number;
}

export type Handler = (request: SeenRequest, response: ServerResponse, number: number) => void | Promise<void>;

export interface TestServer {
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  /** Connections accepted so far. */
  readonly connections: () => number;
}

export async function serve(handler: Handler): Promise<TestServer> {
  const requests: SeenRequest[] = [];
  let connections = 0;
  const began = performance.now();
  const server = createServer((request, response) => {
    void readAll(request).then(async (body) => {
      const { method = '', headers, url = '/' } = request;
      const seen = { method, url: new URL(origin + url), headers, body, atMs: performance.now() - began };
      requests.push(seen);
      await handler(seen, response, requests.length);
    });
  });
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const origin = `http://127.0.0.1:${String(typeof address === 'object' ? address?.port : '')}`;
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return { url: origin, requests, connections: () => connections };
}

async function readAll(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
  return body;
}

export function json(response: ServerResponse, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

export function status(response: ServerResponse, code: number, headers: Record<string, string> = {}, body = ''): void {
  response.writeHead(code, headers).end(body);
}
