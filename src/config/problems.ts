/** A user's mistakes are collected and reported together (STYLE.md, habit 8), each with the place where it stands. */
import { SluiceError, type ErrorCode } from '../core/errors.ts';

export interface Problem {
  /** As the user would type it: relative to the project where it lies inside. */
  readonly file: string;
  /** 1-based; absent where the place has no line (a job's TypeScript value). */
  readonly line?: number;
  readonly column?: number;
  /** Where inside the document: `targets.dev.stream.path`; empty for the document itself. */
  readonly path: string;
  /** What came and what was expected. */
  readonly message: string;
}

export function formatProblem(problem: Problem): string {
  const position = problem.line === undefined ? '' : `:${problem.line}:${problem.column ?? 1}`;
  const path = problem.path === '' ? '' : `${problem.path}: `;
  return `${problem.file}${position}: ${path}${problem.message}`;
}

/** One error for all of them; the message lists every problem on a line of its own. */
export function problemsError(code: ErrorCode, problems: readonly Problem[], hint?: string): SluiceError {
  const listed = problems.slice(0, MAX_LISTED).map((problem) => `  ${formatProblem(problem)}`);
  if (problems.length > MAX_LISTED) listed.push(`  … and ${problems.length - MAX_LISTED} more`);
  const files = [...new Set(problems.map((problem) => problem.file))].join(', ');
  const count = problems.length === 1 ? 'one mistake' : `${problems.length} mistakes`;
  return new SluiceError(code, `${count} in ${files}:\n${listed.join('\n')}`, {
    ...(hint === undefined ? {} : { hint }),
    details: { problems },
  });
}

/** A screenful: a file with more mistakes than this is of another kind altogether, and the rest adds nothing. */
const MAX_LISTED = 50;

/** How a value is shown in a message: short, quoted, and telling its kind. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'string') return value.length > 60 ? `"${value.slice(0, 57)}…"` : `"${value}"`;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'function') return 'a function';
  return Array.isArray(value) ? 'a list' : 'a map';
}
