/** What BigQuery's jobs cost, for people. */
import { counted } from './table.ts';

export interface Spent {
  readonly jobs: number;
  readonly bytesProcessed: number | null;
  readonly bytesBilled: number | null;
  readonly slotMs: number | null;
}

/** `BigQuery: 12.3 MB read, 20.0 MB billed, 1.2 s of slot time, 7 jobs`. */
export function usageLine({ jobs, bytesProcessed, bytesBilled, slotMs }: Spent): string {
  const parts = [
    `${bytesText(bytesProcessed)} read`,
    bytesBilled === null ? '' : `${bytesText(bytesBilled)} billed`,
    slotMs === null ? '' : `${(slotMs / 1000).toFixed(1)} s of slot time`,
    counted(jobs, 'job', 'jobs'),
  ];
  return `BigQuery: ${parts.filter((part) => part !== '').join(', ')}`;
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Powers of 1024, as BigQuery's prices count. */
export function bytesText(bytes: number | null): string {
  if (bytes === null) return 'an unknown number of bytes';
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${UNITS[unit] ?? ''}`;
}
