/** Runs the migrations that a database lacks. The caller holds the database's own lock and transaction. */
import { SluiceError } from '../../core/errors.ts';
import { MIGRATIONS, SCHEMA_VERSION } from './schema.ts';
import type { SchemaTypes } from './schema.ts';
import type { Session } from './session.ts';

export async function applyMigrations(session: Session, fromVersion: number, types: SchemaTypes): Promise<void> {
  for (const migration of MIGRATIONS.slice(fromVersion)) {
    for (const statement of migration(types)) await session.change(statement);
  }
}

/** True when nothing is to be done. */
export function isCurrent(version: number, where: string): boolean {
  if (version <= SCHEMA_VERSION) return version === SCHEMA_VERSION;
  throw new SluiceError(
    'state_newer',
    `The state database ${where} has schema version ${version}; this sluice knows versions up to ${SCHEMA_VERSION}.`,
    { hint: 'Run the newer sluice that wrote it, or point this one at another state database.', details: { version } },
  );
}
