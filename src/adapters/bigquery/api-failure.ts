/**
 * A request that failed, before anybody knows what it means. `status` null: no answer came (the connection broke, timed out, or the
 * body was torn), so what was asked may or may not have happened.
 */
export class ApiFailure extends Error {
  readonly status: number | null;
  /** BigQuery's reason code (`notFound`, `rateLimitExceeded`, …), or the network's (`ECONNRESET`). */
  readonly reason: string | null;

  constructor(status: number | null, reason: string | null, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ApiFailure';
    this.status = status;
    this.reason = reason;
  }
}

/** The table, dataset or job that was asked for is not there. A project that is not there is something else: nothing can be created in it. */
export function isAbsent(failure: ApiFailure): boolean {
  return failure.status === 404 && !/Not found: Project|Unknown project/i.test(failure.message);
}

interface VendorError {
  readonly message: string;
  readonly code?: unknown;
  readonly errors?: unknown;
}

/** The client library's error (or anything else that it threw) as an `ApiFailure`. */
export function toApiFailure(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error;
  if (!(error instanceof Error)) return new ApiFailure(null, null, String(error), error);
  const { code, errors }: VendorError = error;
  const first = Array.isArray(errors) ? (errors[0] as unknown) : undefined;
  const reason = textMember(first, 'reason');
  const message = textMember(first, 'message') ?? error.message;
  if (typeof code === 'number') return new ApiFailure(code, reason ?? null, message, error);
  if (isCredentialProblem(error)) return new ApiFailure(401, 'noCredentials', error.message, error);
  return new ApiFailure(null, typeof code === 'string' ? code : null, message, error);
}

/** The library finds credentials before it sends anything: these never reached BigQuery. */
function isCredentialProblem(error: Error): boolean {
  return /could not load the default credentials|unable to detect a project id|invalid_grant|key file|private_?key|ENOENT/i.test(
    error.message,
  );
}

function textMember(value: unknown, name: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const member: unknown = Reflect.get(value, name);
  return typeof member === 'string' ? member : undefined;
}
