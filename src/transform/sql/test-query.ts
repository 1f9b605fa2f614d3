/** A data test's select becomes one row: failures, should_warn, should_error. */
import type { Dialect } from './dialect.ts';

export interface TestThresholds {
  /** Aggregate over the failing rows, `count(*)`. */
  readonly failCalc: string;
  /** Comparisons, `!= 0`. */
  readonly warnIf: string;
  readonly errorIf: string;
  /** Most failing rows that are looked at. */
  readonly limit: number | null;
}

export function testQuery(dialect: Dialect, select: string, thresholds: TestThresholds): string {
  const limit = thresholds.limit === null ? '' : `\nlimit ${String(thresholds.limit)}`;
  // An aggregate such as sum() gives NULL for no rows, which means no failures.
  const failures = `coalesce(${thresholds.failCalc}, 0)`;
  return [
    'select',
    `  cast(${failures} as ${dialect.typeName('int64')}) as failures,`,
    `  ${failures} ${thresholds.warnIf} as should_warn,`,
    `  ${failures} ${thresholds.errorIf} as should_error`,
    `from (\n${select}${limit}\n) as dbt_internal_test`,
  ].join('\n');
}
