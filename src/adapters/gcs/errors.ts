import { SluiceError } from '../../core/errors.ts';

/** What the library throws, or hands to its own retry rule: errors, and bare objects out of an answer's body. */
interface LibraryError {
  readonly message?: unknown;
  /** An HTTP status, as a number or as text, or the network's code. */
  readonly code?: unknown;
  readonly status?: unknown;
  readonly cause?: unknown;
}

function libraryError(error: unknown): LibraryError {
  return typeof error === 'object' && error !== null ? error : {};
}

export function statusOf(error: unknown): number | undefined {
  const { code, status } = libraryError(error);
  return [code, status].map(Number).find((number) => Number.isInteger(number) && number >= 100 && number < 600);
}

function messageText(error: unknown): string {
  const { message } = libraryError(error);
  return typeof message === 'string' ? message : '';
}

const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const TRANSIENT_CODES: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_STREAM_PREMATURE_CLOSE',
  'SLUICE_TIME_OUT',
]);

/** Nothing was heard of the service for too long, or it ended before its end. */
export class TimeOut extends Error {
  readonly code = 'SLUICE_TIME_OUT';
}

/** Retry is an allow-list: these statuses and network errors, and nothing that is unknown. */
export function isTransient(error: unknown): boolean {
  const status = statusOf(error);
  if (status !== undefined) return TRANSIENT_STATUSES.has(status);
  return codesOf(error).some((code) => TRANSIENT_CODES.has(code));
}

/** The network's code may stand in the error itself or in what caused it. */
function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  let current = libraryError(error);
  for (let depth = 0; depth < 5; depth++) {
    if (typeof current.code === 'string') codes.push(current.code);
    current = libraryError(current.cause);
  }
  return codes;
}

export interface GcsPlace {
  readonly bucket: string;
  /** What was tried, continuing "Cannot …". */
  readonly action: string;
  readonly permission: string;
  /** Whether a 404 means the bucket (an object that is missing was ruled out). */
  readonly bucketOnly: boolean;
}

/** What Google Cloud Storage answered, as one of the port's errors with the way out. */
export function gcsError(error: unknown, place: GcsPlace): SluiceError {
  if (error instanceof SluiceError) return error;
  const status = statusOf(error);
  const text = textOf(error);
  const start = `Cannot ${place.action} in the bucket ${place.bucket}`;
  // The library's errors hold whole requests, headers included: only their text goes on.
  const options = {
    cause: new Error(text),
    details: { bucket: place.bucket, ...(status === undefined ? {} : { status }) },
  };
  if (isCredentialProblem(error, status)) {
    return new SluiceError('store_failed', `${start}: no usable Google Cloud credentials (${text}).`, {
      ...options,
      hint: 'Run `gcloud auth application-default login`, or name a key file (keyfile), or give the machine a service account.',
    });
  }
  if (status === 403) {
    return new SluiceError(
      place.permission === READ ? 'store_failed' : 'store_read_only',
      `${start}: permission denied (${text}).`,
      {
        ...options,
        hint: `Grant the identity that \`sluice debug\` names the role roles/storage.objectUser on this bucket (needed here: ${place.permission}).`,
      },
    );
  }
  if (isMissingBucket(error) || (status === 404 && place.bucketOnly)) {
    return new SluiceError('store_failed', `${start}: the bucket does not exist.`, {
      ...options,
      hint: `Create it in the dataset's location: gcloud storage buckets create gs://${place.bucket} --location=<location>.`,
    });
  }
  const retried = isTransient(error) ? ' after several attempts' : '';
  return new SluiceError('store_failed', `${start}${retried}: ${text}.`, {
    ...options,
    ...(retried === ''
      ? {}
      : { hint: 'Run the same command again when the service answers: it continues where it stopped.' }),
  });
}

export const READ = 'storage.objects.get';

export function isMissingBucket(error: unknown): boolean {
  return statusOf(error) === 404 && /bucket does not exist/i.test(messageText(error));
}

function isCredentialProblem(error: unknown, status: number | undefined): boolean {
  const message = messageText(error);
  return (
    status === 401 ||
    /default credentials|invalid_grant|invalid_client|Could not refresh access token|invalid_rapt/i.test(message)
  );
}

function textOf(error: unknown): string {
  const status = statusOf(error);
  const message = messageText(error).replaceAll(/\s+/g, ' ').trim() || codesOf(error)[0] || 'no reason given';
  const short = message.length > 300 ? `${message.slice(0, 300)}…` : message;
  return status === undefined || short.includes(String(status))
    ? short.replace(/\.$/, '')
    : `${String(status)} ${short.replace(/\.$/, '')}`;
}
