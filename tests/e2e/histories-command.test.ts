/** A few of the random histories by the command line, in processes of their own and on the real clock. */
import { describe, it } from 'vitest';
import { checkHistories } from '../support/histories.ts';
import { playHistory } from '../support/project-run.ts';
import { runByCommand } from '../support/run-by-command.ts';

const HISTORIES = 6;

describe.each(['customer', 'order'] as const)('the %s tables after a random history by the command line', (entity) => {
  it(`are the oracle's, ${HISTORIES} times`, { timeout: 900_000 }, async () => {
    await checkHistories(entity, HISTORIES, (history) => playHistory(history, runByCommand));
  });
});
