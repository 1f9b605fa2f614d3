/**
 * CSV -> columns and rows. An unquoted empty field is NULL, a quoted one the empty text. Types come from `column_types`; the others are
 * guessed, and a guess never loses anything: digits with a leading zero stay text (postal codes), as does whatever not every row agrees on.
 */
import { messageOf, SluiceError } from '../../core/errors.ts';
import { isCalendarDate, parseInstant } from '../../core/time.ts';
import type { SeedColumn, SeedTable } from '../sql/seed.ts';
import { columnKey } from '../sql/schema-change.ts';
import { didYouMean } from '../../config/suggest.ts';
import type { SeedNode } from './node.ts';

type Cell = string | null;

export async function parseSeed(seed: SeedNode): Promise<SeedTable> {
  const { parse } = await import('csv-parse/sync');
  let records: Cell[][];
  try {
    const parsed: unknown = parse(seed.text, {
      bom: true,
      delimiter: seed.config.delimiter,
      skip_empty_lines: true,
      cast: (value, context) => (value === '' && !context.quoting && !context.header ? null : value),
    });
    records = parsed as Cell[][];
  } catch (error) {
    throw new SluiceError('compile_error', `${seed.file}: the CSV cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const [header, ...rows] = records;
  const names = columnNames(seed, header ?? []);
  return { columns: columnsOf(seed, names, rows), rows };
}

function columnNames(seed: SeedNode, header: readonly Cell[]): readonly string[] {
  const names = header.map((name) => (name ?? '').trim());
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    const position = `column ${String(index + 1)}`;
    if (name === '') throw new SluiceError('compile_error', `${seed.file}:1: ${position} has no name`);
    if (seen.has(columnKey(name)))
      throw new SluiceError('compile_error', `${seed.file}:1: the column "${name}" stands twice`);
    seen.add(columnKey(name));
  }
  if (names.length === 0)
    throw new SluiceError('compile_error', `${seed.file} is empty, expected a line of column names`);
  return names;
}

function columnsOf(
  seed: SeedNode,
  names: readonly string[],
  rows: readonly (readonly Cell[])[],
): readonly SeedColumn[] {
  const declared = new Map(
    Object.entries(seed.config.columnTypes).map(([name, type]) => [columnKey(name), { name, type }]),
  );
  const columns = names.map((name, index) => {
    const type = declared.get(columnKey(name))?.type ?? guessType(rows, index);
    declared.delete(columnKey(name));
    return { name, type };
  });
  for (const { name } of declared.values()) {
    const message = `column_types names "${name}", which the file does not have${didYouMean(name, names)}`;
    throw new SluiceError('compile_error', `${seed.file}:1: ${message}`);
  }
  return columns;
}

const GUESSES: readonly (readonly [type: string, fits: (value: string) => boolean])[] = [
  ['bool', (value) => /^(?:true|false)$/i.test(value)],
  ['int64', (value) => /^-?(?:0|[1-9]\d{0,17})$/.test(value)],
  ['float64', (value) => /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$/.test(value)],
  ['date', isCalendarDate],
  ['timestamp', (value) => parseInstant(value.replace(' ', 'T')) !== undefined],
];

function guessType(rows: readonly (readonly Cell[])[], index: number): string {
  const values = rows.flatMap((row) => row[index] ?? []);
  if (values.length === 0) return 'string';
  return GUESSES.find(([, fits]) => values.every(fits))?.[0] ?? 'string';
}
