/**
 * The smallest server that the emulator's gs:// loads can read from: objects in memory, GET alone. For tests of loading that need no
 * bucket behaviour; everything about the object store itself is tested against fake-gcs-server (`tests/services/gcs`).
 */
import { createServer } from 'node:http';

export interface ObjectServer {
  /** What STORAGE_EMULATOR_HOST wants. */
  readonly endpoint: string;
  /** `gs://bucket/name` -> bytes. Change it at will. */
  readonly objects: Map<string, Uint8Array | string>;
  stop(): Promise<void>;
}

export async function startObjectServer(): Promise<ObjectServer> {
  const objects = new Map<string, Uint8Array | string>();
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const match = /^(?:\/download)?\/storage\/v1\/b\/([^/]+)\/o\/(.+)$/.exec(path);
    const name = match === null ? '' : `gs://${match[1] ?? ''}/${decodeURIComponent(match[2] ?? '')}`;
    const bytes = objects.get(name);
    if (bytes === undefined) {
      response.writeHead(404, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ error: { code: 404, message: `No such object: ${name}` } }));
      return;
    }
    response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
    response.end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${String(port)}`,
    objects,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
