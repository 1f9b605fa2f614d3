/**
 * One run per job. The lease is renewed at a third of its time to live; a renewal that fails aborts the run. Before every effect `guard`
 * asks the state store whether the token is still ours, and refuses without asking when our own monotonic clock says that the lease
 * has run out: a process that was paused past it wakes up, asks, and writes nothing more.
 */
import { SluiceError, isSluiceError, messageOf } from '../core/errors.ts';
import type { HeldLease, JobPorts } from './ports.ts';

/** Long enough for a slow state store, short enough that a crashed machine's job goes on within minutes. */
export const DEFAULT_LEASE_TTL_MS = 60_000;

export interface LeaseSession extends HeldLease {
  /** Aborted with `lease_lost` as reason when a renewal is refused. */
  readonly signal: AbortSignal;
  release(): Promise<void>;
}

export async function holdLease(ports: JobPorts): Promise<LeaseSession> {
  const { job, state, clock, leaseTtlMs } = ports;
  const outcome = await state.acquireLease({
    job: job.name,
    holder: ports.holder,
    ttlMs: leaseTtlMs,
    isAlive: ports.isAlive,
  });
  if (outcome.status === 'held') {
    const { holder, remainingMs } = outcome;
    throw new SluiceError(
      'lease_held',
      `job ${job.name} is being run by process ${holder.pid} on ${holder.host} (${holder.command}); its lease runs for ${Math.ceil(remainingMs / 1000)} s unless renewed`,
      { hint: 'Wait for that run to end; nothing was changed.', details: { pid: holder.pid, host: holder.host } },
    );
  }
  if (outcome.tookOverFrom !== null) {
    ports.observer.note(
      `took over from process ${outcome.tookOverFrom.pid} on ${outcome.tookOverFrom.host}, which ended without finishing`,
    );
  }
  const { lease } = outcome;
  const lost = new AbortController();
  let renewedAt = clock.monotonic();
  const lose = (error: unknown): void => {
    if (!lost.signal.aborted) lost.abort(error);
  };
  const renew = async (): Promise<void> => {
    const startedAt = clock.monotonic();
    try {
      await state.renewLease(lease, leaseTtlMs);
      renewedAt = startedAt;
    } catch (error) {
      // A state store that does not answer for a moment is no lost lease; the guard decides by the clock.
      if (isSluiceError(error, 'lease_lost')) lose(error);
      else ports.observer.warn(`renewing the lease failed, trying again: ${messageOf(error)}`);
    }
  };
  const timer = setInterval(() => void renew(), Math.max(50, Math.floor(leaseTtlMs / 3)));
  timer.unref();
  const guard = async (): Promise<void> => {
    if (lost.signal.aborted) throw lost.signal.reason;
    if (clock.monotonic() - renewedAt > leaseTtlMs) await renew();
    if (lost.signal.aborted) throw lost.signal.reason;
    try {
      await state.assertLease(lease);
    } catch (error) {
      if (isSluiceError(error, 'lease_lost')) lose(error);
      throw error;
    }
  };
  return {
    lease,
    guard,
    signal: ports.signal === undefined ? lost.signal : AbortSignal.any([ports.signal, lost.signal]),
    release: async () => {
      clearInterval(timer);
      if (!lost.signal.aborted) await state.releaseLease(lease);
    },
  };
}
