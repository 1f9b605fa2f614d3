/** Whole rows against whole rows, and a difference told so that one can see why. */
import type { GroundTruth, Row } from '../oracle/ground-truth.ts';

export interface ComparedRow {
  readonly day?: string | null;
  readonly key: string;
  readonly row: Row;
}

export interface Difference {
  readonly day: string | null;
  readonly key: string;
  /** null: the row as a whole. */
  readonly column: string | null;
  readonly expected: string | null;
  readonly got: string | null;
}

const placeOf = ({ day, key }: ComparedRow): string => `${day ?? ''}|${key}`;

/** Only the columns of the expected row are compared. Rows missing, too many, or there twice are differences too. */
export function compareTables(expected: readonly ComparedRow[], actual: readonly ComparedRow[]): Difference[] {
  const differences: Difference[] = [];
  const got = Map.groupBy(actual, placeOf);
  const differ = (row: ComparedRow, column: string | null, wanted: string | null, came: string | null): void => {
    differences.push({ day: row.day ?? null, key: row.key, column, expected: wanted, got: came });
  };
  for (const row of expected) {
    const found = got.get(placeOf(row)) ?? [];
    got.delete(placeOf(row));
    const [first] = found;
    if (first === undefined || found.length > 1) {
      differ(row, null, 'one row', found.length === 0 ? 'none' : `${found.length} rows`);
      continue;
    }
    for (const [column, cell] of Object.entries(row.row)) {
      const came = first.row[column] ?? null;
      if (came !== cell) differ(row, column, cell, came);
    }
  }
  for (const rows of got.values()) for (const row of rows) differ(row, null, 'no row', JSON.stringify(row.row));
  return differences;
}

const decode = (base64: string | null): string => (base64 === null ? 'null' : Buffer.from(base64, 'base64').toString());
const clip = (text: string): string => (text.length > 500 ? `${text.slice(0, 500)}…` : text);

/** Every record of a key in order of its broker timestamp or download, as one line each. */
export function recordsOfKey(truth: GroundTruth, key: string): string[] {
  const written = JSON.stringify(key);
  const stream = truth.records
    .filter((record) => decode(record.key) === key)
    .map((record): [number, string] => {
      const time = new Date(record.timestampMs).toISOString();
      return [
        record.timestampMs,
        `${time} ${record.topic}/${record.partition}/${record.offset} ${clip(decode(record.value))}`,
      ];
    });
  const snapshots = truth.snapshots.flatMap((snapshot): [number, string][] => {
    const rows = snapshot.pages.flatMap(({ items }) => items).filter((item) => item.includes(written));
    const head = `${snapshot.startedAt} snapshot ${snapshot.id} to ${snapshot.finishedAt}${snapshot.admitted ? '' : ', not admitted'}`;
    const lines = rows.length === 0 ? ['(not in it)'] : rows.map(clip);
    return [[Date.parse(snapshot.startedAt), `${head}: ${lines.join(' and ')}`]];
  });
  return [...stream, ...snapshots].toSorted((a, b) => a[0] - b[0]).map(([, line]) => line);
}

/** The first differences of a table and all records of their keys; empty when there is none. */
export function tellDifferences(table: string, differences: readonly Difference[], truth: GroundTruth): string {
  if (differences.length === 0) return '';
  const shown = differences.slice(0, 12);
  const lines = shown.map(({ day, key, column, expected, got }) => {
    const where = `${day === null ? '' : `${day} `}${key}${column === null ? '' : ` ${column}`}`;
    return `  ${where}: expected ${expected ?? 'NULL'}, got ${got ?? 'NULL'}`;
  });
  const keys = [...new Set(shown.map(({ key }) => key))].slice(0, 4);
  const stories = keys.flatMap((key) => [
    `  records of ${key}:`,
    ...recordsOfKey(truth, key).map((line) => `    ${line}`),
  ]);
  return [`${table} differs from the oracle in ${differences.length} places:`, ...lines, ...stories].join('\n');
}
