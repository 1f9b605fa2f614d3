/** The client for one bucket. Loading the library takes 85 ms, so this module is imported by the targets that use it alone. */
import { IdempotencyStrategy, Storage, type Bucket, type StorageOptions } from '@google-cloud/storage';
import { authClientOf, type GoogleIdentity } from '../google-auth/identity.ts';
import { isTransient } from './errors.ts';

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

export interface GcsBucket {
  /** One attempt per call: retries are made by `retrying`, which runs the guard again. */
  readonly once: Bucket;
  /** For uploads in chunks: the library alone knows how to go on with a chunk that broke. */
  readonly retrying: Bucket;
}

/** A chunk that breaks is sent again up to this often over a whole object; the library never counts down. */
const STREAM_RETRIES = 10;
const STREAM_RETRY_SECONDS = 300;

export async function openBucket(options: GcsOptions): Promise<GcsBucket> {
  const { identity } = options;
  // An emulator gets no credentials.
  const isPlain = options.apiEndpoint?.startsWith('http://') === true;
  const authClient = identity === undefined || isPlain ? undefined : await authClientOf(identity, 'store_failed');
  const keyfile = isPlain ? null : (identity?.keyfile ?? null);
  const common: StorageOptions = {
    ...(options.project === null ? {} : { projectId: options.project }),
    ...(authClient === undefined ? {} : { authClient }),
    ...(authClient !== undefined || keyfile === null ? {} : { keyFilename: keyfile }),
    ...(options.apiEndpoint === null ? {} : { apiEndpoint: options.apiEndpoint }),
  };
  const once = new Storage({ ...common, retryOptions: { autoRetry: false, maxRetries: 0 } });
  const retrying = new Storage({
    ...common,
    authClient: once.authClient,
    retryOptions: {
      autoRetry: true,
      maxRetries: STREAM_RETRIES,
      totalTimeout: STREAM_RETRY_SECONDS,
      maxRetryDelay: 16,
      idempotencyStrategy: IdempotencyStrategy.RetryConditional,
      retryableErrorFn: isTransient,
    },
  });
  return { once: once.bucket(options.bucket), retrying: retrying.bucket(options.bucket) };
}
