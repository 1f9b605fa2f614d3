/** Template mistakes as problems beside those of YAML files, so that one message lists everything. */
import { isSluiceError, messageOf, type SluiceError } from '../../core/errors.ts';
import { problemsError, type Problem } from '../../config/problems.ts';

/** Runs something that may throw a mistake of the user's; defects pass through. */
export function collect<T>(problems: CompileProblems, file: string, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!isSluiceError(error) || (error.code !== 'compile_error' && error.code !== 'env_missing')) throw error;
    problems.addError(file, error);
    return undefined;
  }
}

export class CompileProblems {
  readonly list: Problem[] = [];
  #only: SluiceError | undefined;

  add(problem: Problem): void {
    this.list.push(problem);
  }

  addError(file: string, error: SluiceError): void {
    const { details } = error;
    const at = typeof details['file'] === 'string' ? details['file'] : file;
    const line = typeof details['line'] === 'number' ? details['line'] : undefined;
    const column = typeof details['column'] === 'number' ? details['column'] : undefined;
    // The engine's message begins with the place, which the list prints by itself.
    const message = messageOf(error).replace(`${at}:${String(line)}:${String(column)}: `, '');
    const hint = error.hint === undefined ? '' : `\n      ${error.hint}`;
    this.list.push({
      file: at,
      ...(line === undefined ? {} : { line, column: column ?? 1 }),
      path: '',
      message: message + hint,
    });
    this.#only = this.list.length === 1 ? error : undefined;
  }

  /** Throws when there is anything: all of it as one `compile_error`, a single template mistake as it came. */
  throwIfAny(): void {
    if (this.list.length === 0) return;
    if (this.list.length === 1 && this.#only !== undefined) throw this.#only;
    const seen = new Set<string>();
    const unique = this.list.filter((problem) => {
      const key = JSON.stringify(problem);
      return !seen.has(key) && seen.add(key);
    });
    throw problemsError('compile_error', unique.sort(byPlace));
  }
}

function byPlace(a: Problem, b: Problem): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
