/** The client for one bucket. Loading the library takes 85 ms, so this module is imported by the targets that use it alone. */
import { Storage, type Bucket } from '@google-cloud/storage';
import { authClientOf, type GoogleIdentity } from '../google-auth/identity.ts';

export interface GcsOptions {
  readonly bucket: string;
  /** Put before every name: empty, or ends with `/`. */
  readonly prefix: string;
  readonly project: string | null;
  /** Absent: application default credentials as the library finds them. */
  readonly identity?: GoogleIdentity;
  /** An emulator's `http://host:port`; no credentials are sent there. */
  readonly apiEndpoint: string | null;
}

/** The client makes one attempt per call: what may be tried again, and that the guard runs first, is known here alone (`retrying.ts`). */
export async function openBucket(options: GcsOptions): Promise<Bucket> {
  const { identity } = options;
  // An emulator gets no credentials.
  const isPlain = options.apiEndpoint?.startsWith('http://') === true;
  const authClient = identity === undefined || isPlain ? undefined : await authClientOf(identity, 'store_failed');
  const keyfile = isPlain ? null : (identity?.keyfile ?? null);
  const storage = new Storage({
    ...(options.project === null ? {} : { projectId: options.project }),
    ...(authClient === undefined ? {} : { authClient }),
    ...(authClient !== undefined || keyfile === null ? {} : { keyFilename: keyfile }),
    ...(options.apiEndpoint === null ? {} : { apiEndpoint: options.apiEndpoint }),
    retryOptions: { autoRetry: false, maxRetries: 0 },
  });
  return storage.bucket(options.bucket);
}
