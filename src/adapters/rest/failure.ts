import type { ErrorCode } from '../../core/errors.ts';

/** Why one attempt at a page failed. Only what is known to pass by itself is `transient`; everything else stops the download. */
export class RequestFailure extends Error {
  readonly transient: boolean;
  readonly code: Extract<ErrorCode, 'rest_failed' | 'rest_unauthorized'>;
  readonly status: number | undefined;
  /** What the server asked us to wait. */
  readonly retryAfterMs: number | undefined;
  readonly hint: string | undefined;

  constructor(
    message: string,
    options: {
      readonly transient: boolean;
      readonly code?: 'rest_failed' | 'rest_unauthorized';
      readonly status?: number | undefined;
      readonly retryAfterMs?: number | undefined;
      readonly hint?: string;
      readonly cause?: unknown;
    },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RequestFailure';
    this.transient = options.transient;
    this.code = options.code ?? 'rest_failed';
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
    this.hint = options.hint;
  }
}

/** The answer came but is no page. A proxy's error page or a cut body passes; so it is asked for again. */
export function rejected(message: string, cause?: unknown): RequestFailure {
  return new RequestFailure(message, { transient: true, ...(cause === undefined ? {} : { cause }) });
}

export function permanent(message: string, hint?: string): RequestFailure {
  return new RequestFailure(message, { transient: false, ...(hint === undefined ? {} : { hint }) });
}
