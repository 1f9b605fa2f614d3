/**
 * Looks at a Google credential file before the library acts on it (RELIABILITY.md S09). A file of type `external_account` may name a program
 * to run or a URL to ask for credentials, so whoever can write the file has this process run that or send that: both are refused unless the target
 * allows them. What such a file exchanges its token at must be Google's, always.
 */
import { readFile } from 'node:fs/promises';
import { messageOf, SluiceError } from '../../core/errors.ts';

export interface AllowedSources {
  /** `credential_source.executable` may run. */
  readonly executables: boolean;
  /** `credential_source.url` (and AWS's metadata addresses) may be asked. */
  readonly urls: boolean;
}

const NO_SOURCES: AllowedSources = { executables: false, urls: false };

/** Members that are URLs of Google's token services. */
const TOKEN_URLS = ['token_url', 'token_info_url', 'service_account_impersonation_url', 'revoke_url'] as const;
const SECRET_MEMBERS = ['private_key', 'refresh_token', 'client_secret', 'private_key_id'] as const;

/** The secrets that the file holds, for what must not be printed. Throws `config_invalid`. */
export async function checkCredentialFile(
  path: string,
  allowed: AllowedSources = NO_SOURCES,
): Promise<readonly string[]> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    // The parser's message would quote the file.
    const reason = error instanceof SyntaxError ? 'it is not JSON' : messageOf(error);
    throw new SluiceError('config_invalid', `The key file ${path} for Google Cloud cannot be used: ${reason}.`, {
      hint: 'Name the JSON file of a service account key, or leave the key file out to use the application default credentials.',
    });
  }
  checkSources(path, content, allowed);
  return secretsIn(content);
}

function checkSources(path: string, content: unknown, allowed: AllowedSources): void {
  for (const key of TOKEN_URLS) checkTokenUrl(path, key, member(content, key));
  const source = member(content, 'credential_source');
  if (member(source, 'executable') !== undefined && !allowed.executables) {
    throw new SluiceError(
      'config_invalid',
      `The key file ${path} names a program to run for credentials; that is not done.`,
      {
        hint: 'Use a service account key or a workload identity file whose credential_source is a file, or set allow_credential_executables of the target.',
      },
    );
  }
  const urls = ['url', 'region_url', 'regional_cred_verification_url'].filter(
    (key) => member(source, key) !== undefined,
  );
  if (urls.length > 0 && !allowed.urls) {
    throw new SluiceError(
      'config_invalid',
      `The key file ${path} names a URL to ask for credentials (credential_source.${urls[0] ?? 'url'}); that is not done.`,
      {
        hint: 'Use a service account key or a workload identity file whose credential_source is a file, or set allow_credential_urls of the target.',
      },
    );
  }
  // `gcloud auth application-default login --impersonate-service-account` wraps the file that it starts from.
  const inner = member(content, 'source_credentials');
  if (inner !== undefined) checkSources(path, inner, allowed);
}

function checkTokenUrl(path: string, key: string, value: unknown): void {
  if (value === undefined || value === null) return;
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol === 'https:' && (url.hostname === 'googleapis.com' || url.hostname.endsWith('.googleapis.com')))
    return;
  throw new SluiceError(
    'config_invalid',
    `The key file ${path} exchanges its credentials at an address that is not Google's (${key}${url === undefined ? '' : `: ${url.hostname}`}).`,
    { hint: 'Download the file again from Google Cloud; the address must be https and end with googleapis.com.' },
  );
}

function secretsIn(content: unknown): readonly string[] {
  const own = SECRET_MEMBERS.flatMap((key) => {
    const value = member(content, key);
    return typeof value === 'string' ? [value] : [];
  });
  const inner = member(content, 'source_credentials');
  return inner === undefined ? own : [...own, ...secretsIn(inner)];
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return Reflect.get(value, name);
}
