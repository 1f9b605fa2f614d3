/** What came of a run, node by node. */
import { isSluiceError, messageOf, type ErrorCode } from '../../core/errors.ts';
import type { PlannedNode } from '../plan/plan.ts';
import type { Usage } from './ports.ts';

export interface NodeError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

export interface TestResult {
  readonly id: string;
  readonly name: string;
  readonly severity: 'error' | 'warn';
  /** error: the query itself failed. skipped: nothing came so far. */
  readonly status: 'pass' | 'warn' | 'fail' | 'error' | 'skipped';
  readonly failures: number;
  /** The compiled query's file, null when none was written. */
  readonly compiledPath: string | null;
}

export interface NodeResult {
  readonly id: string;
  readonly name: string;
  readonly kind: PlannedNode['kind'];
  readonly mode: PlannedNode['mode'];
  readonly state: 'done' | 'skipped' | 'failed';
  /** Rows written; null where there are none to count (views). */
  readonly rows: number | null;
  /** Day partitions overwritten or made. */
  readonly partitions: readonly string[];
  /** RFC 3339 UTC. */
  readonly startedAt: string;
  readonly seconds: number;
  readonly compiledPath: string | null;
  readonly tests: readonly TestResult[];
  readonly error: NodeError | null;
  /** What it cost, where the warehouse is paid by use; null: it is not, or nothing ran. */
  readonly usage: Usage | null;
  /** Data tests that only warn, and failed; what the user should know of the table. */
  readonly warnings: readonly string[];
  /** Why it was skipped. */
  readonly reason: string | null;
}

export interface RunResult {
  readonly nodes: readonly NodeResult[];
  readonly seconds: number;
  /** Whether every node is done. Warnings do not count. */
  readonly ok: boolean;
}

export function nodeError(error: unknown): NodeError {
  if (!isSluiceError(error)) return { code: 'internal', message: messageOf(error) };
  return { code: error.code, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
}
