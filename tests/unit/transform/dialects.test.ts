import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDuckDb, type DuckDbDatabase } from '../../../src/adapters/duckdb/database.ts';
import { bigquery } from '../../../src/transform/sql/dialects/bigquery.ts';
import { duckdb } from '../../../src/transform/sql/dialects/duckdb.ts';

const name = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 20 })
  .filter((text) => !text.includes('\0') && text.isWellFormed());
let database: DuckDbDatabase;

beforeAll(async () => {
  database = await openDuckDb({ path: ':memory:', clock: { monotonic: () => performance.now() } });
});
afterAll(() => database.close());

/** Reads a GoogleSQL quoted name or text back by its escape rules. */
function unescaped(quoted: string): string {
  const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r' };
  return quoted.slice(1, -1).replaceAll(/\\(.)/gs, (_, char: string) => escapes[char] ?? char);
}

describe.each([duckdb, bigquery])('the $name dialect', (dialect) => {
  it('gives two names two identifiers, and two texts two literals', () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        fc.pre(a !== b);
        expect(dialect.identifier(a)).not.toBe(dialect.identifier(b));
        expect(dialect.text(a)).not.toBe(dialect.text(b));
      }),
    );
  });

  it('refuses NUL and empty names', () => {
    expect(() => dialect.identifier('a\0b')).toThrow(RangeError);
    expect(() => dialect.identifier('')).toThrow(RangeError);
    expect(() => dialect.text('a\0b')).toThrow(RangeError);
  });
});

describe('DuckDB', () => {
  it('reads every name and text back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(name, name, async (column, value) => {
        const result = await database.query(`select ${duckdb.text(value)} as ${duckdb.identifier(column)}`);
        expect(result.columns[0]?.name).toBe(column);
        expect(result.rows).toEqual([[value]]);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps the offset of a timestamp in text', async () => {
    const result = await database.query(`select ${duckdb.castText("'2026-03-01T12:00:00+02:00'", 'timestamp')}`);
    expect(result.rows).toEqual([['2026-03-01 10:00:00']]);
  });

  it('knows the neutral type names', async () => {
    for (const type of [
      'string',
      'int64',
      'float64',
      'bool',
      'date',
      'timestamp',
      'datetime',
      'json',
      'numeric',
      'numeric(18,2)',
      'bytes',
    ]) {
      await expect(database.query(`select cast(null as ${duckdb.typeName(type)})`)).resolves.toBeDefined();
    }
    expect(duckdb.typeName('NUMERIC')).toBe('decimal(38,9)');
  });
});

describe('BigQuery', () => {
  it('escapes names and texts so that GoogleSQL reads them back', () => {
    fc.assert(
      fc.property(name, (text) => {
        for (const quoted of [bigquery.identifier(text), bigquery.text(text)]) {
          expect(unescaped(quoted)).toBe(text);
          expect(quoted.slice(1, -1)).not.toMatch(/\n/);
        }
      }),
    );
  });

  it("writes literals of the partition column's own type", () => {
    expect(bigquery.dayLiteral('2026-03-01', 'date')).toBe("date '2026-03-01'");
    expect(bigquery.dayLiteral('2026-03-01', 'timestamp')).toBe("timestamp '2026-03-01 00:00:00+00'");
    expect(bigquery.dayLiteral('2026-03-01', 'datetime')).toBe("datetime '2026-03-01 00:00:00'");
  });

  it('quotes each part of a relation by itself', () => {
    expect(bigquery.relation({ database: 'my-project', schema: 'a.b', name: 'c`d' })).toBe(
      '`my-project`.`a.b`.`c\\`d`',
    );
  });
});
