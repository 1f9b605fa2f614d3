/** The raw tables against what was produced and served: good rows with their texts untouched, dead letters whole (CUSTOMER.md §3). */
import type { Expected, GroundTruth, OracleJob, Row } from '../oracle/ground-truth.ts';
import { instant, instantText } from '../oracle/time.ts';
import { judgeRecord, judgeRestRow } from '../oracle/verdict.ts';
import { compareTables, tellDifferences } from './compare-tables.ts';
import type { ComparedRow } from './compare-tables.ts';
import type { ReadColumn, Tables } from './read-tables.ts';
import { fittingCodes } from './reason-codes.ts';

const text = (base64: string | null): string | null =>
  base64 === null ? null : Buffer.from(base64, 'base64').toString();
const typed = (type: string, ...names: string[]): ReadColumn[] => names.map((name) => ({ name, type }));
const strings = (...names: string[]): ReadColumn[] => typed('STRING', ...names);

interface RawRows {
  readonly stream: ComparedRow[];
  readonly snapshot: ComparedRow[];
  /** `reason_code` is left to the caller. */
  readonly dead: ComparedRow[];
}

function expectedStream({ records, job }: GroundTruth): Pick<RawRows, 'stream' | 'dead'> {
  const stream: ComparedRow[] = [];
  const dead: ComparedRow[] = [];
  for (const record of records) {
    const verdict = judgeRecord(record, job);
    const key = `${record.topic}/${record.epoch}/${record.partition}/${record.offset}`;
    const _timestamp = instantText(BigInt(record.timestampMs) * 1000n);
    if (!verdict.good) dead.push({ key, row: { _timestamp, key_base64: record.key, value_base64: record.value } });
    else {
      const _event_at = verdict.eventAt === null ? null : instantText(verdict.eventAt);
      stream.push({
        key,
        row: { _timestamp, _key: verdict.key, _op: verdict.op, _event_at, value: text(record.value) },
      });
    }
  }
  return { stream, dead };
}

function expectedSnapshots({ snapshots, job }: GroundTruth): Pick<RawRows, 'snapshot' | 'dead'> {
  const snapshot: ComparedRow[] = [];
  const dead: ComparedRow[] = [];
  for (const { id, startedAt, finishedAt, pages, admitted } of snapshots) {
    pages.forEach(({ items }, page) =>
      items.forEach((value, row) => {
        const verdict = judgeRestRow(value, job, instant(finishedAt));
        const key = `${id}/${page + 1}/${row + 1}`;
        if (!verdict.good) dead.push({ key, row: { value_base64: Buffer.from(value).toString('base64') } });
        else if (admitted) {
          snapshot.push({
            key,
            row: { _snapshot_started_at: instantText(instant(startedAt)), _key: verdict.key, value },
          });
        }
      }),
    );
  }
  return { snapshot, dead };
}

async function readRaw(tables: Tables, entity: string, job: OracleJob): Promise<RawRows> {
  const place = ({ _topic, _epoch, _partition, _offset, ...row }: Row): ComparedRow => ({
    key: `${_topic}/${_epoch}/${_partition}/${_offset}`,
    row,
  });
  // The product counts a page's rows from 0.
  const restPlace = ({ _snapshot_id, _page, _row, ...row }: Row): ComparedRow => ({
    key: `${_snapshot_id}/${_page}/${Number(_row) + 1}`,
    row,
  });
  const times = (...names: string[]): ReadColumn[] => typed('TIMESTAMP', ...names);
  const position = [...strings('_topic'), ...typed('INT64', '_epoch', '_partition', '_offset')];
  const restPosition = [...strings('_snapshot_id'), ...typed('INT64', '_page', '_row')];
  const table = (name: string): string => `analytics_raw.raw_${entity}_${name}`;
  const stream = await tables.read(table('stream'), [
    ...position,
    ...times('_timestamp', '_event_at'),
    ...strings('_key', '_op', 'value'),
  ]);
  const dead = await tables.read(table('dead_letter'), [
    ...position,
    ...restPosition,
    ...times('_timestamp'),
    ...strings('key_base64', 'value_base64', 'reason_code'),
  ]);
  const snapshot =
    job.historyStart === 'first_event'
      ? []
      : await tables.read(table('snapshot'), [
          ...restPosition,
          ...times('_snapshot_started_at'),
          ...strings('_key', 'value'),
        ]);
  return {
    stream: stream.map(place),
    snapshot: snapshot.map(restPlace),
    dead: dead.map((row) => (row['_topic'] === null ? restPlace(row) : place(row))),
  };
}

export async function checkRaw(
  tables: Tables,
  entity: string,
  truth: GroundTruth,
  expected: Expected,
): Promise<string[]> {
  const streamed = expectedStream(truth);
  const listed = expectedSnapshots(truth);
  const actual = await readRaw(tables, entity, truth.job);
  const admitted = new Set(truth.snapshots.filter((snapshot) => snapshot.admitted).map(({ id }) => id));
  const problems = [
    tellDifferences(`raw_${entity}_stream`, compareTables(streamed.stream, actual.stream), truth),
    tellDifferences(
      `raw_${entity}_snapshot`,
      compareTables(
        listed.snapshot,
        actual.snapshot.filter(({ key }) => admitted.has(key.split('/')[0] ?? '')),
      ),
      truth,
    ),
    tellDifferences(`raw_${entity}_dead_letter`, compareTables([...streamed.dead, ...listed.dead], actual.dead), truth),
  ].filter((told) => told !== '');
  for (const { at, reasons } of expected.deadLetters) {
    const code = actual.dead.find(({ key }) => key === at)?.row['reason_code'];
    if (code !== undefined && !fittingCodes(reasons).includes(code ?? ''))
      problems.push(`${at}: ${code}, expected ${reasons.join(' or ')}`);
  }
  return problems;
}
