/**
 * Random histories, played on the whole embedded target: whatever the cut of the stream, the order of runs, single steps, repetitions and
 * rebuilds, the tables are the oracle's, row by row. A failure prints the smallest history found and how to repeat it.
 */
import { describe, it } from 'vitest';
import { checkHistories } from '../support/histories.ts';
import { playHistory } from '../support/project-run.ts';
import { inProcess } from '../support/run-in-process.ts';

const HISTORIES = 180;

describe('the customer tables after a random history (soft deletes, snapshots, three topics)', () => {
  it(`are the oracle's, ${HISTORIES} times`, { timeout: 900_000 }, async () => {
    await checkHistories('customer', HISTORIES, (history) => playHistory(history, inProcess()));
  });
});
