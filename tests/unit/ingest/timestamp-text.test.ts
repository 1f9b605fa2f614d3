import fc from 'fast-check';
import { expect, test } from 'vitest';
import { timestampText } from '../../../src/ingest/envelope.ts';

const WHOLE_RANGE = { min: -62_135_596_800_000, max: 253_402_300_799_999 };

test('a broker timestamp is written as toISOString writes it, whatever came before', () => {
  const near = fc
    .tuple(fc.integer(WHOLE_RANGE), fc.array(fc.integer({ min: -90_000, max: 90_000 }), { maxLength: 5 }))
    .map(([base, deltas]) =>
      [base, ...deltas.map((delta) => base + delta)].filter((ms) => ms >= WHOLE_RANGE.min && ms <= WHOLE_RANGE.max),
    );
  fc.assert(
    fc.property(near, (times) => {
      for (const ms of times) expect(timestampText(ms)).toBe(new Date(ms).toISOString());
    }),
    { numRuns: 2000 },
  );
  for (const ms of [0, -1, 59_999, 60_000, 253_402_300_799_999])
    expect(timestampText(ms)).toBe(new Date(ms).toISOString());
});
