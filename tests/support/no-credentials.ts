import type { GoogleCredentialsConfig } from '../../src/config/target.ts';

/** What a section of Google Cloud says of credentials when it says nothing; emulators want none. */
export const NO_CREDENTIALS: GoogleCredentialsConfig = {
  keyfile: null,
  impersonateServiceAccount: null,
  allowCredentialExecutables: false,
  allowCredentialUrls: false,
};
