/**
 * Who may take a lease, as a decision over plain data. Time is measured since the last renewal: by the machine's uptime where holder
 * and asker share a boot (a wall clock that jumps, or a laptop that sleeps, neither frees nor prolongs a lease), else by
 * the wall clock (or the database's).
 */
import { SluiceError } from '../core/errors.ts';
import type { Lease, LeaseHolder } from './ports.ts';

export interface LeaseInstant {
  readonly wallMs: number;
  /** Which boot `uptimeMs` counts in; null: only the wall clock is known (a database's clock). */
  readonly bootId: string | null;
  readonly uptimeMs: number;
}

/** The stored row of a job. `holder` is null while the lease is free; the token outlives its holders. */
export interface StoredLease {
  readonly token: number;
  readonly holder: LeaseHolder | null;
  readonly ttlMs: number;
  readonly renewedAt: LeaseInstant;
}

export type LeaseDecision =
  | { readonly action: 'take'; readonly tookOverFrom: LeaseHolder | null }
  | { readonly action: 'wait'; readonly holder: LeaseHolder; readonly remainingMs: number }
  /** The wall clock went back behind the renewal: count the time to live from now on, else the lease could last for years. */
  | { readonly action: 'rebase'; readonly holder: LeaseHolder; readonly remainingMs: number };

export function decideLease(
  stored: StoredLease | null,
  now: LeaseInstant,
  request: { readonly holder: LeaseHolder; readonly isAlive: (holder: LeaseHolder) => boolean },
): LeaseDecision {
  if (stored?.holder == null) return { action: 'take', tookOverFrom: null };
  const { holder, ttlMs } = stored;
  if (holder.host === request.holder.host && !request.isAlive(holder)) return { action: 'take', tookOverFrom: holder };
  const elapsed = elapsedMs(stored.renewedAt, now);
  if (elapsed < 0) return { action: 'rebase', holder, remainingMs: ttlMs };
  if (elapsed >= ttlMs) return { action: 'take', tookOverFrom: holder };
  return { action: 'wait', holder, remainingMs: ttlMs - elapsed };
}

/** Time to live that is left; 0 when it has expired. A renewal in the future counts as one of now. */
export function remainingMs(stored: StoredLease, now: LeaseInstant): number {
  return Math.max(0, stored.ttlMs - Math.max(0, elapsedMs(stored.renewedAt, now)));
}

/** Every write asks this inside its transaction. */
export function checkToken(lease: Lease, stored: StoredLease | null): StoredLease {
  if (stored !== null && stored.holder !== null && stored.token === lease.token) return stored;
  throw leaseLost(lease, stored);
}

export function checkNotExpired(lease: Lease, stored: StoredLease, now: LeaseInstant): void {
  if (remainingMs(stored, now) > 0) return;
  throw new SluiceError(
    'lease_lost',
    `The lease of job ${lease.job} (token ${lease.token}) expired: it was not renewed for ${stored.ttlMs} ms.`,
    { hint: LOST_HINT, details: { job: lease.job, token: lease.token } },
  );
}

export function describeHolder(holder: LeaseHolder): string {
  return `process ${holder.pid} on ${holder.host} (${holder.command})`;
}

const LOST_HINT = 'Nothing was written. Run the job again once the other run has ended.';

function leaseLost(lease: Lease, stored: StoredLease | null): SluiceError {
  const now =
    stored === null
      ? 'the state store knows no lease of this job'
      : stored.holder === null
        ? 'it has been released'
        : `token ${stored.token} belongs to ${describeHolder(stored.holder)}`;
  return new SluiceError('lease_lost', `The lease of job ${lease.job} (token ${lease.token}) was lost: ${now}.`, {
    hint: LOST_HINT,
    details: { job: lease.job, token: lease.token, storedToken: stored?.token ?? null },
  });
}

function elapsedMs(since: LeaseInstant, now: LeaseInstant): number {
  const sameBoot = since.bootId !== null && since.bootId === now.bootId && now.uptimeMs >= since.uptimeMs;
  return sameBoot ? now.uptimeMs - since.uptimeMs : now.wallMs - since.wallMs;
}
