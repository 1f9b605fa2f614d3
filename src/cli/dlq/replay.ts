/** `sluice dlq replay`. */
import { SluiceError } from '../../core/errors.ts';
import type { CliContext, CommandResult } from '../context.ts';
import type { ReplayOptions } from '../dlq-commands.ts';

export function replayDeadLetters(
  _context: CliContext,
  _name: string,
  _options: ReplayOptions,
): Promise<CommandResult> {
  return Promise.reject(new SluiceError('unsupported', 'replay is not wired yet'));
}
