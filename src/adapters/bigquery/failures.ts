/**
 * What BigQuery's refusals mean, in the words of the error catalogue. `reason` is the stable part of the API; messages are read only where
 * one reason covers several things a user has to do differently about.
 */
import { SluiceError, type ErrorCode } from '../../core/errors.ts';

/** A refused request or a failed job. */
export interface Refusal {
  /** HTTP status of a refused request; null: no answer, undefined: a job that ran and failed. */
  readonly status?: number | null;
  readonly reason: string | null;
  readonly message: string;
}

export interface FailureContext {
  /** What was tried, for the start of the message: `load batch customer-00000012 into p.d.raw_customer_stream`. */
  readonly what: string;
  /** The code when nothing more precise fits. */
  readonly otherwise: ErrorCode;
  readonly project: string;
  readonly location: string;
  readonly jobId?: string;
}

interface Meaning {
  readonly code: ErrorCode;
  readonly hint?: string;
}

export function toSluiceError(refusal: Refusal, context: FailureContext, cause?: unknown): SluiceError {
  const { code, hint } = meaningOf(refusal, context) ?? { code: context.otherwise };
  const reason = refusal.reason === null ? '' : ` [${refusal.reason}]`;
  // What the database says about SQL is about a model; the caller adds which and where.
  const message =
    code === 'model_failed' ? refusal.message : `BigQuery could not ${context.what}: ${refusal.message}${reason}`;
  return new SluiceError(code, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
    details: { reason: refusal.reason, ...(context.jobId === undefined ? {} : { jobId: context.jobId }) },
  });
}

function meaningOf(refusal: Refusal, context: FailureContext): Meaning | undefined {
  const { reason, message, status } = refusal;
  if (status === null) return unreachable();
  if (status === 401 || reason === 'noCredentials' || reason === 'authError') return noCredentials();
  if (/different locations?|in different regions|does not.*same location/i.test(message)) return otherLocation(context);
  switch (reason) {
    case 'accessDenied':
    case 'forbidden':
    case 'billingNotEnabled':
    case 'userProjectAccountProblem':
      return denied(message, context);
    case 'notFound':
      return missing(message, context);
    case 'quotaExceeded':
    case 'rateLimitExceeded':
    case 'jobRateLimitExceeded':
      return quota();
    case 'bytesBilledLimitExceeded':
      return {
        code: 'warehouse_quota',
        hint: 'Raise maximum_bytes_billed of the target, or read less: see docs/bigquery.md.',
      };
    case 'stopped':
      return { code: 'warehouse_cancelled', hint: 'Somebody cancelled the job. Run again: nothing of it stays.' };
    case 'timeout':
      return {
        code: 'warehouse_timeout',
        hint: 'Raise job_execution_timeout_seconds of the target, or give the project more slots.',
      };
    default:
      return tableChanged(message);
  }
}

function unreachable(): Meaning {
  return {
    code: 'warehouse_failed',
    hint: 'Check the network and the API endpoint, then run again: unfinished jobs are looked up first.',
  };
}

function noCredentials(): Meaning {
  return {
    code: 'warehouse_auth',
    hint:
      'Run `gcloud auth application-default login`, set GOOGLE_APPLICATION_CREDENTIALS to a key file, ' +
      'or run where a service account is attached.',
  };
}

function otherLocation(context: FailureContext): Meaning {
  return {
    code: 'warehouse_location',
    hint:
      `Jobs run in ${context.location} (BIGQUERY_LOCATION): put the bucket and the datasets into that location, ` +
      'or set the location to theirs.',
  };
}

function quota(): Meaning {
  return {
    code: 'warehouse_quota',
    hint: 'Wait until the quota is free again (per day: until midnight Pacific time), or ask Google for more, then run again.',
  };
}

/** The role that holds a permission, for the few that sluice needs. */
const ROLES: readonly (readonly [RegExp, string])[] = [
  [/bigquery\.jobs\./, 'roles/bigquery.jobUser on the project'],
  [/bigquery\.datasets\.create/, 'roles/bigquery.user on the project (or create the dataset yourself)'],
  [/bigquery\.(?:tables|datasets|routines)\./, 'roles/bigquery.dataEditor on the dataset'],
  [/storage\.objects\./, 'roles/storage.objectViewer on the bucket'],
];

function denied(message: string, context: FailureContext): Meaning {
  const permission = /(?:bigquery|storage)\.[a-zA-Z]+\.[a-zA-Z]+/.exec(message)?.[0];
  const role = permission === undefined ? undefined : ROLES.find(([pattern]) => pattern.test(permission))?.[1];
  const grant = role ?? 'roles/bigquery.jobUser on the project and roles/bigquery.dataEditor on the datasets';
  return {
    code: 'warehouse_denied',
    hint: `Grant ${grant} to the identity that sluice runs as (project ${context.project}); \`sluice debug\` names it.`,
  };
}

function missing(message: string, context: FailureContext): Meaning {
  if (/Not found: URI|No such object|object doesn't exist/i.test(message)) {
    return { code: 'object_missing', hint: 'A landing object is gone from the bucket: restore it, then run again.' };
  }
  if (/Not found: Project|Unknown project/i.test(message)) {
    return {
      code: 'warehouse_missing',
      hint: `Check BIGQUERY_PROJECT (${context.project}): it must exist, with billing.`,
    };
  }
  if (/Not found: Dataset|dataset .* is not found/i.test(message)) {
    const place = `in location ${context.location}`;
    return {
      code: 'warehouse_missing',
      hint: `Create the dataset ${place}, or set BIGQUERY_LOCATION to the location where it lies.`,
    };
  }
  // A table that a model reads is the model's mistake, not the warehouse's state: the caller's own code fits.
  return { code: context.otherwise };
}

function tableChanged(message: string): Meaning | undefined {
  if (
    !/Provided Schema does not match Table|Cannot add fields|has changed (?:type|mode)|Incompatible table partitioning/i.test(
      message,
    )
  ) {
    return undefined;
  }
  return {
    code: 'table_changed',
    hint: 'Somebody changed the table. Change it back, or rebuild it with `npx sluice job run <job> --full-refresh`.',
  };
}

/** Another transaction changed the same table first and has committed or will; this one is gone. */
export function isConflict(refusal: Refusal): boolean {
  return /aborted due to concurrent update|Could not serialize access|conflicting concurrent/i.test(refusal.message);
}

/** The same work under a new id may succeed: the job failed inside BigQuery, or lost against another transaction. */
export function isRepeatable(refusal: Refusal): boolean {
  const { reason, message } = refusal;
  if (isConflict(refusal)) return true;
  switch (reason) {
    case 'backendError':
    case 'internalError':
    case 'rateLimitExceeded':
    case 'jobRateLimitExceeded':
    case 'tableUnavailable':
      return true;
    case 'jobBackendError':
    case 'jobInternalError':
      // The emulator gives every SQL error this reason; BigQuery's own text says what happened.
      return /internal error|retry/i.test(message);
    default:
      return false;
  }
}
