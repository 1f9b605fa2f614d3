/** Who Google sees: from key files as gcloud and the console write them, and from a metadata server. */
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { describeIdentity } from '../../../src/adapters/google-auth/described-identity.ts';
import type { GoogleIdentity } from '../../../src/adapters/google-auth/identity.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-identity-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

function file(name: string, content: object): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

function identity(given: Partial<GoogleIdentity>): GoogleIdentity {
  const allowed = { executables: false, urls: false };
  return { keyfile: null, defaultFile: null, impersonate: null, allowed, ...given };
}

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const SERVICE_ACCOUNT = {
  type: 'service_account',
  project_id: 'p',
  client_email: 'etl@p.iam.gserviceaccount.com',
  private_key: privateKey,
};
const USER = { type: 'authorized_user', client_id: 'c', client_secret: 's', refresh_token: 'r' };

test('a key file is a service account', async () => {
  const keyfile = file('key.json', SERVICE_ACCOUNT);
  expect(await describeIdentity(identity({ keyfile }))).toEqual({
    description: `service account etl@p.iam.gserviceaccount.com (key file ${keyfile})`,
    member: 'serviceAccount:etl@p.iam.gserviceaccount.com',
  });
});

test('an impersonated service account is named as the one that Google sees', async () => {
  const path = file('impersonated.json', {
    type: 'impersonated_service_account',
    service_account_impersonation_url:
      'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/runner@p.iam.gserviceaccount.com:generateAccessToken',
    source_credentials: USER,
  });
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', path);
  expect(await describeIdentity(identity({ defaultFile: path }))).toEqual({
    description: `service account runner@p.iam.gserviceaccount.com (impersonated by application default credentials, ${path})`,
    member: 'serviceAccount:runner@p.iam.gserviceaccount.com',
  });
});

test('a user whose address Google does not tell is a user all the same', async () => {
  const path = file('user.json', USER);
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', path);
  expect(await describeIdentity(identity({ defaultFile: path }), 3000)).toEqual({
    description: `user whose address Google did not tell (application default credentials, ${path})`,
    member: null,
  });
});

test('a machine on Google Cloud tells its service account by the metadata server', async () => {
  const server = createServer((request, response) => {
    response.setHeader('metadata-flavor', 'Google');
    const isEmail = request.url?.includes('service-accounts/default/email') === true;
    response.end(isEmail ? 'runner@p.iam.gserviceaccount.com' : 'ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    vi.stubEnv('GCE_METADATA_HOST', `127.0.0.1:${(server.address() as AddressInfo).port}`);
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', '');
    vi.stubEnv('HOME', folder);
    expect(await describeIdentity(identity({}))).toEqual({
      description: 'service account runner@p.iam.gserviceaccount.com (of this machine, by the metadata server)',
      member: 'serviceAccount:runner@p.iam.gserviceaccount.com',
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test('the service account that the target acts as is named, and who acts', async () => {
  const keyfile = file('source.json', SERVICE_ACCOUNT);
  expect(await describeIdentity(identity({ keyfile, impersonate: 'runner@p.iam.gserviceaccount.com' }))).toEqual({
    description: `service account runner@p.iam.gserviceaccount.com, acted as by service account etl@p.iam.gserviceaccount.com (key file ${keyfile})`,
    member: 'serviceAccount:runner@p.iam.gserviceaccount.com',
  });
});

test('a file that cannot be used is named, its content is not', async () => {
  const keyfile = join(folder, 'broken.json');
  writeFileSync(keyfile, 'private_key: hunter2');
  const refused = describeIdentity(identity({ keyfile }));
  await expect(refused).rejects.toMatchObject({ code: 'config_invalid', message: expect.stringContaining(keyfile) });
  await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('hunter2') });
});

test('a file that names a program is refused before the program runs', async () => {
  const ran = join(folder, 'ran');
  const path = file('program.json', {
    type: 'external_account',
    audience: '//iam.googleapis.com/x',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: 'https://sts.googleapis.com/v1/token',
    credential_source: { executable: { command: `touch ${ran}` } },
  });
  await expect(describeIdentity(identity({ defaultFile: path }))).rejects.toMatchObject({ code: 'config_invalid' });
  expect(existsSync(ran)).toBe(false);
});
