/** What every command gets: the surroundings of the process, read in one place. */
import type { Env } from '../config/expression.ts';
import type { Redactor } from '../config/secret.ts';
import type { Output } from './output.ts';

export interface CliContext {
  readonly env: Env;
  readonly cwd: string;
  readonly output: Output;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly redactor: Redactor;
  /** The command as typed, for messages and run records: `job run customer --full-load`. */
  readonly command: string;
}

/** What a command ends with: `json` is printed with `--json`, after whatever the command told on the way. */
export interface CommandResult {
  readonly exitCode: number;
  readonly json: Readonly<Record<string, unknown>>;
}

export type CommandHandler = (context: CliContext) => Promise<CommandResult>;
