/** Small facts per job, as JSON. */
import type { Lease } from '../../state/ports.ts';
import { fenced } from './fence.ts';
import type { Session, StateDatabase } from './session.ts';
import { text } from './session.ts';

/** undefined when the fact was never set. */
export async function readFact(session: Session, job: string, name: string): Promise<unknown> {
  const [row] = await session.rows('select value from sluice_fact where job = ? and name = ?', [job, name]);
  return row === undefined ? undefined : JSON.parse(text(row, 'value'));
}

export function setFact(database: StateDatabase, lease: Lease, name: string, value: unknown): Promise<void> {
  return fenced(database, lease, (session) => storeFact(session, lease.job, name, value));
}

export async function storeFact(session: Session, job: string, name: string, value: unknown): Promise<void> {
  await session.change(
    `insert into sluice_fact (job, name, value) values (?, ?, ?)
     on conflict (job, name) do update set value = excluded.value`,
    [job, name, JSON.stringify(value ?? null)],
  );
}
