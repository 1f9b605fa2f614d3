/** SQLite's result codes as errors of the catalogue; each names the file. */
import { SluiceError, messageOf } from '../../core/errors.ts';

interface Meaning {
  readonly says: string;
  readonly hint: string;
}

/** By the start of SQLite's extended result code (`SQLITE_READONLY_DIRECTORY`, …); the first that fits. */
const MEANINGS: readonly (readonly [code: string, meaning: Meaning])[] = [
  [
    'SQLITE_CANTOPEN',
    { says: 'cannot be opened', hint: 'Check that the folder exists and that this user may write to it.' },
  ],
  ['SQLITE_READONLY', { says: 'cannot be written to', hint: 'Make the file and its folder writable for this user.' }],
  ['SQLITE_PERM', { says: 'cannot be written to', hint: 'Make the file and its folder writable for this user.' }],
  [
    'SQLITE_NOTADB',
    {
      says: 'is not a SQLite database',
      hint: 'Point the state store at another file, or move this one away and run "sluice job recover <job>".',
    },
  ],
  [
    'SQLITE_CORRUPT',
    {
      says: 'is damaged',
      hint: 'Restore it from a backup, or move it away and run "sluice job recover <job>", which rebuilds it from landing.',
    },
  ],
  ['SQLITE_BUSY', { says: 'is locked by another process', hint: 'Wait until that process has ended, or end it.' }],
  ['SQLITE_LOCKED', { says: 'is locked by another process', hint: 'Wait until that process has ended, or end it.' }],
  [
    'SQLITE_FULL',
    { says: 'cannot grow: no space is left', hint: 'Free some space and run again; nothing was written.' },
  ],
  [
    'SQLITE_IOERR',
    {
      says: 'cannot be read or written (input/output error)',
      hint: 'Check the disk, then run again; nothing was written.',
    },
  ],
];

export function sqliteError(error: unknown, path: string): unknown {
  if (error instanceof SluiceError) return error;
  const code = codeOf(error);
  if (code.startsWith('SQLITE_CONSTRAINT')) {
    return new SluiceError('state_conflict', `The state database ${path} refused a row: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  const [, meaning] = MEANINGS.find(([start]) => code.startsWith(start)) ?? [];
  if (meaning === undefined) return error;
  return new SluiceError('state_unavailable', `The state database ${path} ${meaning.says}: ${messageOf(error)}.`, {
    hint: meaning.hint,
    cause: error,
    details: { path, code },
  });
}

export function isBusy(error: unknown): boolean {
  return codeOf(error).startsWith('SQLITE_BUSY') || (error instanceof SluiceError && isBusy(error.cause));
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}
