/** Run history. */
import type { RunRecord } from '../../state/ports.ts';
import { checkSameResult, checkSameStart, storableResult, unknownRun } from '../../state/run-rules.ts';
import type { RunResult, RunStart } from '../../state/run-rules.ts';
import type { Row, Session } from './session.ts';
import { integerOrNull, text, textOrNull } from './session.ts';

const COLUMNS = 'run_id, job, command, logical_time, started_at, finished_at, exit_code, error';

/** (nothing) -> started. */
export async function startRun(session: Session, run: RunStart): Promise<void> {
  const inserted = await session.change(
    `insert into sluice_run (run_id, job, command, logical_time, started_at) values (?, ?, ?, ?, ?)
     on conflict (run_id) do nothing`,
    [run.runId, run.job, run.command, run.logicalTime, run.startedAt],
  );
  if (inserted === 0) checkSameStart(await readRun(session, run.runId), run);
}

/** started -> finished. */
export async function finishRun(session: Session, runId: string, result: RunResult): Promise<void> {
  const { finishedAt, exitCode, error } = storableResult(result);
  const changed = await session.change(
    'update sluice_run set finished_at = ?, exit_code = ?, error = ? where run_id = ? and finished_at is null',
    [finishedAt, exitCode, error, runId],
  );
  if (changed === 0) checkSameResult(await readRun(session, runId), { finishedAt, exitCode, error });
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
  if (row === undefined) throw unknownRun(runId);
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
