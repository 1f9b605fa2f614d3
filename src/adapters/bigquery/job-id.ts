/**
 * Identity of BigQuery jobs. A job id is made from what the job does and the number of the attempt, so that whoever comes back after a
 * crash finds the job again, and BigQuery itself refuses to run it twice (409). It is readable because people meet it in the console.
 */
import { createHash } from 'node:crypto';

export interface StepKey {
  /** The sluice job. */
  readonly job: string;
  /** The batch that a load belongs to, or the run that a statement belongs to. */
  readonly batch: string;
  /** What is done, destination included: two environments in one project must never share an id. */
  readonly step: string;
}

/** What all attempts at one step share. */
export function keyText(project: string, key: StepKey): string {
  return [project, key.job, key.batch, key.step].map(encodeURIComponent).join('/');
}

/** BigQuery allows letters, digits, `_` and `-`, 1024 characters. */
export function jobId(project: string, key: StepKey, attempt: number): string {
  const readable = ['sluice', key.job, key.batch, key.step].map((part) =>
    part.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 100),
  );
  return `${readable.join('_')}_${shortHash(keyText(project, key))}_a${String(attempt)}`;
}

export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Labels take lower-case letters, digits, `_` and `-`, 63 characters. What had to change keeps apart by a hash. */
export function labelValue(text: string): string {
  const plain = text.toLowerCase().replace(/[^a-z0-9_-]/g, '_');
  return plain === text && plain.length <= 63 ? plain : `${plain.slice(0, 54)}_${shortHash(text).slice(0, 8)}`;
}
