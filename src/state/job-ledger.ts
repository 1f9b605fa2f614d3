/**
 * Port: which warehouse jobs were about to be submitted. Written before each submission, so that a run which dies at any moment leaves
 * the ids that the next one has to look at; without it a submission whose answer was lost would be a job that nobody knows. Only warehouses
 * that work by jobs (BigQuery) use it.
 */
import { SluiceError } from '../core/errors.ts';

/**
 * open: recorded, outcome unknown. done, failed: the job ended so. burnt: the id was occupied by a later run before the job arrived, so
 * that it can never run.
 */
export type AttemptState = 'open' | 'done' | 'failed' | 'burnt';

export interface NewAttempt {
  readonly jobId: string;
  /** The sluice job. */
  readonly job: string;
  /** The run (one process) that recorded it. */
  readonly run: string;
  /** What all attempts at one step share. */
  readonly key: string;
  /** 1, 2, 3 … */
  readonly attempt: number;
  /** A load is looked up by its key when its batch is loaded again; a statement belongs to one run and is closed by the next. */
  readonly kind: 'load' | 'statement';
}

export interface JobAttempt extends NewAttempt {
  readonly state: AttemptState;
}

/**
 * Duties (contract suite `tests/contract/job-ledger.ts`): `record` is durable when it resolves; an identical repetition is a success and
 * changes nothing (`run` apart: the first stays), another attempt under a recorded id or (key, attempt) is `state_conflict`. `settle` keeps
 * the first outcome and may be repeated; settled *statements* may be forgotten, loads may not. Not its duty: leases (the runner asks its
 * guard between `record` and the submission, so that whoever takes over afterwards finds the attempt).
 */
export interface JobLedger {
  record(attempt: NewAttempt): Promise<void>;
  settle(jobId: string, state: Exclude<AttemptState, 'open'>): Promise<void>;
  /** Attempts at one step, ascending. */
  attempts(key: string): Promise<readonly JobAttempt[]>;
  /** Attempts of a sluice job whose outcome is unknown, by key and attempt. */
  open(job: string): Promise<readonly JobAttempt[]>;
}

export function isSameAttempt(left: NewAttempt, right: NewAttempt): boolean {
  return left.jobId === right.jobId && left.key === right.key && left.attempt === right.attempt;
}

export function conflictingAttempt(attempt: NewAttempt, known: NewAttempt): SluiceError {
  return new SluiceError(
    'state_conflict',
    `The warehouse job ${attempt.jobId} (attempt ${String(attempt.attempt)} at ${attempt.key}) cannot be recorded: ` +
      `${known.jobId} (attempt ${String(known.attempt)} at ${known.key}) is recorded already.`,
  );
}
