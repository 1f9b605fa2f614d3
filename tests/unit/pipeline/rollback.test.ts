import { describe, expect, it } from 'vitest';
import { runRequest } from '../../../src/cli/job/options.ts';
import { holds, rangesOf } from '../../../src/pipeline/kept-tables.ts';
import type { JobPorts } from '../../../src/pipeline/ports.ts';
import { rollback } from '../../../src/pipeline/rollback.ts';

describe('what a refresh notes for a rollback', () => {
  it.each([
    [[], []],
    [[4], [[4, 4]]],
    [
      [1, 2, 3, 7, 9, 10],
      [
        [1, 3],
        [7, 7],
        [9, 10],
      ],
    ],
  ])('of the batches %j are the ranges %j', (seqs, ranges) => {
    expect(rangesOf(seqs)).toEqual(ranges);
    for (let seq = 0; seq <= 11; seq++) expect(holds(rangesOf(seqs), seq)).toBe(seqs.includes(seq));
  });
});

describe('a rollback', () => {
  it('is not to be had on DuckDB, and says what is', async () => {
    // Nothing else of the ports is looked at before that.
    const ports = { job: { name: 'customer' }, warehouse: { dialect: 'duckdb' } } as unknown as JobPorts;
    await expect(rollback(ports, runRequest({}, {}))).rejects.toMatchObject({
      code: 'unsupported',
      exitCode: 2,
      message: expect.stringContaining('a DuckDB target keeps no replaced tables'),
      hint: expect.stringContaining('sluice job run customer --full-refresh'),
    });
  });

  it.each([{ fullRefresh: true }, { fullLoad: true }, { only: 'load' as const }])(
    'stands alone, not with %j',
    (more) => {
      expect(() => runRequest({ rollback: true, ...more }, {})).toThrow(
        /--rollback puts tables back and does nothing else/,
      );
    },
  );
});
