import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addToRuns,
  expandRuns,
  formatRuns,
  holesInRuns,
  parseRuns,
  removeFromRuns,
} from '../../../src/state/seq-runs.ts';

const seqs = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 30 });

test('adding and removing behaves like a set, and the text survives a round trip', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ add: seqs, remove: seqs }), { maxLength: 5 }), (steps) => {
      let text = '';
      const expected = new Set<number>();
      for (const { add, remove } of steps) {
        text = formatRuns(removeFromRuns(addToRuns(parseRuns(text), add), remove));
        for (const seq of add) expected.add(seq);
        for (const seq of remove) expected.delete(seq);
      }
      expect([...expandRuns(parseRuns(text))]).toEqual([...expected].toSorted((a, b) => a - b));
    }),
  );
});

test('runs are as few as possible', () => {
  fc.assert(
    fc.property(seqs, (added) => {
      const runs = addToRuns([], added);
      for (const [index, run] of runs.entries()) {
        expect(run.from).toBeLessThanOrEqual(run.to);
        if (index > 0) expect(run.from).toBeGreaterThan((runs[index - 1]?.to ?? 0) + 1);
      }
    }),
  );
});

test('holes and runs together are all numbers from 1 on', () => {
  fc.assert(
    fc.property(seqs, (added) => {
      const runs = addToRuns([], added);
      const holes = holesInRuns(runs);
      expect(holes.at(-1)?.to).toBeNull();
      const inHoles = new Set<number>();
      for (const { from, to } of holes) for (let seq = from; seq <= (to ?? 50); seq += 1) inHoles.add(seq);
      const inRuns = expandRuns(runs);
      for (let seq = 1; seq <= 50; seq += 1) expect(inHoles.has(seq)).toBe(!inRuns.has(seq));
    }),
  );
});

test('ten thousand published batches are one short text', () => {
  const all = Array.from({ length: 10_000 }, (_, index) => index + 1);
  expect(formatRuns(addToRuns([], all))).toBe('1-10000');
  expect(formatRuns(addToRuns(parseRuns('1-3,7'), [5]))).toBe('1-3,5,7');
  expect(formatRuns(addToRuns(parseRuns('1-3,5'), [4]))).toBe('1-5');
  expect(formatRuns([])).toBe('');
});

test('a text that is no list is refused', () => {
  expect(() => parseRuns('1-x')).toThrow(/not a list/);
  expect(() => parseRuns('all')).toThrow(/not a list/);
});
