/**
 * A bug must be made twice: the TypeScript and the Python oracle answer the same for random histories. SLUICE_SEED=… repeats a run.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Expected, GroundTruth } from '../../oracle/ground-truth.ts';
import { expectedTables } from '../../oracle/oracle.ts';
import { describeHistory, imaginedTruth } from '../../support/history-truth.ts';
import { histories } from '../../support/histories.ts';

const HISTORIES = 150;

function python(truths: readonly GroundTruth[]): Expected[] {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-oracle-'));
  try {
    writeFileSync(join(folder, 'in.json'), JSON.stringify(truths));
    const script = join(import.meta.dirname, '../../oracle/oracle.py');
    try {
      execFileSync('python3', ['-B', script, join(folder, 'in.json'), join(folder, 'out.json')], { stdio: 'pipe' });
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      const text = missing
        ? 'python3 (3.9 or newer) is not on the PATH; install it: the second oracle needs it'
        : undefined;
      throw new Error(text ?? `oracle.py failed: ${String((error as { stderr?: Buffer }).stderr)}`, { cause: error });
    }
    return JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8')) as Expected[];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Reasons are a set. */
const normal = (expected: Expected): Expected => ({
  ...expected,
  deadLetters: expected.deadLetters.map(({ at, reasons }) => ({ at, reasons: [...new Set(reasons)].toSorted() })),
});

describe.each(['customer', 'order'] as const)('the oracles on random %s histories', (entity) => {
  it(`agree on ${HISTORIES} of them`, { timeout: 300_000 }, () => {
    const seed = Number(process.env['SLUICE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    const told = fc.sample(histories(entity), { seed, numRuns: HISTORIES });
    const truths = told.map(imaginedTruth);
    const second = python(truths);
    truths.forEach((truth, index) => {
      const history = told[index];
      const story = history === undefined ? '' : describeHistory(history);
      const message = `SLUICE_SEED=${seed}, history ${index} of ${entity}\n${story}`;
      expect(normal(expectedTables(truth)), message).toEqual(second[index]);
    });
  });
});
