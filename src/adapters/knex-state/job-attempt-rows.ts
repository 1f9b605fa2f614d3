/** The ledger of warehouse jobs. Settled statements are forgotten at once, so that the table grows by a batch's loads alone. */
import {
  conflictingAttempt,
  isSameAttempt,
  type AttemptState,
  type JobAttempt,
  type JobLedger,
  type NewAttempt,
} from '../../state/job-ledger.ts';
import type { Row, Session, StateDatabase } from './session.ts';
import { insertRows, integer, text } from './session.ts';

const COLUMNS = ['job_id', 'job', 'run_id', 'step_key', 'attempt', 'kind', 'state'] as const;
const SELECT = `select ${COLUMNS.join(', ')} from sluice_job_attempt`;

export function jobLedgerOn(db: StateDatabase): JobLedger {
  return {
    record: (attempt) => db.write((session) => record(session, attempt)),
    settle: (jobId, state) => db.write((session) => settle(session, jobId, state)),
    attempts: (key) =>
      db.read(async (session) =>
        toAttempts(await session.rows(`${SELECT} where step_key = ? order by attempt`, [key])),
      ),
    open: (job) =>
      db.read(async (session) =>
        toAttempts(await session.rows(`${SELECT} where job = ? and state = 'open' order by step_key, attempt`, [job])),
      ),
  };
}

async function record(session: Session, attempt: NewAttempt): Promise<void> {
  const { jobId, job, run, key, kind } = attempt;
  const rows = await session.rows(`${SELECT} where job_id = ? or (step_key = ? and attempt = ?)`, [
    jobId,
    key,
    attempt.attempt,
  ]);
  const [known] = toAttempts(rows);
  if (known !== undefined && !isSameAttempt(known, attempt)) throw conflictingAttempt(attempt, known);
  if (known !== undefined) return;
  await insertRows(session, 'sluice_job_attempt', COLUMNS, [[jobId, job, run, key, attempt.attempt, kind, 'open']]);
}

async function settle(session: Session, jobId: string, state: Exclude<AttemptState, 'open'>): Promise<void> {
  await session.change(`delete from sluice_job_attempt where job_id = ? and kind = 'statement'`, [jobId]);
  await session.change(`update sluice_job_attempt set state = ? where job_id = ? and state = 'open'`, [state, jobId]);
}

function toAttempts(rows: readonly Row[]): readonly JobAttempt[] {
  return rows.map((row) => ({
    jobId: text(row, 'job_id'),
    job: text(row, 'job'),
    run: text(row, 'run_id'),
    key: text(row, 'step_key'),
    attempt: integer(row, 'attempt'),
    kind: text(row, 'kind') as JobAttempt['kind'],
    state: text(row, 'state') as AttemptState,
  }));
}
