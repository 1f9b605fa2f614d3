/** Who Google sees: the identity behind a key file or the application default credentials, for people and for the commands that grant roles. */
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { AuthClient, GoogleAuth, JWTInput } from 'google-auth-library';
import { isSluiceError, messageOf, SluiceError } from '../../core/errors.ts';
import { checkCredentialFile } from './credential-file.ts';
import type { GoogleIdentity } from './identity.ts';

export interface DescribedIdentity {
  /** `service account etl@p.iam.gserviceaccount.com (key file /etc/key.json)` */
  readonly description: string;
  /** `serviceAccount:…`, `user:…` as gcloud takes it; null when the address is not known. */
  readonly member: string | null;
}

/** One look-up at the metadata server or at Google's token information; both answer at once, or never from outside Google Cloud. */
const TIMEOUT_MS = 10_000;
const SCOPES = ['https://www.googleapis.com/auth/cloud-platform'];

/** Throws `warehouse_auth` when there are no credentials, `config_invalid` for a file that may not be used. */
export async function describeIdentity(identity: GoogleIdentity, timeoutMs = TIMEOUT_MS): Promise<DescribedIdentity> {
  const own = await ownIdentity(identity, timeoutMs);
  const { impersonate } = identity;
  if (impersonate === null) return own;
  return {
    description: `service account ${impersonate}, acted as by ${own.description}`,
    member: `serviceAccount:${impersonate}`,
  };
}

async function ownIdentity(identity: GoogleIdentity, timeoutMs: number): Promise<DescribedIdentity> {
  const library = await import('google-auth-library');
  const within = <T>(work: Promise<T>): Promise<T> => beforeDeadline(timeoutMs, work);
  let auth: GoogleAuth;
  let client: AuthClient;
  try {
    const credentials = await credentialsOf(identity);
    auth = new library.GoogleAuth({ scopes: SCOPES, ...(credentials === null ? {} : { credentials }) });
    client = await within(auth.getClient());
  } catch (error) {
    throw isSluiceError(error) ? error : noCredentials(error);
  }
  const from = sourceOf(identity);
  if (client instanceof library.Impersonated) return account(client.getTargetPrincipal(), `impersonated by ${from}`);
  if (client instanceof library.JWT) return account(client.email ?? null, from);
  if (client instanceof library.Compute) {
    const { client_email: email } = await within(auth.getCredentials()).catch(() => ({ client_email: undefined }));
    return account(email ?? null, from);
  }
  if (client instanceof library.BaseExternalAccountClient) {
    const email = client.getServiceAccountEmail();
    if (email !== null) return account(email, `impersonated by a federated identity, ${from}`);
    return { description: `a federated identity (${from})`, member: null };
  }
  const email = client instanceof library.OAuth2Client ? await within(emailOf(client)).catch(() => null) : null;
  return {
    description: `user ${email ?? 'whose address Google did not tell'} (${from})`,
    member: email === null ? null : `user:${email}`,
  };
}

/** Of the key file; the library itself would take any text for a private key. A file of either kind is checked before the library acts on it. */
async function credentialsOf({ keyfile, defaultFile, allowed, onSecret }: GoogleIdentity): Promise<JWTInput | null> {
  const file = keyfile ?? defaultFile;
  if (file !== null) for (const secret of await checkCredentialFile(file, allowed)) onSecret?.(secret);
  return keyfile === null ? null : (JSON.parse(await readFile(keyfile, 'utf8')) as JWTInput);
}

function account(email: string | null, from: string): DescribedIdentity {
  if (email === null) return { description: `a service account (${from})`, member: null };
  return { description: `service account ${email} (${from})`, member: `serviceAccount:${email}` };
}

async function emailOf(client: {
  getAccessToken(): Promise<{ readonly token?: string | null }>;
  getTokenInfo(token: string): Promise<{ readonly email?: string }>;
}): Promise<string | null> {
  const { token } = await client.getAccessToken();
  if (token === null || token === undefined) return null;
  return (await client.getTokenInfo(token)).email ?? null;
}

function sourceOf({ keyfile, defaultFile }: GoogleIdentity): string {
  if (keyfile !== null) return `key file ${keyfile}`;
  return defaultFile === null
    ? 'of this machine, by the metadata server'
    : `application default credentials, ${defaultFile}`;
}

function noCredentials(cause: unknown): SluiceError {
  return new SluiceError('warehouse_auth', `No Google credentials: ${messageOf(cause).split('\n')[0] ?? ''}`, {
    hint:
      'Run `gcloud auth application-default login`, set GOOGLE_APPLICATION_CREDENTIALS to a key file, name one as `keyfile` of the target, ' +
      'or run where a service account is attached.',
  });
}

async function beforeDeadline<T>(ms: number, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = wait(ms, undefined, { signal: timer.signal }).then((): never => {
    throw new Error(`no answer within ${String(ms / 1000)} s`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
    work.catch(() => undefined);
  }
}
