/** `sluice job recover`. */
import { SluiceError } from '../../core/errors.ts';
import type { ProjectOptions } from '../common-options.ts';
import type { CliContext, CommandResult } from '../context.ts';

export function recoverJob(_context: CliContext, _name: string, _options: ProjectOptions): Promise<CommandResult> {
  return Promise.reject(new SluiceError('unsupported', 'recover is not wired yet'));
}
