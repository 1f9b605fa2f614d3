/**
 * The gate between a built model and its readers: data tests that run inside the transaction that publishes. The warehouse's adapter runs
 * the queries; what their row means is decided here, the same for all of them.
 */
import { SluiceError } from '../core/errors.ts';
import type { CellValue, GateResult, GateTest, QueryResult } from '../transform/run/ports.ts';

/** Reads a test's one row: failures, should_warn, should_error. */
export function judgeTest(test: GateTest, result: QueryResult): GateResult {
  const row = result.rows[0];
  if (row === undefined || row.length !== 3 || result.rows.length !== 1) {
    throw new SluiceError(
      'internal',
      `the query of data test ${test.id} gave ${String(result.rows.length)} rows of ${String(row?.length ?? 0)} columns, expected one row with failures, should_warn and should_error`,
    );
  }
  const failures = Number(row[0] ?? 0);
  if (test.severity === 'error' && isTrue(row[2])) return { id: test.id, status: 'fail', failures };
  return { id: test.id, status: isTrue(row[1]) || isTrue(row[2]) ? 'warn' : 'pass', failures };
}

/** Booleans come as such from every adapter; a comparison with NULL counts as "no". */
function isTrue(value: CellValue | undefined): boolean {
  return value === true;
}

export function isRejected(results: readonly GateResult[]): boolean {
  return results.some((result) => result.status === 'fail');
}
