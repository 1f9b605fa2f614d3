import { afterEach, describe, expect, it } from 'vitest';
import type { SeedNode } from '../../../src/transform/compile/node.ts';
import { parseSeed } from '../../../src/transform/compile/seed-rows.ts';
import { bigquery } from '../../../src/transform/sql/dialects/bigquery.ts';
import { duckdb } from '../../../src/transform/sql/dialects/duckdb.ts';
import { buildSeed, type SeedTable } from '../../../src/transform/sql/seed.ts';
import { modelProject, type ProjectFixture } from '../../support/model-project.ts';

let fixture: ProjectFixture | undefined;
afterEach(async () => {
  await fixture?.dispose();
  fixture = undefined;
});

async function seed(csv: string, yaml = ''): Promise<SeedTable> {
  fixture = await modelProject({ 'seeds/s.csv': csv, ...(yaml === '' ? {} : { 'seeds/seeds.yml': yaml }) });
  const node = (await fixture.compile()).nodes.get('seed.shop.s');
  return parseSeed(node as SeedNode);
}

const types = (table: SeedTable): Readonly<Record<string, string>> =>
  Object.fromEntries(table.columns.map(({ name, type }) => [name, type]));

describe('a seed', () => {
  it('tells types that lose nothing: postal codes, big numbers and mixtures stay text', async () => {
    const table = await seed(
      'int,plz,big,amount,flag,day,at,mixed,empty\n1,01234,99999999999999999999,1.5,true,2026-03-01,2026-03-01T10:00:00Z,1,\n-2,20097,1,2,FALSE,2026-02-28,2026-03-01 11:00:00+02:00,x,\n',
    );
    expect(types(table)).toEqual({
      int: 'int64',
      plz: 'string',
      big: 'string',
      amount: 'float64',
      flag: 'bool',
      day: 'date',
      at: 'timestamp',
      mixed: 'string',
      empty: 'string',
    });
  });

  it('keeps quoted empty text apart from NULL, and line breaks inside of quotes', async () => {
    const table = await seed('a,b\n"",\n"x\ny","say ""hi"""\n');
    expect(table.rows).toEqual([
      ['', null],
      ['x\ny', 'say "hi"'],
    ]);
  });

  it('reads another delimiter, a byte order mark and Windows line ends', async () => {
    const table = await seed('\uFEFFa;b\r\n1;2\r\n', 'version: 2\nseeds:\n  - name: s\n    config: {delimiter: ";"}\n');
    expect(table).toEqual({
      columns: [
        { name: 'a', type: 'int64' },
        { name: 'b', type: 'int64' },
      ],
      rows: [['1', '2']],
    });
  });

  it('takes declared types, without case', async () => {
    const table = await seed(
      'A,b\n1,2\n',
      'version: 2\nseeds:\n  - name: s\n    config: {column_types: {a: string}}\n',
    );
    expect(types(table)).toEqual({ A: 'string', b: 'int64' });
  });

  it.each([
    ['a,a\n1,2\n', '', /seeds\/s.csv:1: the column "a" stands twice/],
    ['a,\n1,2\n', '', /column 2 has no name/],
    ['', '', /is empty, expected a line of column names/],
    ['a,b\n1\n', '', /the CSV cannot be read: .*line 2/i],
    [
      'name\nx\n',
      'version: 2\nseeds:\n  - name: s\n    config: {column_types: {nmae: string}}\n',
      /column_types names "nmae", which the file does not have; did you mean "name"/,
    ],
    [
      'a\n1\n',
      'version: 2\nseeds:\n  - name: s\n    config: {column_types: {a: "int64) as select"}}\n',
      /the type of "a" is no type name/,
    ],
  ])('names the mistake in %j', async (csv, yaml, message) => {
    await expect(seed(csv, yaml)).rejects.toThrow(message);
  });

  it('is inserted in pieces, each value a typed literal', async () => {
    const table = await seed(`id,label\n${Array.from({ length: 1200 }, (_, index) => `${index},x`).join('\n')}\n`);
    const script = buildSeed(duckdb, { schema: 'a', name: 's' }, table, undefined);
    expect(script.change).toHaveLength(4);
    expect(script.change[1]?.sql.split('\n')[1]).toBe("(cast('0' as bigint), cast('x' as varchar)),");
    expect(script.stage).toEqual([]);
  });

  it('is staged and then replaces the table where DDL has no transaction', async () => {
    const script = buildSeed(bigquery, { schema: 'a', name: 's' }, await seed('id\n1\n'), undefined);
    expect(script.stage[0]).toBe('create or replace table `a`.`s__sluice_stage` (`id` int64)');
    expect(script.change.map(({ sql }) => sql)).toEqual([
      'create or replace table `a`.`s` as\nselect * from `a`.`s__sluice_stage`',
    ]);
  });
});
