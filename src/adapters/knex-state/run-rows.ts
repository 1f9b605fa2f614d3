/** Run history. Runs are written without a lease: a run that is refused the lease is on record too. */
import { SluiceError } from '../../core/errors.ts';
import { sameJson } from '../../state/same-json.ts';
import type { RunRecord, StateStore } from '../../state/ports.ts';
import type { Row, Session } from './session.ts';
import { integerOrNull, text, textOrNull } from './session.ts';

const COLUMNS = 'run_id, job, command, logical_time, started_at, finished_at, exit_code, error';

/** (nothing) -> started. */
export async function startRun(session: Session, run: Parameters<StateStore['startRun']>[0]): Promise<void> {
  const { runId, job, command, logicalTime, startedAt } = run;
  const inserted = await session.change(
    `insert into sluice_run (run_id, job, command, logical_time, started_at) values (?, ?, ?, ?, ?)
     on conflict (run_id) do nothing`,
    [runId, job, command, logicalTime, startedAt],
  );
  if (inserted === 1) return;
  const known = await readRun(session, runId);
  const start = [known.job, known.command, known.logicalTime, known.startedAt];
  if (!sameJson(start, [job, command, logicalTime, startedAt])) {
    throw new SluiceError(
      'state_conflict',
      `Run ${runId} is on record already, as "${known.command}" of ${known.startedAt}.`,
    );
  }
}

/** started -> finished. */
export async function finishRun(
  session: Session,
  runId: string,
  result: Parameters<StateStore['finishRun']>[1],
): Promise<void> {
  const { finishedAt, exitCode } = result;
  // PostgreSQL's text has no NUL, and a message may quote anything.
  const error = result.error?.replaceAll('\u0000', '\uFFFD') ?? null;
  const changed = await session.change(
    'update sluice_run set finished_at = ?, exit_code = ?, error = ? where run_id = ? and finished_at is null',
    [finishedAt, exitCode, error, runId],
  );
  if (changed === 1) return;
  const known = await readRun(session, runId);
  if (!sameJson([known.finishedAt, known.exitCode, known.error], [finishedAt, exitCode, error])) {
    throw new SluiceError('state_conflict', `Run ${runId} has finished already, with exit code ${known.exitCode}.`);
  }
}

export async function recentRuns(session: Session, job: string, limit: number): Promise<readonly RunRecord[]> {
  const rows = await session.rows(
    `select ${COLUMNS} from sluice_run where job = ? order by started_at desc, run_id desc limit ?`,
    [job, limit],
  );
  return rows.map(runRecord);
}

async function readRun(session: Session, runId: string): Promise<RunRecord> {
  const [row] = await session.rows(`select ${COLUMNS} from sluice_run where run_id = ?`, [runId]);
  if (row === undefined) throw new SluiceError('state_conflict', `Run ${runId} is not on record.`);
  return runRecord(row);
}

function runRecord(row: Row): RunRecord {
  return {
    runId: text(row, 'run_id'),
    job: text(row, 'job'),
    command: text(row, 'command'),
    logicalTime: text(row, 'logical_time'),
    startedAt: text(row, 'started_at'),
    finishedAt: textOrNull(row, 'finished_at'),
    exitCode: integerOrNull(row, 'exit_code'),
    error: textOrNull(row, 'error'),
  };
}
