import { messageOf, SluiceError } from '../../core/errors.ts';

/** The `code` of a Node system error, undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Turns a system error into the catalogued one; a SluiceError passes unchanged. */
export function ioError(error: unknown, doing: string): Error {
  if (error instanceof SluiceError) return error;
  const message = `${doing} failed: ${messageOf(error)}`;
  switch (systemCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new SluiceError('store_full', message, {
        cause: error,
        hint: 'Free some space, then run the command again.',
      });
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return new SluiceError('store_read_only', message, {
        cause: error,
        hint: 'Give this user the right to write to that folder, or point SLUICE_HOME at another one.',
      });
    case undefined:
      return error instanceof Error ? error : new SluiceError('internal', message, { cause: error });
    default:
      return new SluiceError('store_failed', message, { cause: error });
  }
}
