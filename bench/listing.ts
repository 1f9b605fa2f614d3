/** A REST API that lists prepared customers by cursor. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Listing extends AsyncDisposable {
  /** CUSTOMER_API_URL. */
  readonly url: string;
}

export async function serveListing(rows: readonly string[]): Promise<Listing> {
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://listing');
    const from = Number(searchParams.get('cursor') ?? '0');
    const to = from + Number(searchParams.get('limit') ?? '500');
    const next = to < rows.length ? `"${to}"` : 'null';
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(`{"items":[${rows.slice(from, to).join(',')}],"next_cursor":${next},"total":${rows.length}}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
