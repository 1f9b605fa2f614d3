/** As histories-customer.test.ts, for an entity of another shape; a file of its own, so that the two run beside each other. */
import { describe, it } from 'vitest';
import { checkHistories } from '../support/histories.ts';
import { playHistory } from '../support/project-run.ts';
import { inProcess } from '../support/run-in-process.ts';

const HISTORIES = 140;

describe('the order tables after a random history (hard deletes, one topic, no snapshot)', () => {
  it(`are the oracle's, ${HISTORIES} times`, { timeout: 900_000 }, async () => {
    await checkHistories('order', HISTORIES, (history) => playHistory(history, inProcess()));
  });
});
