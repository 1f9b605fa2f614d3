/** From a target's settings and the environment to the identity that BigQuery and Google Cloud Storage see. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { GoogleIdentity } from '../adapters/google-auth/identity.ts';
import type { GoogleCredentialsConfig } from '../config/target.ts';
import type { CliContext } from './context.ts';

export function googleIdentity(
  config: GoogleCredentialsConfig,
  { env, redactor }: Pick<CliContext, 'env' | 'redactor'>,
): GoogleIdentity {
  return {
    keyfile: config.keyfile,
    defaultFile: defaultCredentialFile(env),
    impersonate: config.impersonateServiceAccount,
    allowed: { executables: config.allowCredentialExecutables, urls: config.allowCredentialUrls },
    onSecret: (secret) => redactor.add(secret),
  };
}

/** Where Google's libraries look, in their order. */
function defaultCredentialFile(env: CliContext['env']): string | null {
  const named = env['GOOGLE_APPLICATION_CREDENTIALS'];
  if (named !== undefined && named !== '') return named;
  const folder =
    env['CLOUDSDK_CONFIG'] ??
    (process.platform === 'win32'
      ? join(env['APPDATA'] ?? '', 'gcloud')
      : join(env['HOME'] ?? homedir(), '.config', 'gcloud'));
  const file = join(folder, 'application_default_credentials.json');
  return existsSync(file) ? file : null;
}
