import { makeFolders } from '../adapters/folders/make-folders.ts';
import { messageOf, SluiceError } from '../core/errors.ts';

/** The folder of a database file, made when it is missing. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeFolders(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const known =
      code === 'ENOSPC'
        ? 'store_full'
        : code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
          ? 'store_read_only'
          : 'store_failed';
    throw new SluiceError(known, `the folder ${path} cannot be made: ${messageOf(error)}`, {
      hint: 'Choose another folder with SLUICE_HOME, or in the target of project.yml',
      cause: error,
    });
  }
}
