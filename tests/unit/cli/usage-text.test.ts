import { describe, expect, it } from 'vitest';
import { bytesText, usageLine } from '../../../src/cli/usage-text.ts';

describe('what jobs cost, for people', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KB'],
    [10_485_760, '10.0 MB'],
    [5 * 1024 ** 4, '5.0 TB'],
    [3000 * 1024 ** 5, '3000.0 PB'],
    [null, 'an unknown number of bytes'],
  ])('%s bytes are %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });

  it('stands in one line', () => {
    expect(usageLine({ jobs: 7, bytesProcessed: 2048, bytesBilled: 20_971_520, slotMs: 1234 })).toBe(
      'BigQuery: 2.0 KB read, 20.0 MB billed, 1.2 s of slot time, 7 jobs',
    );
    expect(usageLine({ jobs: 1, bytesProcessed: 0, bytesBilled: null, slotMs: null })).toBe(
      'BigQuery: 0 B read, 1 job',
    );
  });
});
