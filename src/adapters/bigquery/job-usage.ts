/** What a job cost, for `run_results.json`, `--json` and the summary of a run. */
import type { JobResource } from './rest-types.ts';

export interface JobUsage {
  readonly jobId: string;
  /** The sluice job, the batch or run, the model if it was one's. */
  readonly job: string;
  readonly batch: string;
  readonly model: string | undefined;
  readonly kind: 'load' | 'statement' | 'query';
  /** Null where BigQuery names none (loads are free, the emulator counts little). */
  readonly bytesProcessed: number | null;
  readonly bytesBilled: number | null;
  readonly slotMs: number | null;
  /** From start to end of the job, without waiting in BigQuery's queue. */
  readonly seconds: number | null;
}

export function usageOf(resource: JobResource, about: Pick<JobUsage, 'jobId' | 'job' | 'batch' | 'model'>): JobUsage {
  const statistics = resource.statistics ?? {};
  const { query } = statistics;
  const started = countOf(statistics.startTime);
  const ended = countOf(statistics.endTime);
  return {
    ...about,
    kind: resource.configuration?.load === undefined ? 'statement' : 'load',
    bytesProcessed: countOf(query?.totalBytesProcessed ?? statistics.totalBytesProcessed),
    bytesBilled: countOf(query?.totalBytesBilled),
    slotMs: countOf(query?.totalSlotMs ?? statistics.totalSlotMs),
    seconds: started === null || ended === null ? null : (ended - started) / 1000,
  };
}

/** A count as the API gives it: 64-bit integers as text. Bytes and milliseconds stay far below 2^53. */
export function countOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const count = Number(text);
  return Number.isFinite(count) ? count : null;
}
