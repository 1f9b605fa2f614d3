import { SluiceError } from '../core/errors.ts';
import { millisOf } from '../core/time.ts';
import type { JobPorts } from './ports.ts';
import type { RunRequest } from './request.ts';

/**
 * The run's logical time in ms: given, or the clock's. A given one never lies before the last batch's, but for a full refresh
 * (CUSTOMER.md §2); fault: `logical_time_before_last_batch`. The clock itself may be set back by its owner: that is no mistake of the caller.
 */
export async function startTime(
  ports: Pick<JobPorts, 'clock' | 'job' | 'state'>,
  request: Pick<RunRequest, 'logicalTime' | 'fullRefresh'>,
): Promise<number> {
  if (request.logicalTime === null) return ports.clock.now();
  const given = millisOf(request.logicalTime);
  const last = await ports.state.lastLogicalTime(ports.job.name);
  if (!request.fullRefresh && last !== null && given < millisOf(last)) {
    throw new SluiceError(
      'logical_time_before_last_batch',
      `job ${ports.job.name}: --logical-time ${request.logicalTime} lies before the last batch's ${last}`,
      { hint: 'Give a later time, or none. Only --full-refresh may look back.' },
    );
  }
  return given;
}
