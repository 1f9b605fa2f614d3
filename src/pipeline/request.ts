/** What a run of a job is asked to do, and what it says afterwards (CUSTOMER.md §4, `--json`). */
import type { BatchKind } from '../core/batch.ts';

export type Step = 'land' | 'load' | 'transform';

export interface Acceptances {
  readonly deletes: boolean;
  readonly gap: boolean;
  readonly quarantine: boolean;
  readonly shrink: boolean;
}

export interface RunRequest {
  readonly fullLoad: boolean;
  readonly fullRefresh: boolean;
  /** null: all steps. */
  readonly only: Step | null;
  /** RFC 3339 UTC; null: the clock. */
  readonly logicalTime: string | null;
  readonly dryRun: boolean;
  readonly accept: Acceptances;
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
}

export interface BatchReport {
  readonly id: string;
  readonly kind: BatchKind | 'refresh';
  readonly state: string;
  readonly logicalTime: string;
  readonly read: number;
  readonly landed: number;
  readonly quarantined: number;
  readonly ranges: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly from: string;
    readonly to: string;
  }[];
}

export interface StepReport {
  readonly name: string;
  readonly state: 'done' | 'skipped' | 'failed';
  readonly rows: number;
  readonly seconds: number;
}

export interface ModelReport {
  readonly name: string;
  readonly state: 'done' | 'skipped' | 'failed';
  readonly rows: number;
  readonly partitions: readonly string[];
  readonly seconds: number;
  /** Of BigQuery: bytes and milliseconds of slot time, null where it names none, and the job that published. */
  readonly bytesProcessed?: number | null;
  readonly bytesBilled?: number | null;
  readonly slotMs?: number | null;
  readonly jobId?: string | null;
  /** `--dry-run` on BigQuery: bytes that the model's query would read; null: not known. */
  readonly estimatedBytes?: number | null;
}

/** What all jobs of a run cost together, raw tables and models, where the warehouse is paid by use. */
export interface UsageReport {
  readonly jobs: number;
  readonly bytesProcessed: number | null;
  readonly bytesBilled: number | null;
  readonly slotMs: number | null;
}

export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

export interface RunReport {
  readonly job: string;
  readonly exitCode: number;
  readonly logicalTime: string;
  readonly batches: readonly BatchReport[];
  readonly steps: readonly StepReport[];
  readonly models: readonly ModelReport[];
  /** Absent where nothing is paid by use, and where the warehouse was not opened. */
  readonly usage?: UsageReport;
  readonly errors: readonly ErrorReport[];
  /** Things to know that are no errors (schema drift, stale partitions, no history yet). */
  readonly warnings: readonly string[];
}
