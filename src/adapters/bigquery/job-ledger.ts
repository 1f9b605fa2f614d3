/** For targets that have no state store: see `state/job-ledger.ts` for what a ledger promises, and `knex-state` for one that lasts. */
export { MemoryJobLedger } from '../memory/job-ledger.ts';
