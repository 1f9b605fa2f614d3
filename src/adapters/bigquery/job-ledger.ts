/**
 * Which BigQuery jobs were about to be submitted: written before each submission, so that a run which dies at any moment leaves the
 * ids that the next one has to look at. Without it an insert whose answer was lost would be a job that nobody knows.
 */
import { SluiceError } from '../../core/errors.ts';

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
  /** `keyText` of the step. */
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
 * Duties (contract suite `tests/contract/job-ledger.ts`): `record` is durable when it resolves; an identical repetition is a success, another
 * attempt under a recorded id or (key, attempt) is `state_conflict`. `settle` keeps the first outcome and may be repeated; settled
 * *statements* may be forgotten, loads may not. Not its duty: leases (the runner asks its guard between `record` and the submission).
 */
export interface JobLedger {
  record(attempt: NewAttempt): Promise<void>;
  settle(jobId: string, state: Exclude<AttemptState, 'open'>): Promise<void>;
  /** Attempts at one step, ascending. */
  attempts(key: string): Promise<readonly JobAttempt[]>;
  /** Attempts of a sluice job whose outcome is unknown, in order of recording. */
  open(job: string): Promise<readonly JobAttempt[]>;
}

/** Forgets with the process: for targets without a state store (`ci`) and for tests. */
export class MemoryJobLedger implements JobLedger {
  readonly #attempts = new Map<string, JobAttempt>();

  record(attempt: NewAttempt): Promise<void> {
    for (const known of this.#attempts.values()) {
      if (known.jobId !== attempt.jobId && (known.key !== attempt.key || known.attempt !== attempt.attempt)) continue;
      const same = known.jobId === attempt.jobId && known.key === attempt.key && known.attempt === attempt.attempt;
      return same ? Promise.resolve() : Promise.reject(conflictingAttempt(attempt, known));
    }
    this.#attempts.set(attempt.jobId, { ...attempt, state: 'open' });
    return Promise.resolve();
  }

  settle(jobId: string, state: Exclude<AttemptState, 'open'>): Promise<void> {
    const known = this.#attempts.get(jobId);
    if (known?.state === 'open') this.#attempts.set(jobId, { ...known, state });
    return Promise.resolve();
  }

  attempts(key: string): Promise<readonly JobAttempt[]> {
    const found = [...this.#attempts.values()].filter((attempt) => attempt.key === key);
    return Promise.resolve(found.sort((left, right) => left.attempt - right.attempt));
  }

  open(job: string): Promise<readonly JobAttempt[]> {
    return Promise.resolve([...this.#attempts.values()].filter((known) => known.job === job && known.state === 'open'));
  }
}

export function conflictingAttempt(attempt: NewAttempt, known: NewAttempt): SluiceError {
  return new SluiceError(
    'state_conflict',
    `The BigQuery job ${attempt.jobId} (attempt ${String(attempt.attempt)} at ${attempt.key}) cannot be recorded: ` +
      `${known.jobId} (attempt ${String(known.attempt)} at ${known.key}) is recorded already.`,
  );
}
