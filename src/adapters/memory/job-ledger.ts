/** Warehouse jobs in memory: for targets without a state store (`ci`) and for tests. Forgets with the process. */
import {
  conflictingAttempt,
  isSameAttempt,
  type AttemptState,
  type JobAttempt,
  type JobLedger,
  type NewAttempt,
} from '../../state/job-ledger.ts';

export class MemoryJobLedger implements JobLedger {
  readonly #attempts = new Map<string, JobAttempt>();

  record(attempt: NewAttempt): Promise<void> {
    for (const known of this.#attempts.values()) {
      if (known.jobId !== attempt.jobId && (known.key !== attempt.key || known.attempt !== attempt.attempt)) continue;
      return isSameAttempt(known, attempt) ? Promise.resolve() : Promise.reject(conflictingAttempt(attempt, known));
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
    return Promise.resolve(this.#sorted((known) => known.key === key));
  }

  open(job: string): Promise<readonly JobAttempt[]> {
    return Promise.resolve(this.#sorted((known) => known.job === job && known.state === 'open'));
  }

  #sorted(fits: (attempt: JobAttempt) => boolean): readonly JobAttempt[] {
    const order = (left: JobAttempt, right: JobAttempt): number =>
      left.key === right.key ? left.attempt - right.attempt : left.key < right.key ? -1 : 1;
    return [...this.#attempts.values()].filter(fits).sort(order);
  }
}
