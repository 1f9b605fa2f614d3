/** Runs on record: started once, finished once; a repeated identical call is done already. */
import { SluiceError } from '../core/errors.ts';
import { sameJson } from './same-json.ts';
import type { RunRecord, StateStore } from './ports.ts';

export type RunStart = Parameters<StateStore['startRun']>[0];
export type RunResult = Parameters<StateStore['finishRun']>[1];

export function unknownRun(runId: string): SluiceError {
  return new SluiceError('state_conflict', `Run ${runId} is not on record.`);
}

export function checkSameStart(known: RunRecord, run: RunStart): void {
  const start = ({ job, command, logicalTime, startedAt }: RunStart): unknown => [job, command, logicalTime, startedAt];
  if (sameJson(start(known), start(run))) return;
  throw new SluiceError(
    'state_conflict',
    `Run ${run.runId} is on record already, as "${known.command}" of ${known.startedAt}.`,
  );
}

export function checkSameResult(known: RunRecord, { finishedAt, exitCode, error }: RunResult): void {
  if (sameJson([known.finishedAt, known.exitCode, known.error], [finishedAt, exitCode, error])) return;
  throw new SluiceError(
    'state_conflict',
    `Run ${known.runId} has finished already, with exit code ${known.exitCode ?? 'none'}.`,
  );
}

/** PostgreSQL's text has no NUL, and an error message may quote anything. */
export function storableResult(result: RunResult): RunResult {
  return { ...result, error: result.error?.replaceAll('\u0000', '\uFFFD') ?? null };
}
