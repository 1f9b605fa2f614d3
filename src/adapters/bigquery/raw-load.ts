/**
 * The load jobs of batches: one per table, however many objects (several only past BigQuery's 10,000 URIs).
 *
 * A load's identity is (batch, what the batch contains, the table's creation time, round): loading the same batch into the same table
 * again finds the first job; a table that was dropped and made anew, or other content under the same batch number, is another load.
 * `round` goes up when a load that was done is found without its rows in the table (somebody deleted them).
 */
import { SluiceError } from '../../core/errors.ts';
import type { JobDefinition } from '../../core/job.ts';
import { shortHash } from './job-id.ts';
import { countOf } from './job-usage.ts';
import type { FinishedJob, JobRunner } from './job-runner.ts';
import { MAX_URIS_PER_LOAD } from './limits.ts';
import { loadSchema } from './raw-tables.ts';
import { nameOf } from './raw-schema.ts';
import type { TableResource } from './rest-types.ts';
import type { RawTable } from '../../load/raw-columns.ts';

export interface TableLoad {
  readonly job: JobDefinition;
  /** For identity, labels and messages. */
  readonly batch: string;
  readonly table: RawTable;
  readonly into: TableResource;
  readonly uris: readonly string[];
  /** What the objects contain. */
  readonly fingerprint: string;
  readonly round: number;
  readonly guard: (() => Promise<void>) | undefined;
}

export interface LoadOutcome {
  /** Rows that the jobs wrote, as BigQuery says; null when it does not say, or when an earlier submission did the work. */
  readonly rows: number | null;
}

export async function runLoad(runner: JobRunner, load: TableLoad): Promise<LoadOutcome> {
  assertLoadable(load);
  const jobs: FinishedJob[] = [];
  for (let start = 0; start < load.uris.length; start += MAX_URIS_PER_LOAD) {
    jobs.push(
      await runChunk(runner, load, load.uris.slice(start, start + MAX_URIS_PER_LOAD), start / MAX_URIS_PER_LOAD),
    );
  }
  return { rows: jobs.some(({ attached }) => attached) ? null : writtenRows(jobs) };
}

function runChunk(
  runner: JobRunner,
  load: TableLoad,
  sourceUris: readonly string[],
  chunk: number,
): Promise<FinishedJob> {
  const { tableReference, creationTime } = load.into;
  const destination = nameOf(tableReference);
  const identity = shortHash([load.fingerprint, creationTime ?? '', String(load.round), String(chunk)].join('/'));
  return runner.run({
    key: { job: load.job.name, batch: load.batch, step: `load/${destination}/${identity}` },
    configuration: {
      load: {
        sourceUris,
        sourceFormat: 'NEWLINE_DELIMITED_JSON',
        destinationTable: tableReference,
        schema: loadSchema(load.table, load.into),
        createDisposition: 'CREATE_NEVER',
        writeDisposition: 'WRITE_APPEND',
        maxBadRecords: 0,
        // Landing's lines have members that BigQuery cannot take as columns (`raw-tables.ts`).
        ignoreUnknownValues: true,
      },
    },
    what: `load ${load.batch} into ${destination}`,
    otherwise: 'load_failed',
    guard: load.guard,
  });
}

function writtenRows(jobs: readonly FinishedJob[]): number | null {
  let total = 0;
  for (const { resource } of jobs) {
    const rows = countOf(resource.statistics?.load?.outputRows);
    if (rows === null) return null;
    total += rows;
  }
  return total;
}

function assertLoadable({ uris, job }: TableLoad): void {
  const foreign = uris.find((uri) => !uri.startsWith('gs://'));
  if (foreign === undefined) return;
  throw new SluiceError(
    'unsupported',
    `job ${job.name}: BigQuery loads from Google Cloud Storage alone, but landing has ${foreign}.`,
    {
      hint: 'Give the target a landing of type gcs.',
    },
  );
}
