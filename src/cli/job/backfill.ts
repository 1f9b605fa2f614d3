/** `sluice job backfill`. */
import type { ProjectOptions } from '../common-options.ts';
import type { CliContext, CommandResult } from '../context.ts';
import { SluiceError } from '../../core/errors.ts';

export interface BackfillOptions extends ProjectOptions {
  readonly from: string;
  readonly to: string;
  readonly logicalTime?: string;
  readonly dryRun?: boolean;
}

export function backfillJob(_context: CliContext, _name: string, _options: BackfillOptions): Promise<CommandResult> {
  return Promise.reject(new SluiceError('unsupported', 'backfill is not wired yet'));
}
