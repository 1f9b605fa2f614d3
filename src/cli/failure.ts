/** Anything thrown -> an exit status, a text for people, and the `errors` of `--json`. */
import { isSluiceError, messageOf, type ErrorCode } from '../core/errors.ts';
import type { Output } from './output.ts';

export interface ErrorJson {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

export function errorJson(error: unknown): ErrorJson {
  if (!isSluiceError(error)) return { code: 'internal', message: messageOf(error) };
  return { code: error.code, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
}

export function exitCodeOf(error: unknown): number {
  return isSluiceError(error) ? error.exitCode : 1;
}

export function printFailure(output: Output, error: unknown): void {
  const { code, message, hint } = errorJson(error);
  const { red, dim, bold } = output.colours;
  const lines = output.messageLines(message, 'with --json');
  output.note(`${red(bold('error'))}${dim(`[${code}]`)}: ${lines.join('\n')}`);
  if (hint !== undefined) output.note(`${bold('hint')}: ${hint}`);
  if (isSluiceError(error)) return;
  // A defect: the stack is what its report needs.
  if (error instanceof Error && error.stack !== undefined)
    output.note(dim(error.stack.split('\n').slice(1).join('\n')));
  output.note(`${bold('hint')}: This is a defect in sluice; please report it with the lines above`);
}
