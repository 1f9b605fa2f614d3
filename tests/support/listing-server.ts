/** A scripted REST API: serves one prepared listing, its items with their exact texts, by cursor. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PlannedPage } from './history-pages.ts';

export class ListingServer implements AsyncDisposable {
  readonly #server = createServer((request, response) => {
    const cursor = new URL(request.url ?? '/', 'http://listing').searchParams.get('cursor');
    const number = Number(cursor ?? '0');
    const page = this.#pages[number];
    if (page === undefined) {
      response.writeHead(404).end();
      return;
    }
    this.#onPage(page);
    const next = number + 1 < this.#pages.length ? `"${number + 1}"` : 'null';
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(`{"items":[${page.items.join(',')}],"next_cursor":${next},"total":${page.total ?? 'null'}}`);
  });
  #pages: readonly PlannedPage[] = [];
  #onPage: (page: PlannedPage) => void = () => undefined;

  /** CUSTOMER_API_URL. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<ListingServer> {
    const server = new ListingServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  /** What the next download gets; `onPage` is called before a page is answered. */
  script(pages: readonly PlannedPage[], onPage: (page: PlannedPage) => void = () => undefined): void {
    this.#pages = pages;
    this.#onPage = onPage;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
