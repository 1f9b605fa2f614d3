/**
 * The oracle: the tables that CUSTOMER.md promises, folded anew for every day and key from all records. Simple before fast. `oracle.py`
 * is written independently to the same input and output; a test holds them against each other.
 */
import { rowOfKey } from './fold.ts';
import type { Fact } from './fold.ts';
import type {
  Expected,
  ExpectedDeadLetter,
  ExpectedRow,
  GroundTruth,
  OracleJob,
  OracleSnapshot,
} from './ground-truth.ts';
import { daysBetween, instant, localDay } from './time.ts';
import { judgeRecord, judgeRestRow } from './verdict.ts';

const later = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

interface JudgedSnapshot {
  readonly id: string;
  readonly admitted: boolean;
  readonly complete: boolean;
  readonly s0: bigint;
  readonly s1: bigint;
  /** "A row that goes to the dead letters still counts as present." */
  readonly present: ReadonlySet<string>;
  readonly rows: readonly Fact[];
  readonly dead: readonly ExpectedDeadLetter[];
}

function streamFacts(truth: GroundTruth): { facts: Fact[]; dead: ExpectedDeadLetter[] } {
  const facts: Fact[] = [];
  const dead: ExpectedDeadLetter[] = [];
  const seen = new Set<string>();
  for (const record of truth.records) {
    const at = `${record.topic}/${record.epoch}/${record.partition}/${record.offset}`;
    // "Redelivery of the same (topic, partition, offset) is one record."
    if (seen.has(at)) continue;
    seen.add(at);
    const verdict = judgeRecord(record, truth.job);
    if (!verdict.good) {
      dead.push({ at, reasons: verdict.reasons });
      continue;
    }
    const observed = BigInt(record.timestampMs) * 1000n;
    // "event with a value | … | updated_at | updated_at | updated_at"; "tombstone | gone | none | broker timestamp | broker timestamp"
    const time = verdict.eventAt ?? observed;
    facts.push({
      key: verdict.key,
      there: verdict.op !== 'd',
      op: verdict.op,
      version: verdict.cells === null ? null : time,
      assertion: time,
      effective: time,
      cells: verdict.cells,
      at,
      kind: 0,
      observed,
      source: record.topic,
      place: [record.partition, record.epoch, record.offset],
    });
  }
  return { facts, dead };
}

function judgeSnapshot(snapshot: OracleSnapshot, job: OracleJob): JudgedSnapshot {
  const s0 = instant(snapshot.startedAt);
  const s1 = instant(snapshot.finishedAt);
  const earliest = s0 - BigInt(job.toleranceMs) * 1000n;
  const rows: Fact[] = [];
  const dead: ExpectedDeadLetter[] = [];
  const present = new Set<string>();
  let idsReadable = true;
  snapshot.pages.forEach(({ items }, page) => {
    items.forEach((item, index) => {
      const verdict = judgeRestRow(item, job, s1);
      const at = `${snapshot.id}/${page + 1}/${index + 1}`;
      if (verdict.key === undefined) idsReadable = false;
      else present.add(verdict.key);
      if (!verdict.good) {
        dead.push({ at, reasons: verdict.reasons });
        return;
      }
      const updatedAt = verdict.eventAt;
      rows.push({
        key: verdict.key,
        there: true,
        op: 'r',
        version: updatedAt ?? earliest, // "`updated_at`, else S0 − tolerance"
        assertion: later(updatedAt ?? earliest, earliest), // "the later of `updated_at` and S0 − tolerance"
        effective: later(updatedAt ?? s0, s0), // "the later of S0 and `updated_at`"
        cells: verdict.cells,
        at,
        kind: 1,
        observed: s0,
        source: snapshot.id,
        place: [page, index],
      });
    });
  });
  // "*complete* when the last page was reached, every row had a readable id, and the number of distinct ids lies between the smallest
  // and the largest `total` of its first and last page (with offset or page-number pagination those two must also be equal)"
  const totals = [snapshot.pages.at(0)?.total ?? null, snapshot.pages.at(-1)?.total ?? null];
  const known = totals.filter((total) => total !== null);
  const counted = known.length === 0 || (present.size >= Math.min(...known) && present.size <= Math.max(...known));
  const steady = snapshot.shifting !== true || totals[0] === totals[1];
  const complete = snapshot.reachedLastPage && idsReadable && counted && steady;
  return { id: snapshot.id, admitted: snapshot.admitted, complete, s0, s1, present, rows, dead };
}

/** "An *absence* exists for every key that is not in a complete snapshot, …" */
function absences(snapshot: JudgedSnapshot, stream: readonly Fact[], rows: readonly Fact[], job: OracleJob): Fact[] {
  if (!snapshot.complete) return []; // "An incomplete one counts with its rows, not with its absences."
  const { s0, s1, id } = snapshot;
  const tolerance = BigInt(job.toleranceMs) * 1000n;
  const keys = new Set([...stream, ...rows].map(({ key }) => key));
  return [...keys]
    .filter((key) => {
      // "… has a record **observed** before S0 (event: broker timestamp; snapshot row: its S0)"
      const observed = [...stream, ...rows].some((fact) => fact.key === key && fact.observed < s0);
      // "… and has no stream record whose assertion time lies in [S0 − tolerance, S1 + tolerance]"
      const moving = stream.some(
        (fact) => fact.key === key && fact.assertion >= s0 - tolerance && fact.assertion <= s1 + tolerance,
      );
      return !snapshot.present.has(key) && observed && !moving;
    })
    .map((key) => ({
      key,
      there: false,
      op: 'd',
      version: null,
      assertion: s0 - tolerance,
      effective: s0,
      cells: null,
      at: `${id}/absent`,
      kind: 1,
      observed: s0,
      source: id,
      place: [],
    }));
}

/** Facts by key out of the stream and the admitted snapshots; a refused snapshot "is kept out as a whole". */
function factsByKey(
  stream: readonly Fact[],
  snapshots: readonly JudgedSnapshot[],
  job: OracleJob,
): Map<string, Fact[]> {
  const admitted = snapshots.filter((snapshot) => snapshot.admitted);
  const rows = admitted.flatMap((snapshot) => snapshot.rows);
  const gone = admitted.flatMap((snapshot) => absences(snapshot, stream, rows, job));
  return Map.groupBy([...stream, ...rows, ...gone], ({ key }) => key);
}

function rowsOf(facts: ReadonlyMap<string, readonly Fact[]>, job: OracleJob): ExpectedRow[] {
  return [...facts]
    .toSorted(([a], [b]) => byText(a, b))
    .map(([key, ofKey]) => rowOfKey(key, ofKey, job))
    .filter((row) => row !== undefined);
}

function firstDay(stream: readonly Fact[], snapshots: readonly JudgedSnapshot[], job: OracleJob): string | null {
  if (/^\d/.test(job.historyStart)) return job.historyStart;
  // "'first_snapshot': the local day of the first admitted snapshot's S0, complete or not; without one history is empty"
  const starts =
    job.historyStart === 'first_snapshot'
      ? snapshots.filter(({ admitted }) => admitted).map(({ s0 }) => s0)
      : stream.map(({ effective }) => effective);
  const first = starts.toSorted((a, b) => Number(a - b))[0];
  return first === undefined ? null : localDay(first, job.timezone);
}

export function expectedTables(truth: GroundTruth): Expected {
  const { job } = truth;
  const { facts: stream, dead } = streamFacts(truth);
  const snapshots = truth.snapshots.map((snapshot) => judgeSnapshot(snapshot, job));
  const facts = factsByKey(stream, snapshots, job);
  const today = localDay(instant(truth.logicalTime), job.timezone);
  const historyStart = firstDay(stream, snapshots, job);
  // "for every local day D from `history_start` to today, the row of every key over the records with an effective time before the end of D"
  const history = daysBetween(historyStart ?? '9999-12-31', today).flatMap((day) => {
    const until = [...facts].map(([key, ofKey]): [string, Fact[]] => [
      key,
      ofKey.filter(({ effective }) => localDay(effective, job.timezone) <= day),
    ]);
    return rowsOf(new Map(until), job).map((row) => ({ ...row, day }));
  });
  const admitted = snapshots.filter((snapshot) => snapshot.admitted);
  return {
    today,
    historyStart,
    current: rowsOf(facts, job),
    history,
    deadLetters: [...dead, ...snapshots.flatMap((snapshot) => snapshot.dead)].toSorted((a, b) => byText(a.at, b.at)),
    counts: {
      stream: stream.length,
      snapshot: admitted.reduce((sum, { rows }) => sum + rows.length, 0),
      loads: admitted.length,
    },
    complete: Object.fromEntries(snapshots.map(({ id, complete }) => [id, complete])),
  };
}

/**
 * **Guard.** "A complete snapshot whose absences would turn more than `max_delete_ratio` (0.2) of the keys that are there and more than 10
 * of them, or all of them, into gone ones is kept out as a whole." `truth` holds what was landed before the snapshot.
 */
export function guardSnapshot(
  truth: GroundTruth,
  candidate: OracleSnapshot,
  limits = { maxDeleteRatio: 0.2, minDeletes: 10 },
): { readonly there: number; readonly turned: number; readonly refused: boolean } {
  const { facts: stream } = streamFacts(truth);
  const before = truth.snapshots.map((snapshot) => judgeSnapshot(snapshot, truth.job));
  const judged = judgeSnapshot({ ...candidate, admitted: true }, truth.job);
  const isThere = (row: ExpectedRow | undefined): boolean => row?.row['_is_deleted'] === 'false';
  const there = rowsOf(factsByKey(stream, before, truth.job), truth.job).filter(isThere);
  const after = factsByKey(stream, [...before, judged], truth.job);
  const turned = there.filter(({ key }) => {
    const facts = after.get(key) ?? [];
    return facts.some(({ at }) => at === `${judged.id}/absent`) && !isThere(rowOfKey(key, facts, truth.job));
  }).length;
  const tooMany = turned > limits.maxDeleteRatio * there.length && turned > limits.minDeletes;
  return { there: there.length, turned, refused: tooMany || (turned > 0 && turned === there.length) };
}
