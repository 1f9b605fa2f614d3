import { MemoryJobLedger } from '../../src/adapters/memory/job-ledger.ts';
import { jobLedgerContract } from './job-ledger.ts';

jobLedgerContract('memory', () => {
  const ledger = new MemoryJobLedger();
  return Promise.resolve({ ledger, reopen: () => Promise.resolve(ledger), close: () => Promise.resolve() });
});
