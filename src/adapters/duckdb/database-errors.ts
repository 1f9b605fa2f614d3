/** What DuckDB says, as SluiceErrors with a code that tells what to do. */
import { isSluiceError, messageOf, SluiceError } from '../../core/errors.ts';

const MEMORY_HINT = "Raise the target's memory_limit, or give DuckDB room to spill beside its file.";

/** What DuckDB says of a file whose bytes are not the ones that it wrote. */
const DAMAGE =
  /^(?:IO Error|INTERNAL Error|Serialization Error|FATAL Error):.*(?:not a valid DuckDB database file|Corrupt database file|Could not read enough bytes)/is;

export interface LockedFile {
  readonly path: string;
  readonly waitMs: number;
  /** The program and its PID, as far as DuckDB tells. */
  readonly holder: string;
  readonly pid?: string;
}

export function locked(file: LockedFile): SluiceError {
  const { path, holder, pid } = file;
  const waited = Math.round(file.waitMs / 1000);
  return new SluiceError(
    'warehouse_locked',
    `The DuckDB file ${path} is held by ${holder}; waited ${String(waited)} s for it.`,
    {
      hint: 'Wait until that process ends, or close it (DuckDB lets one process at a time hold a file, even for reading).',
      details: { path, ...(pid === undefined ? {} : { pid: Number(pid) }) },
    },
  );
}

export function interrupted(path: string, cause: unknown): SluiceError {
  return new SluiceError(
    'interrupted',
    `Interrupted while DuckDB worked on ${path}; its open transactions are rolled back.`,
    { cause },
  );
}

/** DuckDB's message as a SluiceError: what the disk refused keeps its own code, the rest is `warehouse_failed`. */
export function databaseError(error: unknown, path: string, verb = 'used'): SluiceError {
  if (isSluiceError(error)) return error;
  const message = messageOf(error);
  if (/No space left on device/i.test(message)) {
    return new SluiceError('store_full', `No space is left for the DuckDB file ${path}: ${message}`, {
      hint: 'Free some space and run again; nothing of the interrupted transaction stays.',
      cause: error,
    });
  }
  if (/^(?:IO Error:.*(?:Read-only file system|Permission denied)|EACCES|EROFS)/is.test(message)) {
    return new SluiceError('store_read_only', `The DuckDB file ${path} cannot be ${verb}: ${message}`, {
      cause: error,
    });
  }
  if (DAMAGE.test(message)) {
    return new SluiceError('warehouse_damaged', `The DuckDB file ${path} is damaged: ${message}`, {
      hint: 'It can be built anew from landing: sluice job run <job> --full-refresh puts the damaged file aside (as <file>.damaged-…) and begins a new one. Other jobs fill it again with their next run; models that belong to no job: sluice build.',
      cause: error,
    });
  }
  return new SluiceError(
    'warehouse_failed',
    verb === 'used' ? message : `The DuckDB file ${path} cannot be ${verb}: ${message}`,
    {
      cause: error,
      ...(message.startsWith('Out of Memory Error') ? { hint: MEMORY_HINT } : {}),
      details: { conflict: /^TransactionContext Error:.*(?:conflict|another transaction)/is.test(message) },
    },
  );
}

/** Another connection changed the same rows or objects first: the whole transaction may be run again. */
export function isWriteConflict(error: unknown): boolean {
  return isSluiceError(error, 'warehouse_failed') && error.details['conflict'] === true;
}
