/** The contract of the port JobLedger (src/state/job-ledger.ts). Every adapter runs it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JobLedger, NewAttempt } from '../../src/state/job-ledger.ts';

export interface LedgerUnderTest {
  readonly ledger: JobLedger;
  /** The same ledger as another process sees it. */
  reopen(): Promise<JobLedger>;
  close(): Promise<void>;
}

export function jobLedgerContract(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`the job ledger contract: ${name}`, () => {
    let under: LedgerUnderTest;
    const attempt = (more: Partial<NewAttempt> = {}): NewAttempt => {
      const number = more.attempt ?? 1;
      return {
        jobId: `id-${String(number)}`,
        job: 'customer',
        run: 'run-1',
        key: 'p/customer/b1/load',
        attempt: number,
        kind: 'load',
        ...more,
      };
    };

    beforeEach(async () => {
      under = await open();
    });
    afterEach(() => under.close());

    test('knows what was recorded, in order of attempts, in another process too', async () => {
      await under.ledger.record(attempt({ attempt: 2 }));
      await under.ledger.record(attempt());
      const again = await under.reopen();
      expect(await again.attempts('p/customer/b1/load')).toEqual([
        { ...attempt(), state: 'open' },
        { ...attempt({ attempt: 2 }), state: 'open' },
      ]);
      expect(await again.attempts('p/customer/b2/load')).toEqual([]);
    });

    test('an identical repetition changes nothing, whichever run it comes from', async () => {
      await under.ledger.record(attempt());
      await under.ledger.settle('id-1', 'done');
      await under.ledger.record(attempt({ run: 'run-2' }));
      expect(await under.ledger.attempts('p/customer/b1/load')).toEqual([{ ...attempt(), state: 'done' }]);
    });

    test('one id has one meaning, and one attempt one id', async () => {
      await under.ledger.record(attempt());
      await expect(under.ledger.record(attempt({ key: 'other' }))).rejects.toMatchObject({ code: 'state_conflict' });
      await expect(under.ledger.record(attempt({ jobId: 'other' }))).rejects.toMatchObject({ code: 'state_conflict' });
      expect(await under.ledger.attempts('p/customer/b1/load')).toHaveLength(1);
    });

    test('keeps the first outcome of a load', async () => {
      await under.ledger.record(attempt());
      await under.ledger.settle('id-1', 'failed');
      await under.ledger.settle('id-1', 'done');
      await under.ledger.settle('unknown', 'done');
      expect(await under.ledger.attempts('p/customer/b1/load')).toEqual([{ ...attempt(), state: 'failed' }]);
    });

    test('lists what is open, by job', async () => {
      await under.ledger.record(attempt());
      await under.ledger.record(attempt({ jobId: 'other-job', job: 'order', key: 'p/order/b1/load' }));
      await under.ledger.record(attempt({ jobId: 'statement', key: 'p/customer/b1/publish', kind: 'statement' }));
      await under.ledger.record(attempt({ jobId: 'ended', key: 'p/customer/b1/zzz', kind: 'statement' }));
      await under.ledger.settle('ended', 'burnt');
      const again = await under.reopen();
      expect((await again.open('customer')).map(({ jobId, kind, run }) => [jobId, kind, run])).toEqual([
        ['id-1', 'load', 'run-1'],
        ['statement', 'statement', 'run-1'],
      ]);
    });
  });
}
