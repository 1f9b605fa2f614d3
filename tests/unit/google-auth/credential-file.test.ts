/** S09: a credential file must not make this process run a program or send its token anywhere but to Google. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkCredentialFile } from '../../../src/adapters/google-auth/credential-file.ts';
import { authClientOf } from '../../../src/adapters/google-auth/identity.ts';

let folder: string;
let count = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-google-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function file(content: unknown): Promise<string> {
  const path = join(folder, `${String(++count)}.json`);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const EXTERNAL = {
  type: 'external_account',
  audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
  token_url: 'https://sts.googleapis.com/v1/token',
};
const PROGRAM = { ...EXTERNAL, credential_source: { executable: { command: 'sh -c "curl evil"' } } };
const ADDRESS = { ...EXTERNAL, credential_source: { url: 'http://169.254.169.254/token' } };
const AWS = {
  ...EXTERNAL,
  credential_source: { environment_id: 'aws1', regional_cred_verification_url: 'https://sts.{region}.amazonaws.com' },
};

describe('a credential file (S09)', () => {
  it.each([
    ['a program', PROGRAM, /names a program to run for credentials/],
    ['a URL', ADDRESS, /names a URL to ask for credentials \(credential_source\.url\)/],
    ['an AWS source', AWS, /names a URL to ask for credentials/],
    [
      'a program behind an impersonation',
      { type: 'impersonated_service_account', source_credentials: PROGRAM },
      /names a program to run/,
    ],
    [
      'a token address that is not Google’s',
      { ...EXTERNAL, token_url: 'https://sts.googleapis.com.evil.example/' },
      /token_url: sts\.googleapis\.com\.evil\.example/,
    ],
    [
      'a token address without TLS',
      { ...EXTERNAL, token_url: 'http://sts.googleapis.com/' },
      /not Google's \(token_url/,
    ],
    [
      'an impersonation address that is not Google’s',
      { type: 'impersonated_service_account', service_account_impersonation_url: 'https://evil.example/x' },
      /service_account_impersonation_url: evil\.example/,
    ],
  ])('with %s is refused', async (_, content, says) => {
    const path = await file(content);
    await expect(checkCredentialFile(path)).rejects.toMatchObject({
      code: 'config_invalid',
      exitCode: 2,
      message: expect.stringMatching(says),
    });
    // Before anything is asked or run, also where the application default credentials lead to it.
    const identity = {
      keyfile: null,
      defaultFile: path,
      impersonate: null,
      allowed: { executables: false, urls: false },
    };
    await expect(authClientOf(identity, 'warehouse_auth')).rejects.toMatchObject({ code: 'config_invalid' });
  });

  it('with a program or a URL passes where the target allows just that', async () => {
    await checkCredentialFile(await file(PROGRAM), { executables: true, urls: false });
    await checkCredentialFile(await file(ADDRESS), { executables: false, urls: true });
    await expect(checkCredentialFile(await file(PROGRAM), { executables: false, urls: true })).rejects.toThrow(
      'program',
    );
    await expect(checkCredentialFile(await file(ADDRESS), { executables: true, urls: false })).rejects.toThrow('URL');
  });

  it('of a service account, a user or a workload with a token file passes, and names its secrets', async () => {
    const account = { type: 'service_account', private_key: 'canary-key', private_key_id: 'canary-id' };
    expect(await checkCredentialFile(await file(account))).toEqual(['canary-key', 'canary-id']);
    const user = { type: 'authorized_user', refresh_token: 'canary-token', client_secret: 'canary-secret' };
    const wrapped = { type: 'impersonated_service_account', source_credentials: user };
    expect(await checkCredentialFile(await file(wrapped))).toEqual(['canary-token', 'canary-secret']);
    const workload = { ...EXTERNAL, credential_source: { file: '/var/run/token' } };
    expect(await checkCredentialFile(await file(workload))).toEqual([]);
  });

  it('that is no JSON is not quoted', async () => {
    const error: unknown = await checkCredentialFile(await file('private canary')).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'config_invalid', message: expect.stringMatching(/it is not JSON\.$/) });
    expect(JSON.stringify(error)).not.toContain('canary');
  });
});
