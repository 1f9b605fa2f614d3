/** The one file of config/ that reads the disk. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { SluiceError, messageOf } from '../core/errors.ts';

export const PROJECT_FILE = 'project.yml';

/** The project folder: the nearest one from `start` upwards that has a project.yml. */
export function findProjectDir(start: string): string | undefined {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    if (existsSync(join(folder, PROJECT_FILE))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}

export function readProjectFile(projectDir: string): string {
  const file = join(projectDir, PROJECT_FILE);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    if (error instanceof TypeError)
      throw new SluiceError('config_invalid', `${PROJECT_FILE} is not UTF-8 text`, { cause: error });
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new SluiceError('config_invalid', `there is no ${PROJECT_FILE} in ${projectDir}`, {
        hint: 'Change into a sluice project, or make one with: sluice init my-project',
        cause: error,
      });
    }
    throw new SluiceError('config_invalid', `${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

export interface JobFile {
  /** Absolute path. */
  readonly path: string;
  /** Relative to the project, for messages. */
  readonly file: string;
  /** File name without its ending: by convention the job's name. */
  readonly stem: string;
}

const JOB_ENDING = /\.(?:ts|mts|js|mjs)$/;

/** Job files in order of name; declarations, tests and names that begin with `_` or `.` are not jobs. */
export function listJobFiles(projectDir: string, jobPaths: readonly string[]): readonly JobFile[] {
  return jobPaths.flatMap((folder) => {
    const path = resolve(projectDir, folder);
    if (!existsSync(path)) return [];
    return readdirSync(path)
      .filter((name) => JOB_ENDING.test(name) && !/^[_.]|\.d\.[cm]?ts$|\.test\.[cm]?[tj]s$/.test(name))
      .sort()
      .map((name) => ({
        path: join(path, name),
        file: relative(projectDir, join(path, name)),
        stem: name.replace(JOB_ENDING, ''),
      }));
  });
}
