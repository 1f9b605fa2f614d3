/** The client for one bucket. Loading the library takes 85 ms, so this module is imported by the targets that use it alone. */
import { readFile } from 'node:fs/promises';
import { IdempotencyStrategy, Storage, type Bucket, type StorageOptions } from '@google-cloud/storage';
import { messageOf, SluiceError } from '../../core/errors.ts';
import { isTransient } from './errors.ts';

export interface GcsOptions {
  readonly bucket: string;
  /** Put before every name: empty, or ends with `/`. */
  readonly prefix: string;
  readonly project: string | null;
  /** A service account's key file; without one the application default credentials. */
  readonly keyfile: string | null;
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
  if (options.keyfile !== null) await checkKeyFile(options.keyfile);
  const common: StorageOptions = {
    ...(options.project === null ? {} : { projectId: options.project }),
    ...(options.keyfile === null ? {} : { keyFilename: options.keyfile }),
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

/** S09: a key file may name a program or a URL to get credentials from; programs are refused. */
async function checkKeyFile(path: string): Promise<void> {
  let key: unknown;
  try {
    key = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    // The parser's message would quote the file.
    const reason = error instanceof SyntaxError ? 'it is not JSON' : messageOf(error);
    throw new SluiceError(
      'config_invalid',
      `The key file ${path} for Google Cloud Storage cannot be used: ${reason}.`,
      {
        hint: 'Name the JSON file of a service account key, or leave the key file out to use the application default credentials.',
      },
    );
  }
  if (JSON.stringify(key).includes('"executable"')) {
    throw new SluiceError(
      'config_invalid',
      `The key file ${path} names a program to run for credentials; that is not done.`,
      {
        hint: 'Use a service account key or a workload identity file whose credential_source is a file or a URL.',
      },
    );
  }
}
