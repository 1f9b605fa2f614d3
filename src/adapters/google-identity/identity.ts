/** Who Google sees: the identity behind a key file or the application default credentials, for people and for the commands that grant roles. */
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { AuthClient, GoogleAuth, JWTInput } from 'google-auth-library';
import { messageOf, SluiceError } from '../../core/errors.ts';

export interface IdentitySettings {
  /** A key file of the target; null: application default credentials. */
  readonly keyfile: string | null;
  /** GOOGLE_APPLICATION_CREDENTIALS, null when it is not set. */
  readonly credentialsVariable: string | null;
  readonly timeoutMs?: number;
}

export interface GoogleIdentity {
  /** `service account etl@p.iam.gserviceaccount.com (key file /etc/key.json)` */
  readonly description: string;
  /** `serviceAccount:…`, `user:…` as gcloud takes it; null when the address is not known. */
  readonly member: string | null;
}

/** One look-up at the metadata server or at Google's token information; both answer at once, or never from outside Google Cloud. */
const TIMEOUT_MS = 10_000;
const SCOPES = ['https://www.googleapis.com/auth/cloud-platform'];

/** Throws `warehouse_auth` when there are no credentials, or the file cannot be used. */
export async function googleIdentity(settings: IdentitySettings): Promise<GoogleIdentity> {
  const library = await import('google-auth-library');
  const within = <T>(work: Promise<T>): Promise<T> => beforeDeadline(settings.timeoutMs ?? TIMEOUT_MS, work);
  let auth: GoogleAuth;
  let client: AuthClient;
  try {
    const credentials = settings.keyfile === null ? null : await keyIn(settings.keyfile);
    auth = new library.GoogleAuth({ scopes: SCOPES, ...(credentials === null ? {} : { credentials }) });
    client = await within(auth.getClient());
  } catch (error) {
    throw noCredentials(settings, error);
  }
  const from = sourceOf(settings, client instanceof library.Compute);
  if (client instanceof library.Impersonated) {
    const target = client.getTargetPrincipal();
    return account(target, `impersonated by ${from}`);
  }
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

function account(email: string | null, from: string): GoogleIdentity {
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

function sourceOf({ keyfile, credentialsVariable }: IdentitySettings, fromMachine: boolean): string {
  if (keyfile !== null) return `key file ${keyfile}`;
  if (credentialsVariable !== null) return `GOOGLE_APPLICATION_CREDENTIALS ${credentialsVariable}`;
  return fromMachine ? 'of this machine, by the metadata server' : 'application default credentials of gcloud';
}

function noCredentials({ keyfile, credentialsVariable }: IdentitySettings, cause: unknown): SluiceError {
  const file = keyfile ?? credentialsVariable;
  const named = keyfile === null ? 'GOOGLE_APPLICATION_CREDENTIALS names' : 'The key file is';
  // What the library says about a file may quote it.
  const why = file === null ? messageOf(cause).split('\n')[0] : `${named} ${file}, which cannot be used`;
  return new SluiceError('warehouse_auth', `No Google credentials: ${why}`, {
    hint:
      'Run `gcloud auth application-default login`, set GOOGLE_APPLICATION_CREDENTIALS to a key file, name one as `keyfile` of the target, ' +
      'or run where a service account is attached.',
  });
}

/** The library itself would take any text for a private key. */
async function keyIn(file: string): Promise<JWTInput> {
  return JSON.parse(await readFile(file, 'utf8')) as JWTInput;
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
