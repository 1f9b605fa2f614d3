/** F32, F33: what is no page is never taken for one, and a listing that runs in a circle ends. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync, brotliCompressSync, deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createHttpClient } from '../../../src/adapters/rest/http-client.ts';
import type { Paginator } from '../../../src/core/job.ts';
import { customerServiceForTest, directoryOf } from '../../support/customer-service.ts';
import { json, serve, status, type Handler } from './http-server.ts';
import { CURSOR, endpointOf, failureOf, FakeTime, pagesOf, sourceOf } from './rest-test.ts';

const PAGE = '{"items":[{"id":"K-1","name":"Käthe"}],"next_cursor":null,"total":1}';
const TYPE = { 'content-type': 'application/json' };

const bad: Readonly<Record<string, { readonly answer: Handler; readonly says: RegExp }>> = {
  'half a page': {
    answer: (_, response) => json(response, PAGE.slice(0, 30)),
    says: /the body is not JSON \(.*\); it begins: \{"items":\[\{"id":"K-1","name":"/,
  },
  'a body that is cut off': {
    answer: (_, response) =>
      void response.writeHead(200, { ...TYPE, 'content-length': 500 }).write('{"items":[', () => response.destroy()),
    says: /aborted|ECONNRESET/,
  },
  'HTML with 200': {
    answer: (_, response) =>
      void response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>\n<h1>Sign in</h1>'),
    says: /the content type is "text\/html"; application\/json is expected; it begins: <!doctype html> <h1>Sign in<\/h1>$/,
  },
  'HTML that says it is JSON': {
    answer: (_, response) => json(response, '<html>'),
    says: /not JSON .*begins: <html>$/,
  },
  'an empty 200': { answer: (_, response) => json(response, ''), says: /: the body is empty$/ },
  '204': { answer: (_, response) => status(response, 204), says: /the server answered 204$/ },
  'part of the content': { answer: (_, response) => status(response, 206, TYPE, PAGE), says: /answered 206/ },
  'plain text': {
    answer: (_, response) => json(response, PAGE, { 'content-type': 'text/plain' }),
    says: /"text\/plain"/,
  },
  'another character set': {
    answer: (_, response) => json(response, PAGE, { 'content-type': 'application/json; charset="ISO-8859-1"' }),
    says: /"iso-8859-1"; UTF-8 is expected/,
  },
  'bytes that are not UTF-8': {
    answer: (_, response) => void response.writeHead(200, TYPE).end(Buffer.from(PAGE, 'latin1')),
    says: /the body is not valid UTF-8/,
  },
  'items that are an object': {
    answer: (_, response) => json(response, '{"items":{"id":"K-1"},"total":1}'),
    says: /"items" is an object; an array of items is expected/,
  },
  'items that are null': {
    answer: (_, response) => json(response, '{"items":null,"total":1}'),
    says: /"items" is null; an array/,
  },
  'no items': {
    answer: (_, response) => json(response, '{"error":"busy"}'),
    says: /no "items"; .*begins: \{"error":"busy"\}/,
  },
  'a body that is an array': { answer: (_, response) => json(response, '[{"id":"K-1"}]'), says: /no "items"/ },
  'a body that is text': { answer: (_, response) => json(response, '"items"'), says: /no "items"/ },
  'no total': {
    answer: (_, response) => json(response, '{"items":[]}'),
    says: /"total" is missing; a count is expected/,
  },
  'a total that is none': {
    answer: (_, response) => json(response, '{"items":[],"total":-1}'),
    says: /"total" is -1; a count/,
  },
  'a total with decimals': {
    answer: (_, response) => json(response, '{"items":[],"total":1.5}'),
    says: /"total" is 1.5/,
  },
  'a cursor that is an object': {
    answer: (_, response) => json(response, '{"items":[],"next_cursor":{},"total":0}'),
    says: /"next_cursor" is an object; text, a number or null is expected/,
  },
  'broken gzip': {
    answer: (_, response) =>
      void response.writeHead(200, { ...TYPE, 'content-encoding': 'gzip' }).end(gzipSync(PAGE).subarray(0, 40)),
    says: /the answer is broken \(unexpected end of file\)/,
  },
  'gzip that is none': {
    answer: (_, response) => json(response, PAGE, { 'content-encoding': 'gzip' }),
    says: /the answer is broken \(incorrect header check\)/,
  },
  'an unknown encoding': {
    answer: (_, response) => json(response, PAGE, { 'content-encoding': 'compress' }),
    says: /unknown content encoding "compress"/,
  },
  'no HTTP': {
    answer: (_, response) => void response.socket?.end('SSH-2.0-OpenSSH\r\n\r\n'),
    says: /the answer is broken \(Parse Error/,
  },
};

describe('answers that are no page (F32)', () => {
  for (const [what, { answer, says }] of Object.entries(bad)) {
    it(`are rejected, tried again, and in the end named: ${what}`, async () => {
      const once = await serve((request, response, number) =>
        number === 1 ? answer(request, response, 1) : json(response, PAGE),
      );
      expect((await pagesOf(sourceOf(endpointOf(once.url)))).map((page) => page.items)).toEqual([
        ['{"id":"K-1","name":"Käthe"}'],
      ]);
      const always = await serve(answer);
      const failure = await failureOf(sourceOf(endpointOf(always.url)));
      expect(failure).toMatchObject({ code: 'rest_failed', message: expect.stringMatching(says) });
      expect(String(failure)).toContain('(4 attempts in');
      expect(always.requests.length).toBe(4);
    });
  }

  it('ends a download that failed in the middle without handing out the broken page', async () => {
    const service = await customerServiceForTest({
      directory: directoryOf(30),
      onRequest: ({ cursor }) => (cursor === null ? undefined : { cut: 'truncated' }),
    });
    const endpoint = endpointOf(service.url, { paginator: { ...CURSOR, limit: 10 } as Paginator });
    const seen: number[] = [];
    const read = async () => {
      for await (const page of sourceOf(endpoint).pages({})) seen.push(page.number);
    };
    await expect(read()).rejects.toMatchObject({ code: 'rest_failed' });
    expect(seen).toEqual([1]);
  });

  it('reads what is compressed, indented, led by a byte order mark or without a content type', async () => {
    const bodies: [Record<string, string>, string | Buffer][] = [
      [{ ...TYPE, 'content-encoding': 'gzip' }, gzipSync(PAGE)],
      [{ ...TYPE, 'content-encoding': 'br' }, brotliCompressSync(PAGE)],
      [{ ...TYPE, 'content-encoding': 'deflate' }, deflateSync(PAGE)],
      [{ 'content-type': 'application/hal+json;charset=UTF-8' }, `\ufeff ${PAGE}\n`],
      [{}, PAGE],
    ];
    for (const [headers, body] of bodies) {
      const server = await serve((_, response) => void response.writeHead(200, headers).end(body));
      expect((await pagesOf(sourceOf(endpointOf(server.url))))[0]?.items).toEqual(['{"id":"K-1","name":"Käthe"}']);
    }
  });

  it('stops at once at a body that is too large, also one that is small until it is unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(200_000_000, ' '));
    expect(bomb.length).toBeLessThan(400_000);
    const before = process.memoryUsage().rss;
    for (const handler of [
      (_: unknown, response: Parameters<Handler>[1]) =>
        void response.writeHead(200, { ...TYPE, 'content-encoding': 'gzip' }).end(bomb),
      (_: unknown, response: Parameters<Handler>[1]) => json(response, ' '.repeat(1_000_001)),
    ]) {
      const server = await serve(handler);
      expect(await failureOf(sourceOf(endpointOf(server.url)))).toMatchObject({
        code: 'rest_failed',
        message: expect.stringContaining('larger than 1000000 bytes'),
        hint: expect.stringContaining('maxPageBytes'),
      });
      expect(server.requests.length).toBe(1);
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
  });

  it('gives up on silence: no answer, and no more of the body', async () => {
    const open: Handler[] = [() => undefined, (_, response) => void response.writeHead(200, TYPE).write('{"items":[')];
    for (const handler of open) {
      const server = await serve(handler);
      const endpoint = endpointOf(server.url, { bodyTimeoutMs: 60, maxRetries: 1 });
      expect(await failureOf(sourceOf(endpoint))).toMatchObject({
        code: 'rest_failed',
        message: expect.stringContaining('time-out: silence for 0.06 s'),
      });
      expect(server.requests.length).toBe(2);
    }
  });

  it('gives up when no connection comes about', async () => {
    const source = sourceOf(
      endpointOf('http://api.example.com', { connectTimeoutMs: 50, maxRetries: 1 }),
      new FakeTime(),
      {
        createHttp: () => createHttpClient(() => undefined),
      },
    );
    expect(await failureOf(source)).toMatchObject({
      code: 'rest_failed',
      message: expect.stringMatching(/\(2 attempts in .*time-out: no connection within 0.05 s/),
    });
  });

  it('waits for a body that comes slowly but comes, within the time for one page', async () => {
    const drip: Handler = async (_, response) => {
      response.writeHead(200, TYPE);
      for (const character of PAGE) {
        response.write(character);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      response.end();
    };
    const server = await serve(drip);
    expect((await pagesOf(sourceOf(endpointOf(server.url, { bodyTimeoutMs: 800 })))).length).toBe(1);
    const endpoint = endpointOf(server.url, { bodyTimeoutMs: 800, retryBudgetMs: 100 });
    expect(await failureOf(sourceOf(endpoint))).toMatchObject({
      message: expect.stringContaining('time-out: took longer than'),
    });
  });
});

describe('a listing that changes while it is read (F33)', () => {
  it('hands out what came, rows twice or missing, and every total: the verdict is made elsewhere', async () => {
    const directory = directoryOf(30);
    const service = await customerServiceForTest({
      directory,
      onRequest: ({ number }) => {
        if (number === 2) directory.remove('K-000030');
        return number === 2 ? { drift: -1 } : undefined;
      },
    });
    const pages = await pagesOf(
      sourceOf(endpointOf(service.url, { paginator: { ...CURSOR, limit: 10 } as Paginator })),
    );
    expect(pages.map((page) => page.total)).toEqual([30, 29, 29]);
    expect(pages.flatMap((page) => page.items).length).toBe(30);
    expect(pages[1]?.items[0]).toBe(pages[0]?.items[9]);
  });

  it('knows which paginators shift when rows move', () => {
    const paginators: [Paginator, boolean][] = [
      [CURSOR, false],
      [{ type: 'header_link' }, false],
      [{ type: 'json_link', nextPath: 'next' }, false],
      [{ type: 'offset', parameter: 'o', limitParameter: 'l', limit: 5 }, true],
      [{ type: 'page_number', parameter: 'p', first: 1, limit: 5 }, true],
    ];
    for (const [paginator, shifting] of paginators) {
      expect(sourceOf(endpointOf('http://127.0.0.1:1', { paginator })).shifting).toBe(shifting);
    }
  });

  it('ends when a cursor comes again', async () => {
    for (const cursors of [
      ['a', 'a'],
      ['a', 'b', 'c', 'a'],
      ['1', 1],
    ]) {
      const server = await serve((_, response, number) =>
        json(response, { items: [{ id: number }], next_cursor: cursors[number - 1], total: 9 }),
      );
      expect(await failureOf(sourceOf(endpointOf(server.url)))).toMatchObject({
        code: 'rest_failed',
        message: expect.stringContaining('the listing runs in a circle'),
      });
      expect(server.requests.length).toBe(cursors.length);
    }
  });

  it('ends when a server answers every number with the last page', async () => {
    const server = await serve(({ url }, response) =>
      json(response, { items: [{ id: Math.min(3, Number(url.searchParams.get('page'))) }] }),
    );
    const endpoint = endpointOf(server.url, {
      totalPath: null,
      paginator: { type: 'page_number', parameter: 'page', first: 1, limit: 1 },
    });
    expect(await failureOf(sourceOf(endpoint))).toMatchObject({
      message: expect.stringContaining('same as the one before it'),
    });
    expect(server.requests.length).toBe(4);
  });

  it('ends when cursors come for ever without a row', async () => {
    const server = await serve((_, response, number) =>
      json(response, { items: [], next_cursor: `c${String(number)}`, total: 0 }),
    );
    expect(await failureOf(sourceOf(endpointOf(server.url)))).toMatchObject({
      message: expect.stringContaining('1000 pages without an item'),
    });
  });

  it('reads on behind an empty page that names another one', async () => {
    const server = await serve((_, response, number) =>
      json(response, {
        items: number === 2 ? [] : [number],
        next_cursor: number < 3 ? `c${String(number)}` : null,
        total: 2,
      }),
    );
    expect((await pagesOf(sourceOf(endpointOf(server.url)))).map((page) => page.items)).toEqual([['1'], [], ['3']]);
  });

  it('takes a short page of a capped server for no end when positions are counted', async () => {
    const server = await serve(({ url }, response) => {
      const from = Number(url.searchParams.get('offset'));
      json(response, Array.from({ length: 7 }, (_, at) => at).slice(from, from + 2));
    });
    const endpoint = endpointOf(server.url, {
      itemsPath: '',
      totalPath: null,
      paginator: { type: 'offset', parameter: 'offset', limitParameter: 'limit', limit: 500 },
    });
    expect((await pagesOf(sourceOf(endpoint))).flatMap((page) => page.items).length).toBe(7);
    expect(server.requests.map((request) => request.url.searchParams.get('offset'))).toEqual(['0', '2', '4', '6', '7']);
  });

  it('does not take a full first page without any cursor for the whole listing', async () => {
    const server = await serve((_, response) => json(response, { items: [1, 2], nextCursor: 'c1', total: 9 }));
    const endpoint = endpointOf(server.url, { paginator: { ...CURSOR, limit: 2 } as Paginator, maxRetries: 0 });
    expect(await failureOf(sourceOf(endpoint))).toMatchObject({
      message: expect.stringContaining('has no "next_cursor"'),
    });
  });

  it('keeps nothing of the pages that were handed out', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const row = `{"id":"K-1","text":"${'x'.repeat(2000)}"}`;
    const items = Array.from({ length: 400 }, () => row).join(',');
    const server = await serve((_, response, number) =>
      json(
        response,
        `{"items":[${items}],"next_cursor":${number < 60 ? `"c${String(number)}"` : 'null'},"total":24000}`,
      ),
    );
    const used = async (): Promise<number> => {
      // Buffers are let go a little after the collection that found them.
      collect();
      await new Promise(setImmediate);
      collect();
      return process.memoryUsage().heapUsed + process.memoryUsage().external;
    };
    // The least of three neighbours: a page may be on its way while one looks.
    const early: number[] = [];
    const late: number[] = [];
    for await (const page of sourceOf(endpointOf(server.url)).pages({})) {
      if (page.number >= 25 && page.number < 28) early.push(await used());
      if (page.number >= 55 && page.number < 58) late.push(await used());
    }
    // 30 pages are 24 MB.
    expect(late).toHaveLength(3);
    expect(Math.min(...late) - Math.min(...early)).toBeLessThan(8_000_000);
  });
});
