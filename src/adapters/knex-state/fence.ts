/**
 * The lease's row: reading it, and the check that stands in front of every write. The row stays locked to the end of the transaction
 * (PostgreSQL: `for update`; SQLite: `begin immediate`), so a takeover and a write can only come one after the other.
 */
import { SluiceError } from '../../core/errors.ts';
import type { BatchHead, Lease, LeaseHolder } from '../../state/ports.ts';
import { checkToken } from '../../state/lease-rules.ts';
import type { LeaseInstant, StoredLease } from '../../state/lease-rules.ts';
import type { Row, Session, StateDatabase } from './session.ts';
import { integer, integerOrNull, text, textOrNull } from './session.ts';

/** Runs `work` in a transaction that the lease's token guards. */
export function fenced<T>(database: StateDatabase, lease: Lease, work: (session: Session) => Promise<T>): Promise<T> {
  return database.write(async (session) => {
    checkToken(lease, (await readLease(session, database, lease.job, database.dialect.forUpdate)).stored);
    return work(session);
  });
}

/** A transition changes exactly its batch: anything else means that the row is not in the state just read. */
export function expectOne(changed: number, batch: BatchHead): void {
  if (changed !== 1) {
    throw new SluiceError(
      'state_conflict',
      `Batch ${batch.id} changed while it was written (${changed} rows instead of 1).`,
    );
  }
}

export interface LeaseReading {
  readonly stored: StoredLease | null;
  /** The database's clock at the reading; null where the process's clocks count or there is no row. */
  readonly databaseNow: LeaseInstant | null;
}

export async function readLease(
  session: Session,
  database: StateDatabase,
  job: string,
  lock = '',
): Promise<LeaseReading> {
  const [row] = await session.rows(
    `select token, holder_host, holder_pid, holder_started_at, holder_command, ttl_ms,
            renewed_wall_ms, renewed_boot_id, renewed_uptime_ms, ${database.dialect.nowMs} as now_ms
       from sluice_lease where job = ?${lock}`,
    [job],
  );
  if (row === undefined) return { stored: null, databaseNow: null };
  const now = integerOrNull(row, 'now_ms');
  return { stored: storedLease(row), databaseNow: now === null ? null : databaseInstant(now) };
}

export function databaseInstant(wallMs: number): LeaseInstant {
  return { wallMs, bootId: null, uptimeMs: 0 };
}

function storedLease(row: Row): StoredLease {
  return {
    token: integer(row, 'token'),
    holder: holderOf(row),
    ttlMs: integer(row, 'ttl_ms'),
    renewedAt: {
      wallMs: integer(row, 'renewed_wall_ms'),
      bootId: textOrNull(row, 'renewed_boot_id'),
      uptimeMs: integer(row, 'renewed_uptime_ms'),
    },
  };
}

function holderOf(row: Row): LeaseHolder | null {
  const host = textOrNull(row, 'holder_host');
  if (host === null) return null;
  return {
    host,
    pid: integer(row, 'holder_pid'),
    processStartedAt: textOrNull(row, 'holder_started_at'),
    command: text(row, 'holder_command'),
  };
}
