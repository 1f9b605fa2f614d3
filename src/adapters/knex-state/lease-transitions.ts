/** Taking, renewing and freeing a lease. The decision itself is `state/lease-rules.ts`. */
import type { Lease, LeaseOutcome, StateStore } from '../../state/ports.ts';
import { checkNotExpired, checkToken, decideLease, remainingMs } from '../../state/lease-rules.ts';
import type { LeaseInstant } from '../../state/lease-rules.ts';
import { fenced, readLease } from './fence.ts';
import type { Session, StateDatabase } from './session.ts';

type AcquireRequest = Parameters<StateStore['acquireLease']>[0];

/** free | expired | dead holder -> held under the next token. */
export function acquireLease(database: StateDatabase, request: AcquireRequest): Promise<LeaseOutcome> {
  const { job, ttlMs } = request;
  return database.write(async (session) => {
    // The row must be there before it can be locked: two first-comers meet at its primary key.
    await session.change(
      `insert into sluice_lease (job, token, ttl_ms, renewed_wall_ms, renewed_uptime_ms) values (?, 0, 0, 0, 0)
       on conflict (job) do nothing`,
      [job],
    );
    const { stored } = await readLease(session, database, job, database.dialect.forUpdate);
    // Asked after the lock was had: waiting for it may have taken seconds.
    const now = await database.instant(session);
    const decision = decideLease(stored, now, request);
    if (decision.action === 'take') {
      const lease = { job, token: (stored?.token ?? 0) + 1 };
      await storeHolder(session, lease, request, now);
      return { status: 'acquired', lease, tookOverFrom: decision.tookOverFrom };
    }
    if (decision.action === 'rebase') await storeRenewal(session, job, stored?.ttlMs ?? ttlMs, now);
    return { status: 'held', holder: decision.holder, remainingMs: decision.remainingMs };
  });
}

/** held -> held for `ttlMs` from now on. */
export function renewLease(database: StateDatabase, lease: Lease, ttlMs: number): Promise<void> {
  return fenced(database, lease, async (session) =>
    storeRenewal(session, lease.job, ttlMs, await database.instant(session)),
  );
}

/** held -> free; the token stays, so that it is never used again. */
export async function releaseLease(database: StateDatabase, lease: Lease): Promise<void> {
  await database.write((session) =>
    session.change(
      `update sluice_lease
          set holder_host = null, holder_pid = null, holder_started_at = null, holder_command = null
        where job = ? and token = ?`,
      [lease.job, lease.token],
    ),
  );
}

export function assertLease(database: StateDatabase, lease: Lease): Promise<void> {
  return database.read(async (session) => {
    const { stored, databaseNow } = await readLease(session, database, lease.job);
    checkNotExpired(lease, checkToken(lease, stored), databaseNow ?? (await database.instant(session)));
  });
}

export function leaseOf(database: StateDatabase, job: string): ReturnType<StateStore['leaseOf']> {
  return database.read(async (session) => {
    const { stored, databaseNow } = await readLease(session, database, job);
    if (stored?.holder == null) return null;
    const now = databaseNow ?? (await database.instant(session));
    return { holder: stored.holder, remainingMs: remainingMs(stored, now) };
  });
}

async function storeHolder(
  session: Session,
  lease: Lease,
  { holder, ttlMs }: AcquireRequest,
  now: LeaseInstant,
): Promise<void> {
  await session.change(
    `update sluice_lease
        set token = ?, holder_host = ?, holder_pid = ?, holder_started_at = ?, holder_command = ?,
            ttl_ms = ?, renewed_wall_ms = ?, renewed_boot_id = ?, renewed_uptime_ms = ?
      where job = ?`,
    [
      lease.token,
      holder.host,
      holder.pid,
      holder.processStartedAt,
      holder.command,
      ttlMs,
      now.wallMs,
      now.bootId,
      now.uptimeMs,
      lease.job,
    ],
  );
}

async function storeRenewal(session: Session, job: string, ttlMs: number, now: LeaseInstant): Promise<void> {
  await session.change(
    `update sluice_lease
        set ttl_ms = ?, renewed_wall_ms = ?, renewed_boot_id = ?, renewed_uptime_ms = ? where job = ?`,
    [ttlMs, now.wallMs, now.bootId, now.uptimeMs, job],
  );
}
