import { SluiceError, messageOf } from '../../core/errors.ts';

/** What the file system said, as one of the port's errors. `action` continues "Cannot …"; `folder` is the store's root. */
export function storeError(error: unknown, action: string, folder: string): SluiceError {
  if (error instanceof SluiceError) return error;
  const code = errnoOf(error);
  const options = { cause: error, details: { folder, ...(code === undefined ? {} : { errno: code }) } };
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new SluiceError('store_full', `Cannot ${action}: no space is left for the folder ${folder} (${code}).`, {
        ...options,
        hint: 'Free space on its file system (or raise the quota), then run the same command again: it continues where it stopped.',
      });
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return new SluiceError(
        'store_read_only',
        `Cannot ${action}: ${code === 'EROFS' ? 'the file system is read-only' : 'permission denied'} in the folder ${folder} (${code}).`,
        {
          ...options,
          hint: 'Give the user that runs sluice read and write permission for this folder, or set another one (SLUICE_HOME).',
        },
      );
    default:
      return new SluiceError('store_failed', `Cannot ${action} in the folder ${folder}: ${messageOf(error)}.`, options);
  }
}

export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
