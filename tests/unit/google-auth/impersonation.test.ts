/** Acting as a service account: what is asked of Google's IAM credentials API, and that the token that it gives is the one that is sent. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OAuth2Client } from 'google-auth-library';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { authClientOf, impersonated } from '../../../src/adapters/google-auth/identity.ts';

const ACCOUNT = 'sluice@project.iam.gserviceaccount.com';

let server: Server;
let endpoint: string;
let refused: boolean;
let seen: { readonly url: string | undefined; readonly authorization: string | undefined; readonly body: unknown }[];

beforeEach(async () => {
  seen = [];
  refused = false;
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString() || 'null');
      seen.push({ url: request.url, authorization: request.headers.authorization, body });
      response.setHeader('Content-Type', 'application/json');
      if (refused) {
        response.statusCode = 403;
        response.end(
          '{"error":{"message":"Permission iam.serviceAccounts.getAccessToken denied","status":"PERMISSION_DENIED"}}',
        );
        return;
      }
      const expireTime = new Date(Date.now() + 3_600_000).toISOString();
      response.end(JSON.stringify({ accessToken: 'token-of-the-account', expireTime }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  endpoint = `http://127.0.0.1:${String(typeof address === 'object' && address !== null ? address.port : 0)}`;
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

function source(): OAuth2Client {
  const client = new OAuth2Client();
  client.setCredentials({ access_token: 'own-token', expiry_date: Date.now() + 3_600_000 });
  return client;
}

describe('a service account that is acted as', () => {
  it('is asked for with our own token, and requests carry the token that it gives', async () => {
    const client = await impersonated(source(), ACCOUNT, endpoint);
    const headers = new Headers(await client.getRequestHeaders());
    expect(headers.get('authorization')).toBe('Bearer token-of-the-account');
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      url: `/v1/projects/-/serviceAccounts/${ACCOUNT}:generateAccessToken`,
      authorization: 'Bearer own-token',
      body: { scope: ['https://www.googleapis.com/auth/cloud-platform'], lifetime: '3600s' },
    });
  });

  it('is not acted as when that is not granted: the request fails before it is sent', async () => {
    refused = true;
    const client = await impersonated(source(), ACCOUNT, endpoint);
    await expect(client.getRequestHeaders()).rejects.toThrow(/iam\.serviceAccounts\.getAccessToken denied/);
  });

  it('starts from the key file of the target, whose secrets are made known first', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-google-'));
    const keyfile = join(folder, 'key.json');
    const key = { type: 'service_account', client_email: 'me@project.iam.gserviceaccount.com', private_key: 'canary' };
    await writeFile(keyfile, JSON.stringify(key));
    const secrets: string[] = [];
    const client = await authClientOf(
      {
        keyfile,
        defaultFile: null,
        impersonate: ACCOUNT,
        allowed: { executables: false, urls: false },
        onSecret: (secret) => secrets.push(secret),
      },
      'warehouse_auth',
    );
    expect(client?.constructor.name).toBe('Impersonated');
    expect(secrets).toEqual(['canary']);
    await rm(folder, { recursive: true });
  });
});
