/**
 * A server that takes resumable uploads as Cloud Storage does and throws the bytes away. fake-gcs-server copies what it has of an object with every
 * chunk, so it would measure itself.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface UploadSink {
  readonly endpoint: string;
  /** Bytes of the objects that are complete. */
  readonly stored: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

async function sizeOf(request: IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const chunk of request) bytes += (chunk as Buffer).length;
  return bytes;
}

export async function startUploadSink(): Promise<UploadSink> {
  const open = new Map<string, number>();
  const stored = new Map<string, number>();
  let endpoint = '';
  const server = createServer((request, response) => {
    void (async () => {
      const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
      const name = searchParams.get('name') ?? '';
      const bytes = await sizeOf(request);
      if (request.method === 'POST') {
        open.set(name, 0);
        response.setHeader('location', `${endpoint}/session?name=${encodeURIComponent(name)}`).end();
        return;
      }
      const received = (open.get(name) ?? 0) + bytes;
      open.set(name, received);
      // `bytes 0-8388607/*` goes on; `bytes 0-*/*` and one with a total are the last part.
      if (/\d\/\*$/.test(request.headers['content-range'] ?? '') && bytes > 0) {
        response.writeHead(308, { range: `bytes=0-${received - 1}` }).end();
        return;
      }
      stored.set(name, received);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ name, size: String(received), generation: '1' }));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { endpoint, stored, stop };
}
