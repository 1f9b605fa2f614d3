/** What a history means to the oracle, and how to print it. */
import type { GroundTruth, OracleRecord, OracleSnapshot } from '../oracle/ground-truth.ts';
import { guardSnapshot } from '../oracle/oracle.ts';
import type { History, HistoryRun } from './history-build.ts';
import { PROFILES } from './history-values.ts';

/** The records with their offsets, run by run. */
export function recordsByRun(history: History): OracleRecord[][] {
  const next = new Map<string, number>();
  return history.runs.map(({ produced }) =>
    produced.map(({ topic, partition, timestampMs, key, value }) => {
      const offset = next.get(`${topic}/${partition}`) ?? 0;
      next.set(`${topic}/${partition}`, offset + 1);
      const bytes = { key: key?.toString('base64') ?? null, value: value?.toString('base64') ?? null };
      return { topic, epoch: 0, partition, offset, timestampMs, ...bytes };
    }),
  );
}

export function snapshotOf(run: HistoryRun, id: string): OracleSnapshot {
  const pages = run.fullLoad ?? [];
  const startedAt = run.logicalTime;
  const tookMs = pages.reduce((sum, { takesMs }) => sum + takesMs, 0);
  const finishedAt = new Date(Date.parse(startedAt) + tookMs).toISOString();
  return { id, startedAt, finishedAt, pages, reachedLastPage: true, admitted: true };
}

/**
 * The ground truth if runs took no time but for the server's: each download starts at its run's logical time, and the guard judges it by
 * what was landed before. The harness reads the real times and admissions instead.
 */
export function imaginedTruth(history: History): GroundTruth {
  const { job } = PROFILES[history.entity];
  const byRun = recordsByRun(history);
  const landed: OracleRecord[] = [];
  const waiting: OracleRecord[] = [];
  let snapshots: OracleSnapshot[] = [];
  history.runs.forEach((run, index) => {
    const truth = (): GroundTruth => ({ job, records: landed, snapshots, logicalTime: run.logicalTime });
    if (run.acceptDeletes) snapshots = snapshots.map((snapshot) => ({ ...snapshot, admitted: true }));
    if (run.fullLoad !== null) {
      const candidate = snapshotOf(run, `s${String(index + 1).padStart(8, '0')}`);
      const { refused } = guardSnapshot(truth(), candidate);
      snapshots = [...snapshots, { ...candidate, admitted: !refused || run.acceptDeletes }];
    }
    waiting.push(...(byRun[index] ?? []));
    if (run.mode === 'all' || run.mode === 'land') landed.push(...waiting.splice(0));
  });
  const logicalTime = history.runs.at(-1)?.logicalTime ?? '';
  return { job, records: [...landed, ...waiting], snapshots, logicalTime };
}

const short = (bytes: Buffer | null): string => {
  if (bytes === null) return 'null';
  const text = JSON.stringify(bytes.toString()).slice(1, -1).replaceAll('\\"', '"');
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
};

/** The whole history as lines to read. */
export function describeHistory(history: History): string {
  const lines = [
    `${history.entity}: ${history.topics.map(({ name, partitions }) => `${name} x${partitions}`).join(', ')}`,
  ];
  const byRun = recordsByRun(history);
  history.runs.forEach((run, index) => {
    run.produced.forEach((record, position) => {
      const offset = byRun[index]?.[position]?.offset;
      const time = new Date(record.timestampMs).toISOString();
      lines.push(
        `  ${record.topic}/${record.partition}/${offset} at ${time} key ${short(record.key)} value ${short(record.value)}`,
      );
    });
    const flags = [
      run.mode,
      run.maxBatchRows === null ? '' : `max_batch_rows=${run.maxBatchRows}`,
      run.acceptDeletes ? '--accept-deletes' : '',
      run.lost == null ? '' : `after the ${run.lost} was lost`,
    ];
    lines.push(`run ${index + 1} at ${run.logicalTime} ${flags.filter((flag) => flag !== '').join(' ')}`);
    run.fullLoad?.forEach((page, number) => {
      lines.push(`  --full-load page ${number + 1} total ${page.total} takes ${page.takesMs} ms`);
      page.items.forEach((item, row) => lines.push(`    row ${row + 1}: ${short(Buffer.from(item))}`));
    });
  });
  return lines.join('\n');
}
