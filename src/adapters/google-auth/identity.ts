/** Whom sluice is to Google Cloud: application default credentials, a key file, and on top of either a service account that it acts as. */
import type { AuthClient } from 'google-auth-library';
import { messageOf, SluiceError, type ErrorCode } from '../../core/errors.ts';
import { checkCredentialFile, type AllowedSources } from './credential-file.ts';

export interface GoogleIdentity {
  /** A key file; null: application default credentials. */
  readonly keyfile: string | null;
  /** The file that the application default credentials come from; null: there is none, so that the metadata server or nothing is left. */
  readonly defaultFile: string | null;
  /** E-mail address of the service account to act as; null: as itself. */
  readonly impersonate: string | null;
  readonly allowed: AllowedSources;
  /** Hears the secrets of the file that is used, so that nothing prints them. */
  readonly onSecret?: (secret: string) => void;
}

const SCOPES = ['https://www.googleapis.com/auth/cloud-platform'];
/** Google's longest without a policy of the organization; the client asks again before it ends. */
const TOKEN_LIFETIME_SECONDS = 3600;

/**
 * Checks the file that would be used, and gives the client for impersonation; undefined: the vendor library finds the credentials by itself. Nothing
 * is sent but what finding the source credentials takes. Throws `config_invalid` for a file that may not be used, `failure` for credentials that
 * are not there.
 */
export async function authClientOf(identity: GoogleIdentity, failure: ErrorCode): Promise<AuthClient | undefined> {
  const { keyfile, defaultFile, impersonate, allowed, onSecret } = identity;
  const file = keyfile ?? defaultFile;
  if (file !== null) for (const secret of await checkCredentialFile(file, allowed)) onSecret?.(secret);
  if (impersonate === null) return undefined;
  const { GoogleAuth } = await import('google-auth-library');
  try {
    const source = await new GoogleAuth({
      scopes: SCOPES,
      ...(keyfile === null ? {} : { keyFilename: keyfile }),
    }).getClient();
    return await impersonated(source, impersonate);
  } catch (error) {
    throw new SluiceError(failure, `No usable Google Cloud credentials to act as ${impersonate}: ${messageOf(error)}`, {
      hint: 'Run `gcloud auth application-default login`, set GOOGLE_APPLICATION_CREDENTIALS to a key file, or run where a service account is attached.',
      cause: error,
    });
  }
}

/** `endpoint`: of the IAM credentials API, for tests. */
export async function impersonated(source: AuthClient, principal: string, endpoint?: string): Promise<AuthClient> {
  const { Impersonated } = await import('google-auth-library');
  return new Impersonated({
    sourceClient: source,
    targetPrincipal: principal,
    targetScopes: SCOPES,
    lifetime: TOKEN_LIFETIME_SECONDS,
    ...(endpoint === undefined ? {} : { endpoint }),
  });
}
