/** F34, S05, S09: credentials go to one origin, are renewed once, and stand in no message. */
import type { LookupFunction } from 'node:net';
import { describe, expect, it } from 'vitest';
import { guardedLookup, isRefusedAddress } from '../../../src/adapters/rest/addresses.ts';
import { createHttpClient } from '../../../src/adapters/rest/http-client.ts';
import { createRestSnapshotSource } from '../../../src/adapters/rest/snapshot-source.ts';
import type { RestAuth, RestEndpoint } from '../../../src/core/job.ts';
import { json, serve, status, type Handler } from './http-server.ts';
import { endpointOf, failureOf, FakeTime, pagesOf, sourceOf } from './rest-test.ts';

const PAGE = '{"items":[{"id":"K-1"}],"next_cursor":null,"total":1}';

describe('credentials of a REST download', () => {
  const cases: [RestAuth, Record<string, string>][] = [
    [{ type: 'bearer', token: 't0ken' }, { authorization: 'Bearer t0ken' }],
    [
      { type: 'basic', username: 'me', password: 'pä:ss' },
      { authorization: `Basic ${Buffer.from('me:pä:ss').toString('base64')}` },
    ],
    [{ type: 'header', name: 'X-Api-Key', value: 'k3y' }, { 'x-api-key': 'k3y' }],
  ];
  for (const [auth, headers] of cases) {
    it(`are sent as ${auth.type}`, async () => {
      const server = await serve((_, response) => json(response, PAGE));
      await pagesOf(
        sourceOf(endpointOf(server.url, { auth, headers: { 'X-Tenant': 'blue' }, params: { status: 'all' } })),
      );
      expect(server.requests[0]?.headers).toMatchObject({ ...headers, 'x-tenant': 'blue', accept: 'application/json' });
      expect(server.requests[0]?.url.search).toBe('?status=all&limit=500');
    });
  }

  it('are not asked for again after 401 or 403, and the message says what to check', async () => {
    for (const code of [401, 403]) {
      const server = await serve((_, response) => status(response, code, {}, 'who are you?'));
      expect(
        await failureOf(sourceOf(endpointOf(server.url, { auth: { type: 'bearer', token: 't0ken' } }))),
      ).toMatchObject({
        code: 'rest_unauthorized',
        message: expect.stringContaining(`the server answered ${String(code)}: who are you?`),
        hint: expect.stringContaining('credentials'),
      });
      expect(server.requests.length).toBe(1);
    }
  });

  it('are refused with a line break, without showing them', () => {
    const endpoint = endpointOf('http://127.0.0.1:1', { auth: { type: 'bearer', token: 'canary\n' } });
    expect(() => sourceOf(endpoint)).toThrow(/header "authorization" .* line break/);
    expect(() => sourceOf(endpoint)).not.toThrow(/canary/);
    expect(() => sourceOf(endpointOf('http://127.0.0.1:1', { headers: { 'a b': 'x' } }))).toThrow(/header named "a b"/);
  });
});

describe('OAuth client credentials', () => {
  const oauth = (tokenUrl: string): RestAuth => ({
    type: 'oauth2_client_credentials',
    tokenUrl,
    clientId: 'sluice',
    clientSecret: 's3cr&t',
    scope: 'customers.read',
  });

  async function tokenServer(answer?: Handler) {
    return serve(
      answer ??
        ((_, response, number) =>
          json(response, { access_token: `token-${String(number)}`, token_type: 'Bearer', expires_in: 3600 })),
    );
  }

  it('get a token once and send it with every page', async () => {
    const tokens = await tokenServer();
    const server = await serve((_, response, number) =>
      json(response, { items: [number], next_cursor: number < 3 ? `c${String(number)}` : null, total: 3 }),
    );
    await pagesOf(sourceOf(endpointOf(server.url, { auth: oauth(`${tokens.url}/token`) })));
    expect(
      tokens.requests.map(({ method, url, headers, body }) => [method, url.pathname, headers.authorization, body]),
    ).toEqual([
      [
        'POST',
        '/token',
        `Basic ${Buffer.from('sluice:s3cr%26t').toString('base64')}`,
        'grant_type=client_credentials&scope=customers.read',
      ],
    ]);
    expect(server.requests.map((request) => request.headers.authorization)).toEqual(Array(3).fill('Bearer token-1'));
  });

  it('renew a token that is refused midway, and go on with the same page (F34)', async () => {
    const tokens = await tokenServer();
    const server = await serve(({ headers, url }, response) => {
      const page = Number((url.searchParams.get('cursor') ?? 'c1').slice(1));
      // Each token is good for two pages.
      if (headers.authorization !== `Bearer token-${String(Math.ceil(page / 2))}`) return status(response, 401);
      return json(response, { items: [page], next_cursor: page < 6 ? `c${String(page + 1)}` : null, total: 6 });
    });
    const time = new FakeTime();
    const pages = await pagesOf(sourceOf(endpointOf(server.url, { auth: oauth(tokens.url) }), time));
    expect(pages.flatMap((page) => page.items)).toEqual(['1', '2', '3', '4', '5', '6']);
    expect(tokens.requests.length).toBe(3);
    expect(time.sleeps).toEqual([]);
  });

  it('give up when the fresh token is refused as well', async () => {
    const tokens = await tokenServer();
    const server = await serve((_, response) => status(response, 401));
    expect(await failureOf(sourceOf(endpointOf(server.url, { auth: oauth(tokens.url) })))).toMatchObject({
      code: 'rest_unauthorized',
    });
    expect([tokens.requests.length, server.requests.length]).toEqual([2, 2]);
  });

  it('renew a token before it runs out', async () => {
    const time = new FakeTime();
    const tokens = await tokenServer();
    const server = await serve((_, response, number) => {
      time.pass(2_000_000);
      json(response, { items: [number], next_cursor: number < 4 ? `c${String(number)}` : null, total: 4 });
    });
    await pagesOf(sourceOf(endpointOf(server.url, { auth: oauth(tokens.url) }), time));
    expect(server.requests.map((request) => request.headers.authorization)).toEqual(
      [1, 1, 2, 2].map((number) => `Bearer token-${String(number)}`),
    );
  });

  it('send the secret in the form to a server that does not read the header', async () => {
    const tokens = await tokenServer(({ body }, response) =>
      body.includes('client_secret=s3cr%26t')
        ? json(response, { access_token: 'from-form' })
        : status(response, 401, {}, '{"error":"invalid_client"}'),
    );
    const server = await serve((_, response) => json(response, PAGE));
    await pagesOf(sourceOf(endpointOf(server.url, { auth: oauth(tokens.url) })));
    expect(server.requests[0]?.headers.authorization).toBe('Bearer from-form');
  });

  it('say what the token endpoint answered, and try again what passes', async () => {
    const refusing = await tokenServer((_, response) => status(response, 401, {}, '{"error":"invalid_client"}'));
    expect(await failureOf(sourceOf(endpointOf('http://127.0.0.1:1', { auth: oauth(refusing.url) })))).toMatchObject({
      code: 'rest_unauthorized',
      message: expect.stringMatching(/the token endpoint 127\.0\.0\.1:\d+ answered 401: \{"error":"invalid_client"\}$/),
    });
    const tokens = await tokenServer((_, response, number) =>
      number === 1 ? status(response, 503) : json(response, { access_token: 'late' }),
    );
    const server = await serve((_, response) => json(response, PAGE));
    expect((await pagesOf(sourceOf(endpointOf(server.url, { auth: oauth(tokens.url) })))).length).toBe(1);
    const elsewhere = await tokenServer((_, response) => status(response, 302, { location: 'http://127.0.0.1:1/' }));
    expect(await failureOf(sourceOf(endpointOf(server.url, { auth: oauth(elsewhere.url) })))).toMatchObject({
      code: 'rest_failed',
    });
  });
});

describe('the origin of a REST download (F34, S09)', () => {
  const auth: RestAuth = { type: 'bearer', token: 'canary-token' };

  it('follows redirects inside the origin, with the credentials', async () => {
    const server = await serve(({ url }, response) =>
      url.pathname === '/customers'
        ? status(response, 307, { location: `/v2/customers${url.search}` })
        : json(response, PAGE),
    );
    expect((await pagesOf(sourceOf(endpointOf(server.url, { auth })))).length).toBe(1);
    expect(server.requests.map(({ url, headers }) => [url.pathname, headers.authorization])).toEqual([
      ['/customers', 'Bearer canary-token'],
      ['/v2/customers', 'Bearer canary-token'],
    ]);
  });

  it('sends nothing to another origin: neither by redirect nor by link', async () => {
    const other = await serve((_, response) => json(response, PAGE));
    const leads: [Handler, Partial<RestEndpoint>, RegExp][] = [
      [
        (_, response) => status(response, 302, { location: `${other.url}/customers` }),
        {},
        /redirects to another origin/,
      ],
      [
        (_, response) => status(response, 301, { location: other.url.replace('127.0.0.1', 'localhost') }),
        {},
        /another origin/,
      ],
      [
        (_, response) => status(response, 302, { location: 'http://169.254.169.254/latest/meta-data' }),
        {},
        /another origin/,
      ],
      [(_, response) => status(response, 302, { location: 'file:///etc/passwd' }), {}, /another origin/],
      [(_, response) => status(response, 302), {}, /without a readable Location/],
      [
        (_, response) => json(response, PAGE, { link: `<${other.url}/x>; rel=next` }),
        { paginator: { type: 'header_link' } },
        /link .* another origin/,
      ],
      [
        (_, response) => json(response, { items: [], total: 0, next: `//${new URL(other.url).host}/x` }),
        { paginator: { type: 'json_link', nextPath: 'next' } },
        /link .* another origin/,
      ],
      [
        (_, response) => json(response, { items: [], total: 0, next: 'file:///etc/passwd' }),
        { paginator: { type: 'json_link', nextPath: 'next' } },
        /link .* another origin/,
      ],
    ];
    for (const [handler, change, says] of leads) {
      const server = await serve(handler);
      const failure = await failureOf(sourceOf(endpointOf(server.url, { auth, ...change })));
      expect(failure).toMatchObject({ code: 'rest_failed', message: expect.stringMatching(says) });
      expect(server.requests.length).toBe(1);
    }
    expect(other.requests).toEqual([]);
  });

  it('goes on from a stored place only inside the origin', async () => {
    const server = await serve((_, response) => json(response, PAGE));
    const source = sourceOf(endpointOf(server.url, { auth, paginator: { type: 'header_link' } }));
    await pagesOf(source, { resume: '{"type":"header_link","url":"//169.254.169.254/x?y=1"}', resumePage: 1 });
    expect(server.requests.map(({ url }) => [url.host, url.pathname, url.search])).toEqual([
      [new URL(server.url).host, '//169.254.169.254/x', '?y=1'],
    ]);
  });

  it('ends a circle of redirects', async () => {
    const server = await serve((_, response) => status(response, 302, { location: '/customers' }));
    expect(await failureOf(sourceOf(endpointOf(server.url)))).toMatchObject({
      message: expect.stringContaining('more than 5 redirects'),
    });
  });

  it('reads http and https only, and no metadata service', () => {
    const urls = [
      'file:///etc/passwd',
      'ftp://example.com/',
      'http://169.254.169.254/',
      'http://0xA9FEA9FE/',
      'http://2852039166/',
      'http://[::ffff:169.254.169.254]/',
      'http://[fe80::1]/',
      'http://[fd00:ec2::254]/',
      'http://[64:ff9b::a9fe:a9fe]/',
      'http://100.100.100.200/',
      'http://me:secret-canary@example.com/',
      'no url',
    ];
    for (const baseUrl of urls) {
      expect(() => sourceOf(endpointOf(baseUrl))).toThrow(expect.objectContaining({ code: 'config_invalid' }));
      expect(() => sourceOf(endpointOf(baseUrl))).not.toThrow(/canary/);
      const auth: RestAuth = { type: 'oauth2_client_credentials', tokenUrl: baseUrl, clientId: 'a', clientSecret: 'b' };
      expect(() => sourceOf(endpointOf('http://127.0.0.1:1', { auth }))).toThrow(
        expect.objectContaining({ code: 'config_invalid' }),
      );
    }
    for (const address of ['10.0.0.1', '127.0.0.1', '192.168.1.1', '8.8.8.8', '::1', '2001:db8::1', 'example.com']) {
      expect(isRefusedAddress(address)).toBe(false);
    }
  });

  it('refuses a name that resolves to the metadata service, when it connects', async () => {
    const server = await serve((_, response) => json(response, PAGE));
    const resolveTo =
      (address: string): LookupFunction =>
      (_, options, callback) => {
        if (options.all === true) callback(null, [{ address, family: 4 }]);
        else callback(null, address, 4);
      };
    const endpoint = endpointOf(server.url.replace('127.0.0.1', 'metadata.google.internal'));
    const time = new FakeTime();
    const sourceWith = (address: string) =>
      createRestSnapshotSource(endpoint, { clock: time.clock, createHttp: () => createHttpClient(resolveTo(address)) });
    expect(await failureOf(sourceWith('169.254.169.254'))).toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('metadata.google.internal is a link-local or metadata address'),
    });
    expect(server.requests).toEqual([]);
    expect((await pagesOf(sourceWith('127.0.0.1'))).length).toBe(1);
  });

  it('tells a name that does not exist from one that may', async () => {
    const failWith =
      (code: string): LookupFunction =>
      (_, __, callback) =>
        callback(Object.assign(new Error(`getaddrinfo ${code}`), { code }), '', 0);
    for (const [code, attempts] of [
      ['ENOTFOUND', 1],
      ['EAI_AGAIN', 4],
    ] as const) {
      const time = new FakeTime();
      const source = sourceOf(endpointOf('http://api.example.com'), time, {
        createHttp: () => createHttpClient(failWith(code)),
      });
      expect(await failureOf(source)).toMatchObject({ code: 'rest_failed', message: expect.stringContaining(code) });
      expect(time.sleeps.length).toBe(attempts - 1);
    }
    const lookup = guardedLookup((_, __, callback) => callback(null, '10.1.2.3', 4));
    const found = await new Promise((resolve) => lookup('x', {}, (error, address) => resolve([error, address])));
    expect(found).toEqual([null, '10.1.2.3']);
  });
});

describe('messages of a REST download (S05)', () => {
  it('hold no secret, in whatever form the server repeats it', async () => {
    const canary = 'canary+S3cret/9=';
    const forms = [
      canary,
      encodeURIComponent(canary),
      Buffer.from(canary).toString('base64'),
      Buffer.from(canary).toString('base64url'),
    ];
    const echo: Handler = ({ headers, url }, response) =>
      status(
        response,
        400,
        {},
        `${String(headers.authorization)} ${String(headers['x-api-key'])} ${url.search} ${forms.join(' ')}`,
      );
    const server = await serve(echo);
    const auths: (RestAuth | null)[] = [
      { type: 'bearer', token: canary },
      { type: 'basic', username: 'me', password: canary },
      { type: 'header', name: 'X-Api-Key', value: canary },
      null,
    ];
    for (const auth of auths) {
      const params: Record<string, string> = auth === null ? { api_key: canary } : {};
      const failure = await failureOf(
        sourceOf(endpointOf(server.url, { auth, params, headers: { 'x-session': 'second-canary' } })),
      );
      const shown = JSON.stringify([String(failure), failure]);
      for (const form of [...forms, 'second-canary']) expect(shown).not.toContain(form);
      expect(shown).toContain('***');
    }
  });

  it("keep the job's parameters and secret-sounding ones of links out of the stored place and the shown URL", async () => {
    const server = await serve(({ url }, response, number) => {
      url.searchParams.set('page', String(number + 1));
      url.searchParams.set('signature', 'abcdef');
      return number === 3 ? status(response, 400) : json(response, { items: [number], next: url.href, total: 9 });
    });
    const endpoint = endpointOf(server.url, {
      params: { tenant: 'canary-tenant' },
      paginator: { type: 'json_link', nextPath: 'next' },
    });
    const nexts: (string | null)[] = [];
    let failure: unknown;
    try {
      for await (const page of sourceOf(endpoint).pages({})) nexts.push(page.next);
    } catch (error) {
      failure = error;
    }
    expect(nexts).toEqual([
      '{"type":"json_link","url":"/customers?page=2&signature=abcdef"}',
      '{"type":"json_link","url":"/customers?page=3&signature=abcdef"}',
    ]);
    expect(server.requests.map((request) => request.url.searchParams.get('tenant'))).toEqual(
      Array(3).fill('canary-tenant'),
    );
    expect(String(failure)).toContain('/customers?page=3&signature=***&tenant=***');
  });
});
