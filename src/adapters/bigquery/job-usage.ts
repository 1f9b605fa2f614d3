/** What jobs cost, for `run_results.json`, `--json` and the summary of a run. */
import type { Usage } from '../../transform/run/ports.ts';
import type { JobResource } from './rest-types.ts';

export interface JobUsage {
  readonly jobId: string;
  /** The sluice job, the batch or run, the model if it was one's. */
  readonly job: string;
  readonly batch: string;
  readonly model: string | undefined;
  readonly kind: 'load' | 'statement' | 'query';
  /** BigQuery's word for what ran: `SCRIPT`, `MERGE`, `SELECT`, …; null where it names none. */
  readonly statementType: string | null;
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
    statementType: query?.statementType ?? null,
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

/** Adds jobs up. What BigQuery did not name counts as nothing, unless it named it for none of them. */
export class UsageSum {
  readonly #place: Pick<Usage, 'project' | 'location'>;
  #jobs = 0;
  #bytesProcessed: number | null = null;
  #bytesBilled: number | null = null;
  #slotMs: number | null = null;
  #last: Pick<Usage, 'jobId' | 'statementType'> = { jobId: null, statementType: null };

  constructor({ project, location }: Pick<Usage, 'project' | 'location'>) {
    this.#place = { project, location };
  }

  add(usage: JobUsage): void {
    this.#jobs++;
    this.#bytesProcessed = sum(this.#bytesProcessed, usage.bytesProcessed);
    this.#bytesBilled = sum(this.#bytesBilled, usage.bytesBilled);
    this.#slotMs = sum(this.#slotMs, usage.slotMs);
  }

  /** The job that people look for in the console: the one that published. */
  name({ jobId, statementType }: JobUsage): void {
    this.#last = { jobId, statementType };
  }

  total(): Usage {
    return {
      ...this.#place,
      ...this.#last,
      jobs: this.#jobs,
      bytesProcessed: this.#bytesProcessed,
      bytesBilled: this.#bytesBilled,
      slotMs: this.#slotMs,
    };
  }
}

function sum(known: number | null, more: number | null): number | null {
  return more === null ? known : (known ?? 0) + more;
}
