/** F31: what passes by itself is tried again, inside a budget; everything else stops at once. */
import { describe, expect, it } from 'vitest';
import { backOffMs, retryAfterMs } from '../../../src/adapters/rest/retry.ts';
import { customerServiceForTest, directoryOf } from '../../support/customer-service.ts';
import { json, serve, status } from './http-server.ts';
import { endpointOf, failureOf, FakeTime, pagesOf, sourceOf } from './rest-test.ts';

const PAGE = '{"items":[{"id":"K-1"}],"next_cursor":null,"total":1}';

describe('retries of a REST download', () => {
  for (const code of [408, 429, 500, 502, 503, 504]) {
    it(`tries again after ${String(code)} with growing, jittered delays (F31)`, async () => {
      const server = await serve((_, response, number) =>
        number <= 3 ? status(response, code) : json(response, PAGE),
      );
      const time = new FakeTime();
      expect((await pagesOf(sourceOf(endpointOf(server.url), time))).length).toBe(1);
      expect(time.sleeps).toEqual([375, 750, 1500]);
    });
  }

  for (const code of [400, 404, 405, 410, 422, 501, 304]) {
    it(`does not try again after ${String(code)}`, async () => {
      const server = await serve((_, response) => status(response, code, {}, code === 304 ? '' : 'no such thing'));
      expect(await failureOf(sourceOf(endpointOf(server.url)))).toMatchObject({
        code: 'rest_failed',
        message: expect.stringMatching(
          `^GET ${server.url}/customers\\?limit=500 failed at page 1 \\(1 attempt in .*: the server answered ${String(code)}`,
        ),
        details: { status: code, page: 1 },
      });
      expect(server.requests.length).toBe(1);
    });
  }

  it('tries again when the connection breaks, before, in and after the head', async () => {
    const server = await serve((_, response, number) => {
      if (number === 1) response.destroy();
      else if (number === 2)
        response.writeHead(200, { 'content-length': PAGE.length }).write('{', () => response.destroy());
      else json(response, PAGE);
    });
    const time = new FakeTime();
    expect((await pagesOf(sourceOf(endpointOf(server.url), time))).length).toBe(1);
    expect(time.sleeps.length).toBe(2);
  });

  it('tries again when nobody listens, and says so in the end', async () => {
    const server = await serve(() => undefined);
    const time = new FakeTime();
    const closed = server.url.replace(/\d+$/, '1');
    expect(await failureOf(sourceOf(endpointOf(closed), time))).toMatchObject({
      code: 'rest_failed',
      message: expect.stringContaining('ECONNREFUSED'),
      hint: expect.stringContaining('goes on at page 1'),
    });
    expect(time.sleeps.length).toBe(3);
  });

  it('waits as long as Retry-After says, in seconds and as a date', async () => {
    const date = 'Sun, 01 Mar 2026 10:00:00 GMT';
    const server = await serve((_, response, number) => {
      if (number === 1) status(response, 429, { 'retry-after': '7' });
      else if (number === 2) status(response, 503, { date, 'retry-after': 'Sun, 01 Mar 2026 10:00:11 GMT' });
      else if (number === 3) status(response, 503, { date, 'retry-after': 'Sun, 01 Mar 2026 09:00:00 GMT' });
      else json(response, PAGE);
    });
    const time = new FakeTime();
    await pagesOf(sourceOf(endpointOf(server.url), time));
    expect(time.sleeps.map(Math.floor)).toEqual([7187, 11_250, 250]);
  });

  it('gives up at once when the server asks to wait longer than the budget', async () => {
    const server = await serve((_, response) => status(response, 429, { 'retry-after': '3600' }, 'slow down'));
    const time = new FakeTime();
    expect(await failureOf(sourceOf(endpointOf(server.url), time))).toMatchObject({
      code: 'rest_failed',
      message: expect.stringMatching(
        /the time for one page is 60 s; the server asks to wait 3600 s\): the server answered 429: slow down$/,
      ),
    });
    expect(time.sleeps).toEqual([]);
  });

  it('spends no more than the budget on one page', async () => {
    const server = await serve((_, response) => status(response, 503));
    const time = new FakeTime();
    const endpoint = endpointOf(server.url, { maxRetries: 100, retryBudgetMs: 10_000 });
    expect(await failureOf(sourceOf(endpoint, time))).toMatchObject({
      message: expect.stringContaining('time for one page is 10 s'),
    });
    expect(time.sleeps.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(10_000);
    expect(time.sleeps.length).toBe(4);
  });

  it('counts retries and budget anew for each page', async () => {
    const directory = directoryOf(40);
    const service = await customerServiceForTest({
      directory,
      onRequest: ({ number }) => (number % 3 === 0 ? undefined : { status: 503 }),
    });
    const endpoint = endpointOf(service.url, {
      paginator: { type: 'cursor', parameter: 'cursor', nextPath: 'next_cursor', limitParameter: 'limit', limit: 10 },
    });
    const pages = await pagesOf(sourceOf(endpoint));
    expect(pages.flatMap((page) => page.items)).toEqual(directory.page(null, 40).rows);
    expect(service.requests.length).toBe(12);
  });

  it('goes on at the page that failed, which is asked for by the place that was handed out (F31)', async () => {
    let isDown = false;
    const directory = directoryOf(40);
    const service = await customerServiceForTest({
      directory,
      onRequest: ({ number }) => {
        isDown ||= number === 3;
        return isDown ? { status: 500 } : undefined;
      },
    });
    const endpoint = endpointOf(service.url, {
      paginator: { type: 'cursor', parameter: 'cursor', nextPath: 'next_cursor', limitParameter: 'limit', limit: 10 },
    });
    const first = [];
    let failure: unknown;
    try {
      for await (const page of sourceOf(endpoint).pages({})) first.push(page);
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ code: 'rest_failed', message: expect.stringContaining('failed at page 3') });
    isDown = false;
    const resume = first.at(-1)?.next ?? '';
    const rest = await pagesOf(sourceOf(endpoint), { resume, resumePage: 2 });
    expect(rest.map((page) => page.number)).toEqual([3, 4]);
    expect([...first, ...rest].flatMap((page) => page.items)).toEqual(directory.page(null, 40).rows);
  });

  it('keeps the agreed number of requests a second, retries included', async () => {
    const server = await serve((_, response, number) => {
      if (number === 2) status(response, 503, { 'retry-after': '0' });
      else json(response, `{"items":[{}],"next_cursor":${number < 5 ? `"c${String(number)}"` : 'null'},"total":4}`);
    });
    const time = new FakeTime();
    await pagesOf(sourceOf(endpointOf(server.url, { maxRequestsPerSecond: 2 }), time));
    expect(server.requests.length).toBe(5);
    expect(time.sleeps.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(1900);
    expect(time.sleeps.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(2600);
  });

  it('uses one connection for all pages', async () => {
    const service = await serve((_, response, number) =>
      json(response, `{"items":[{}],"next_cursor":${number < 20 ? `"c${String(number)}"` : 'null'},"total":20}`),
    );
    expect((await pagesOf(sourceOf(endpointOf(service.url)))).length).toBe(20);
    expect(service.connections()).toBe(1);
  });
});

describe('back-off', () => {
  it('doubles up to half a minute and keeps at least half of it', () => {
    expect([0, 1, 2, 5, 6, 50].map((attempt) => backOffMs(attempt, () => 0, undefined))).toEqual([
      250, 500, 1000, 8000, 15_000, 15_000,
    ]);
    expect(backOffMs(50, () => 0.999, undefined)).toBeLessThanOrEqual(30_000);
    expect(backOffMs(0, () => 0, 5000)).toBe(5000);
    expect(backOffMs(0, () => 0.999, 0)).toBeLessThan(500);
  });

  it('reads Retry-After and ignores what is none', () => {
    const now = Date.parse('2026-03-01T10:00:00Z');
    expect(retryAfterMs('120', undefined, now)).toBe(120_000);
    expect(retryAfterMs('Sun, 01 Mar 2026 10:00:30 GMT', undefined, now)).toBe(30_000);
    expect(retryAfterMs('Sunday, 01-Mar-26 10:00:30 GMT', undefined, now)).toBe(30_000);
    for (const text of [undefined, '', '-1', '1.5', 'soon', '0x10', '1e9', 'Sun soon']) {
      expect(retryAfterMs(text, undefined, now)).toBeUndefined();
    }
  });
});
