/** The options of a job's run, shared by `sluice job run` (commander) and `node jobs/<name>.ts` (yargs): one list, one meaning. */
import { SluiceError } from '../../core/errors.ts';
import { formatMicros, parseInstant } from '../../core/time.ts';
import type { RunRequest, Step } from '../../pipeline/request.ts';
import type { ProjectOptions } from '../common-options.ts';

export const STEPS: readonly Step[] = ['land', 'load', 'transform'];

export const RUN_FLAGS = {
  'full-load': 'first download the complete listing from the REST API',
  'full-refresh':
    'rebuild the raw tables and all models from landing, aside, then swap them in (reads no topic and no API)',
  rollback:
    'put the published tables back as they were before the last full refresh (BigQuery; the same as job rollback)',
  'dry-run': 'print what the run would do, and write nothing',
  'accept-deletes': 'let a snapshot in that would delete unusually many',
  'accept-gap': 'record lost offsets (or a recreated topic) and go on behind them',
  'accept-quarantine': 'let a batch pass of which most records are dead letters',
  'accept-shrink': 'swap in a rebuilt table that is much smaller than the old one',
} as const;

export const ONLY_HELP = 'do one step for what is waiting: land, load, or transform (which includes test and publish)';
export const LOGICAL_TIME_HELP = 'RFC 3339 instant that counts as now, e.g. 2026-03-01T06:00:00Z (default: the clock)';

export interface JobRunOptions extends ProjectOptions {
  readonly fullLoad?: boolean;
  readonly fullRefresh?: boolean;
  readonly rollback?: boolean;
  readonly only?: Step;
  readonly logicalTime?: string;
  readonly dryRun?: boolean;
  readonly acceptDeletes?: boolean;
  readonly acceptGap?: boolean;
  readonly acceptQuarantine?: boolean;
  readonly acceptShrink?: boolean;
}

export function runRequest(options: JobRunOptions, parameters: RunRequest['parameters']): RunRequest {
  const { fullLoad = false, fullRefresh = false, only = null, dryRun = false } = options;
  if (options.rollback === true && (fullLoad || fullRefresh || only !== null))
    throw new SluiceError('usage', '--rollback puts tables back and does nothing else: it stands alone');
  if (fullLoad && only !== null && only !== 'land') {
    throw new SluiceError(
      'usage',
      `--full-load downloads, which is part of "land"; it cannot be combined with --only ${only}`,
    );
  }
  if (fullRefresh && only !== null) {
    throw new SluiceError(
      'usage',
      `--full-refresh rebuilds raw tables and models as one, aside; it cannot be combined with --only ${only}`,
    );
  }
  return {
    fullLoad,
    fullRefresh,
    only,
    logicalTime: options.logicalTime === undefined ? null : readLogicalTime(options.logicalTime),
    dryRun,
    accept: {
      deletes: options.acceptDeletes ?? false,
      gap: options.acceptGap ?? false,
      quarantine: options.acceptQuarantine ?? false,
      shrink: options.acceptShrink ?? false,
    },
    parameters,
  };
}

export function readLogicalTime(text: string): string {
  const instant = parseInstant(text);
  if (instant !== undefined) return formatMicros(instant.micros);
  throw new SluiceError(
    'usage',
    `--logical-time: came "${text}", expected an RFC 3339 instant such as 2026-03-01T06:00:00Z`,
  );
}
